/** Admin endpoints of notifications and webhooks: what waits, what was given up, and who else is told. The bank's own clients only. */
import { type DeadLetterDeps, resendAllDeadLetters, resendDeadLetter } from '../notify/dead-letters.ts';
import { tryWebhook, type WebhookDeps } from '../notify/webhook-delivery.ts';
import { createWebhook, findWebhook, rotateWebhook, setWebhookStatus } from '../notify/webhooks.ts';
import * as wire from '../protocol/admin.ts';
import { strict } from '../protocol/common.ts';
import { pageFrom } from './companies.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { deadLetterView, pageOf, webhookView } from './views.ts';

export type NotificationAdminDeps = DeadLetterDeps & WebhookDeps;

const messageParams = strict({ messageId: wire.MessageId });
const webhookParams = strict({ webhookId: wire.WebhookId });

/** The outbox: counted, its dead letters listed and sent again. */
export function notificationEndpoints(deps: NotificationAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      method: 'GET',
      path: '/notifications',
      permission: 'notifications.read',
      answer: async () => ({
        kinds: await deps.records.outbox.summary(),
        oldestPendingAt: (await deps.records.outbox.oldestPendingAt()) ?? null,
      }),
    }),
    adminEndpoint({
      method: 'GET',
      path: '/notifications/dead',
      permission: 'notifications.read',
      query: wire.DeadLetterList,
      answer: async ({ query }) => {
        const page = pageFrom(query);
        return pageOf(await deps.records.outbox.deadLetters(page), page.limit, ({ id }) => id, deadLetterView);
      },
    }),
    adminEndpoint({
      method: 'POST',
      path: '/notifications/resend',
      permission: 'notifications.write',
      body: wire.ResendAll,
      answer: async ({ body, actor }) => ({ resent: await resendAllDeadLetters(deps, { ...body, actor }) }),
    }),
    adminEndpoint({
      method: 'POST',
      path: '/notifications/:messageId/resend',
      permission: 'notifications.write',
      params: messageParams,
      body: strict({}),
      answer: async ({ params, actor }) => {
        await resendDeadLetter(deps, params.messageId, actor);
        return { resent: 1 };
      },
    }),
  ];
}

/** Webhook endpoints: registered, looked at, rotated, switched off and on, tried. */
export function webhookEndpoints(deps: NotificationAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      method: 'POST',
      path: '/webhooks',
      permission: 'notifications.write',
      body: wire.WebhookCreate,
      status: 201,
      answer: async ({ body, actor }) => {
        const endpoint = await createWebhook(deps, body, actor);
        return { ...webhookView(endpoint), secret: endpoint.secret };
      },
    }),
    adminEndpoint({
      method: 'GET',
      path: '/webhooks',
      permission: 'notifications.read',
      query: wire.WebhookList,
      answer: async ({ query }) => {
        const page = pageFrom(query);
        return pageOf(
          await deps.records.webhooks.list(page.after, page.limit),
          page.limit,
          ({ id }) => id,
          webhookView,
        );
      },
    }),
    adminEndpoint({
      method: 'GET',
      path: '/webhooks/:webhookId',
      permission: 'notifications.read',
      params: webhookParams,
      answer: async ({ params, actor }) => webhookView(await findWebhook(deps, params.webhookId, actor)),
    }),
    ...webhookActs(deps),
  ];
}

function webhookActs(deps: NotificationAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      method: 'POST',
      path: '/webhooks/:webhookId/rotate',
      permission: 'notifications.write',
      params: webhookParams,
      body: wire.WebhookRotate,
      answer: async ({ params, body, actor }) => {
        const endpoint = await rotateWebhook(deps, params.webhookId, { ...body, actor });
        return { ...webhookView(endpoint), secret: endpoint.secret };
      },
    }),
    adminEndpoint({
      method: 'POST',
      path: '/webhooks/:webhookId/test',
      permission: 'notifications.write',
      params: webhookParams,
      body: strict({}),
      answer: async ({ params, actor }) => tryWebhook(deps, await findWebhook(deps, params.webhookId, actor)),
    }),
    ...(
      [
        ['disable', 'disabled'],
        ['enable', 'active'],
      ] as const
    ).map(([verb, status]) =>
      adminEndpoint({
        method: 'POST',
        path: `/webhooks/:webhookId/${verb}`,
        permission: 'notifications.write',
        params: webhookParams,
        body: strict({}),
        answer: async ({ params, actor }) =>
          webhookView(await setWebhookStatus(deps, params.webhookId, { status, actor })),
      }),
    ),
  ];
}
