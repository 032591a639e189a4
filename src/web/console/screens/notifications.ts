/** Messages on their way and those that were given up; who else is told. */

import type { DeadLetter, Notifications, Webhook } from '../../../admin-client/operations.ts';
import { webhookEvents } from '../../../protocol/admin.ts';
import { paragraph } from '../../design/dom.ts';
import { api, list } from '../api.ts';
import type { Console, Screen, View } from '../context.ts';
import { createWebhook, disableWebhook, enableWebhook, resend, rotateWebhook, tryWebhook } from '../deeds/service.ts';
import { actButton } from '../dialog.ts';
import { checksField, textField } from '../fields.ts';
import { when } from '../format.ts';
import { badge, buttons, code, facts, link, long, pager, section, table } from '../parts.ts';
import { actForm } from '../submit.ts';

const path = '/notifications';

export const notificationsScreen: Screen = async (console, { query }) => {
  const { t } = console;
  const [summary, dead, webhooks] = await Promise.all([
    api('getNotifications'),
    list('listDeadLetters', query),
    list('listWebhooks', { limit: 200 }),
  ]);
  return {
    title: t('nav.notifications'),
    content: [
      section(t('notify.outbox'), outbox(console, summary)),
      section(
        t('notify.dead'),
        deadTable(console, dead.items),
        pager(console, { path, query, next: dead.next }),
        dead.items.length === 0 ? undefined : buttons(actButton(console, resend, { messageId: null })),
      ),
      section(
        t('notify.webhooks'),
        webhookTable(console, webhooks.items),
        buttons(
          console.may('notifications.write') ? link('/webhooks/new', t('webhook.create'), 'button quiet') : undefined,
        ),
      ),
    ],
  };
};

function outbox({ t }: Console, { kinds, oldestPendingAt }: Notifications): HTMLElement {
  return facts([
    ...kinds.map(
      ({ kind, pending, dead }) => [t.named('notify.kind', kind), t('notify.counts', { pending, dead })] as const,
    ),
    [t('notify.oldest'), when(t, oldestPendingAt)],
  ]);
}

function deadTable(console: Console, rows: readonly DeadLetter[]): HTMLElement {
  const { t } = console;
  return table({
    caption: t('notify.dead'),
    rows,
    empty: t('notify.none'),
    columns: [
      { head: t('notify.recipient'), cell: ({ recipient }) => long(recipient) },
      { head: t('notify.kindHead'), cell: ({ kind }) => t.named('notify.kind', kind) },
      { head: t('notify.error'), cell: ({ lastError }) => long(lastError ?? '–') },
      { head: t('notify.attempts'), cell: ({ attempts }) => String(attempts) },
      { head: t('list.created'), cell: ({ createdAt }) => when(t, createdAt) },
      { head: t('list.acts'), cell: ({ id }) => actButton(console, resend, { messageId: id }) },
    ],
  });
}

function webhookBadge({ t }: Console, status: string): HTMLElement {
  return badge(t.named('client.status', status), status === 'active' ? 'good' : 'none');
}

function webhookTable(console: Console, rows: readonly Webhook[]): HTMLElement {
  const { t } = console;
  return table({
    caption: t('notify.webhooks'),
    rows,
    empty: t('webhook.none'),
    columns: [
      { head: t('list.name'), cell: ({ id, name }) => link(`/webhooks/${id}`, name) },
      { head: t('webhook.url'), cell: ({ url }) => long(url) },
      { head: t('list.status'), cell: ({ status }) => webhookBadge(console, status) },
    ],
  });
}

export const newWebhookScreen: Screen = (console) => {
  const { t } = console;
  const name = textField({ name: 'name', label: t('list.name'), attributes: { maxlength: '80' } });
  const url = textField({
    name: 'url',
    label: t('webhook.url'),
    hint: t('webhook.urlHint'),
    attributes: { type: 'url', maxlength: '500', dir: 'ltr' },
  });
  const events = checksField({
    name: 'events',
    legend: t('webhook.events'),
    hint: t('webhook.eventsHint'),
    options: webhookEvents.map((event) => [event, event]),
    chosen: [],
  });
  const made = actForm(console, {
    act: createWebhook,
    fields: [name.row, url.row, events.row],
    read: () => {
      const entered = { name: name.input.value.trim(), url: url.input.value.trim(), events: events.values() };
      return entered.name === '' || entered.url === '' ? t('form.nameMissing') : entered;
    },
  });
  return Promise.resolve({
    title: t('webhook.create'),
    back: link(path, t('nav.notifications'), 'back'),
    content: [made ?? paragraph(t('error.access_denied'), 'trouble')],
  });
};

export const webhookScreen: Screen = async (console, { params }): Promise<View> => {
  const { t } = console;
  const webhook = await api('getWebhook', { params: { webhookId: params['webhookId'] ?? '' } });
  const { id, name, events, overlapUntil } = webhook;
  const ref = { webhookId: id, name };
  return {
    title: name,
    back: link(path, t('nav.notifications'), 'back'),
    content: [
      facts([
        [t('list.status'), webhookBadge(console, webhook.status)],
        [t('webhook.url'), code(webhook.url)],
        [t('webhook.events'), events.length === 0 ? t('webhook.all') : events.join(', ')],
        ...(webhook.companyId === null
          ? []
          : [[t('user.company'), link(`/companies/${webhook.companyId}`, webhook.companyId)] as const]),
        ...(overlapUntil === null ? [] : [[t('webhook.overlap'), when(t, overlapUntil)] as const]),
        [t('list.created'), when(t, webhook.createdAt)],
        [t('list.id'), code(id)],
      ]),
      buttons(
        actButton(console, tryWebhook, ref),
        actButton(console, rotateWebhook, ref),
        webhook.status === 'active' ? actButton(console, disableWebhook, ref) : actButton(console, enableWebhook, ref),
      ),
    ],
  };
};
