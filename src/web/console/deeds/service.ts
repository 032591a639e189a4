/** What is done to the service itself: portals, keys, messages, webhooks. */
import type { Input } from '../../../admin-client/client.ts';
import type { Client, Webhook } from '../../../admin-client/operations.ts';
import type { Act } from '../acts.ts';
import { showSecret } from '../secret.ts';

/** A new portal or machine. */
export type NewClient = Input<'createClient'>['body'];

type WithSecret<T> = T & { readonly secret?: string };

export const createClient: Act<NewClient, WithSecret<Client>> = {
  name: 'clients.create',
  permission: 'clients.write',
  title: (t) => t('client.create'),
  explain: (t, { id, name }) => [t('client.createText', { id, name })],
  request: (body) => ['createClient', { body }],
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
  request: ({ clientId, version, changes }) => [
    'changeClient',
    { params: { clientId }, body: { version, ...changes } },
  ],
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
  request: ({ clientId }) => ['disableClient', { params: { clientId } }],
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
  request: (body) => ['rotateKeys', { body }],
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
      ? ['resendDeadLetters', { body: { kind: 'all' } }]
      : ['resendDeadLetter', { params: { messageId } }],
  done: ({ refresh, t }, _params, { resent }) => refresh(t('notify.resent', { count: resent })),
};

/** A new receiver of webhooks; no events: all. */
export type NewWebhook = Input<'createWebhook'>['body'];

export const createWebhook: Act<NewWebhook, WithSecret<Webhook>> = {
  name: 'webhooks.create',
  permission: 'notifications.write',
  title: (t) => t('webhook.create'),
  explain: (t, { url }) => [t('webhook.createText', { url })],
  request: (body) => ['createWebhook', { body }],
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
  request: ({ webhookId }) => ['rotateWebhook', { params: { webhookId } }],
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
  request: ({ webhookId }) => ['testWebhook', { params: { webhookId } }],
  done: ({ refresh, t }, _params, { isDelivered, answer }) =>
    refresh(t(isDelivered ? 'webhook.delivered' : 'webhook.undelivered', { answer })),
};

function switchAct(verb: 'enable' | 'disable'): Act<WebhookRef> {
  return {
    name: `webhooks.${verb}`,
    permission: 'notifications.write',
    title: (t) => t(`webhook.${verb}`),
    explain: (t, { name }) => [t(`webhook.${verb}Text`, { name })],
    request: ({ webhookId }) => [`${verb}Webhook`, { params: { webhookId } }],
    done: ({ refresh, t }) => refresh(t('webhook.switched')),
  };
}

export const enableWebhook = switchAct('enable');
export const disableWebhook = switchAct('disable');
