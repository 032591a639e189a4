/** What is done to the service itself: portals, keys, messages, webhooks. */
import type { Act } from '../acts.ts';
import type { Client, Webhook } from '../model.ts';
import { showSecret } from '../secret.ts';

/** A new portal or machine. `metadata` is OpenID Connect client metadata. */
export interface NewClient {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly companyId?: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

type WithSecret<T> = T & { readonly secret?: string };

export const createClient: Act<NewClient, WithSecret<Client>> = {
  name: 'clients.create',
  permission: 'clients.write',
  title: (t) => t('client.create'),
  explain: (t, { id, name }) => [t('client.createText', { id, name })],
  request: (body) => ({ method: 'POST', path: '/clients', body }),
  done: (console, { name }, { id, secret }) => {
    console.go(`/clients/${id}`, console.t('client.created', { name }));
    if (secret !== undefined) showSecret(console, secret);
  },
};

/** What is changed of a client, and in which version of it. */
export interface ClientChange {
  readonly clientId: string;
  readonly version: number;
  readonly changes: { readonly name: string; readonly metadata: Readonly<Record<string, unknown>> };
}

export const changeClient: Act<ClientChange, WithSecret<Client>> = {
  name: 'clients.change',
  permission: 'clients.write',
  title: (t) => t('client.save'),
  explain: (t, { clientId }) => [t('client.saveText', { id: clientId })],
  request: ({ clientId, version, changes }) => ({
    method: 'PATCH',
    path: `/clients/${clientId}`,
    body: { version, ...changes },
  }),
  done: (console, { clientId }, { secret }) => {
    console.go(`/clients/${clientId}`, console.t('client.saved'));
    if (secret !== undefined) showSecret(console, secret);
  },
};

/** Which client. */
export interface ClientRef {
  readonly clientId: string;
  readonly name: string;
}

export const disableClient: Act<ClientRef> = {
  name: 'clients.disable',
  permission: 'clients.write',
  title: (t) => t('client.disable'),
  explain: (t, { name }) => [t('client.disableText', { name })],
  isFinal: true,
  request: ({ clientId }) => ({ method: 'POST', path: `/clients/${clientId}/disable`, body: {} }),
  done: ({ refresh, t }) => refresh(t('client.disabled')),
};

/** How keys are rotated. */
export interface Rotation {
  readonly immediately: boolean;
  readonly withoutOverlap: boolean;
}

export const rotateKeys: Act<Rotation> = {
  name: 'keys.rotate',
  permission: 'keys.rotate',
  title: (t, { withoutOverlap }) => t(withoutOverlap ? 'keys.replace' : 'keys.rotate'),
  explain: (t, { withoutOverlap }) => [t(withoutOverlap ? 'keys.replaceText' : 'keys.rotateText')],
  isFinal: true,
  request: (body) => ({ method: 'POST', path: '/keys/rotate', body }),
  done: ({ refresh, t }) => refresh(t('keys.rotated')),
};

/** Which messages are sent again; one by its id, or all. */
export interface Resend {
  readonly messageId: string | null;
}

export const resend: Act<Resend, { readonly resent: number }> = {
  name: 'notifications.resend',
  permission: 'notifications.write',
  title: (t, { messageId }) => t(messageId === null ? 'notify.resendAll' : 'notify.resend'),
  explain: (t) => [t('notify.resendText')],
  request: ({ messageId }) =>
    messageId === null
      ? { method: 'POST', path: '/notifications/resend', body: { kind: 'all' } }
      : { method: 'POST', path: `/notifications/${messageId}/resend`, body: {} },
  done: ({ refresh, t }, _params, { resent }) => refresh(t('notify.resent', { count: resent })),
};

/** A new receiver of webhooks; no events: all. */
export interface NewWebhook {
  readonly name: string;
  readonly url: string;
  readonly companyId?: string;
  readonly events: readonly string[];
}

export const createWebhook: Act<NewWebhook, WithSecret<Webhook>> = {
  name: 'webhooks.create',
  permission: 'notifications.write',
  title: (t) => t('webhook.create'),
  explain: (t, { url }) => [t('webhook.createText', { url })],
  request: (body) => ({ method: 'POST', path: '/webhooks', body }),
  done: (console, _params, { id, secret }) => {
    console.go(`/webhooks/${id}`, console.t('webhook.created'));
    if (secret !== undefined) showSecret(console, secret);
  },
};

/** Which webhook. */
export interface WebhookRef {
  readonly webhookId: string;
  readonly name: string;
}

export const rotateWebhook: Act<WebhookRef, WithSecret<Webhook>> = {
  name: 'webhooks.rotate',
  permission: 'notifications.write',
  title: (t) => t('webhook.rotate'),
  explain: (t) => [t('webhook.rotateText')],
  request: ({ webhookId }) => ({ method: 'POST', path: `/webhooks/${webhookId}/rotate`, body: {} }),
  done: (console, _params, { secret }) => {
    console.refresh(console.t('webhook.rotated'));
    if (secret !== undefined) showSecret(console, secret);
  },
};

export const tryWebhook: Act<WebhookRef, { readonly isDelivered: boolean; readonly answer: string }> = {
  name: 'webhooks.test',
  permission: 'notifications.write',
  title: (t) => t('webhook.try'),
  explain: (t) => [t('webhook.tryText')],
  request: ({ webhookId }) => ({ method: 'POST', path: `/webhooks/${webhookId}/test`, body: {} }),
  done: ({ refresh, t }, _params, { isDelivered, answer }) =>
    refresh(t(isDelivered ? 'webhook.delivered' : 'webhook.undelivered', { answer })),
};

function switchAct(verb: 'enable' | 'disable'): Act<WebhookRef> {
  return {
    name: `webhooks.${verb}`,
    permission: 'notifications.write',
    title: (t) => t(`webhook.${verb}`),
    explain: (t, { name }) => [t(`webhook.${verb}Text`, { name })],
    request: ({ webhookId }) => ({ method: 'POST', path: `/webhooks/${webhookId}/${verb}`, body: {} }),
    done: ({ refresh, t }) => refresh(t('webhook.switched')),
  };
}

export const enableWebhook = switchAct('enable');
export const disableWebhook = switchAct('disable');
