/** Admin endpoints of notifications and webhooks: what waits, what was given up, and who else is told. The bank's own clients only. */
import { type DeadLetterDeps, resendAllDeadLetters, resendDeadLetter } from '../notify/dead-letters.ts';
import { tryWebhook, type WebhookDeps } from '../notify/webhook-delivery.ts';
import { createWebhook, findWebhook, rotateWebhook, setWebhookStatus } from '../notify/webhooks.ts';
import * as wire from '../protocol/admin.ts';
import * as view from '../protocol/admin-views.ts';
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
      name: 'getNotifications',
      summary: 'Count what waits and what was given up',
      method: 'GET',
      path: '/notifications',
      reply: view.NotificationsView,
      permission: 'notifications.read',
      answer: async () => ({
        kinds: await deps.records.outbox.summary(),
        oldestPendingAt: (await deps.records.outbox.oldestPendingAt()) ?? null,
      }),
    }),
    adminEndpoint({
      name: 'listDeadLetters',
      summary: 'List what was given up',
      method: 'GET',
      path: '/notifications/dead',
      reply: view.DeadLetterPage,
      permission: 'notifications.read',
      query: wire.DeadLetterList,
      answer: async ({ query }) => {
        const page = pageFrom(query);
        return pageOf(await deps.records.outbox.deadLetters(page), page.limit, ({ id }) => id, deadLetterView);
      },
    }),
    adminEndpoint({
      name: 'resendDeadLetters',
      summary: 'Send again what was given up: all, or all of a kind',
      method: 'POST',
      path: '/notifications/resend',
      reply: view.ResentView,
      permission: 'notifications.write',
      body: wire.ResendAll,
      answer: async ({ body, actor }) => ({ resent: await resendAllDeadLetters(deps, { ...body, actor }) }),
    }),
    adminEndpoint({
      name: 'resendDeadLetter',
      summary: 'Send one again that was given up',
      method: 'POST',
      path: '/notifications/:messageId/resend',
      reply: view.ResentView,
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
      name: 'createWebhook',
      summary: 'Register an address that is told of events',
      method: 'POST',
      path: '/webhooks',
      reply: view.WebhookWithSecretView,
      permission: 'notifications.write',
      body: wire.WebhookCreate,
      status: 201,
      answer: async ({ body, actor }) => {
        const endpoint = await createWebhook(deps, body, actor);
        return { ...webhookView(endpoint), secret: endpoint.secret };
      },
    }),
    adminEndpoint({
      name: 'listWebhooks',
      summary: 'List webhooks',
      method: 'GET',
      path: '/webhooks',
      reply: view.WebhookPage,
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
      name: 'getWebhook',
      summary: 'Look at a webhook',
      method: 'GET',
      path: '/webhooks/:webhookId',
      reply: view.WebhookView,
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
      name: 'rotateWebhook',
      summary: 'Make a new secret of a webhook',
      method: 'POST',
      path: '/webhooks/:webhookId/rotate',
      reply: view.WebhookWithSecretView,
      permission: 'notifications.write',
      params: webhookParams,
      body: wire.WebhookRotate,
      answer: async ({ params, body, actor }) => {
        const endpoint = await rotateWebhook(deps, params.webhookId, { ...body, actor });
        return { ...webhookView(endpoint), secret: endpoint.secret };
      },
    }),
    adminEndpoint({
      name: 'testWebhook',
      summary: 'Send a test to a webhook now',
      method: 'POST',
      path: '/webhooks/:webhookId/test',
      reply: view.WebhookTrialView,
      permission: 'notifications.write',
      params: webhookParams,
      body: strict({}),
      answer: async ({ params, actor }) => tryWebhook(deps, await findWebhook(deps, params.webhookId, actor)),
    }),
    ...(
      [
        ['disable', 'disabled', 'Tell a webhook nothing any more'],
        ['enable', 'active', 'Tell a webhook again, from now on'],
      ] as const
    ).map(([verb, status, summary]) =>
      adminEndpoint({
        name: `${verb}Webhook`,
        summary,
        method: 'POST',
        path: `/webhooks/:webhookId/${verb}`,
        reply: view.WebhookView,
        permission: 'notifications.write',
        params: webhookParams,
        body: strict({}),
        answer: async ({ params, actor }) =>
          webhookView(await setWebhookStatus(deps, params.webhookId, { status, actor })),
      }),
    ),
  ];
}
