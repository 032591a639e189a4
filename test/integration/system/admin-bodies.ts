/** What goes to the admin API in tests of all its routes at once. Every route that takes a body has one here: a test compares. */

/** An id of the right form that nothing has. */
export const id = (prefix: string): string => `${prefix}_${'A'.repeat(22)}`;

/** A body of the right form for each route of the admin API that takes one. */
export const adminBodies: Readonly<Record<string, Record<string, unknown>>> = {
  'POST /admin/v1/companies': { name: 'Fuzz Ltd', userLimit: 2, deviceLimit: 2, selfActivation: true, mpinLength: 5 },
  'PATCH /admin/v1/companies/:companyId': { version: 999, name: 'Other' },
  'POST /admin/v1/companies/:companyId/deactivate-devices': { reason: 'lost' },
  'POST /admin/v1/companies/:companyId/suspend': { reason: 'fuzz' },
  'POST /admin/v1/companies/:companyId/restore': { reason: 'fuzz' },
  'POST /admin/v1/companies/:companyId/close': { reason: 'fuzz' },
  'POST /admin/v1/clients': {
    id: 'fuzz-client',
    kind: 'portal',
    name: 'Portal',
    metadata: { redirect_uris: ['https://portal.example/callback'] },
  },
  'PATCH /admin/v1/clients/:clientId': { version: 999, name: 'Other' },
  'POST /admin/v1/clients/:clientId/disable': {},
  'POST /admin/v1/clients/:clientId/webhook/rotate': { overlapHours: 1 },
  'POST /admin/v1/users': {
    companyId: id('co'),
    name: 'Ada',
    email: 'ada@fuzz.example',
    role: 'user',
    permissions: 'full',
    locale: 'en',
    language: 'de',
  },
  'PATCH /admin/v1/users/:userId': { version: 999, name: 'Other' },
  'POST /admin/v1/users/:userId/email': { version: 999, email: 'ada@fuzz.example' },
  'POST /admin/v1/users/:userId/staff': { version: 999, staffRole: 'auditor' },
  'POST /admin/v1/users/:userId/personal-data': { reason: 'fuzz' },
  'POST /admin/v1/users/:userId/erase': { reason: 'fuzz' },
  // Nothing here has a company for the bank's own people.
  'POST /admin/v1/staff': { name: 'Ada', email: 'ada@fuzz.example', staffRole: 'auditor' },
  'POST /admin/v1/users/:userId/suspend': { reason: 'fuzz' },
  'POST /admin/v1/users/:userId/restore': { reason: 'fuzz' },
  'POST /admin/v1/users/:userId/remove': { reason: 'fuzz' },
  'POST /admin/v1/users/:userId/activations': {},
  'POST /admin/v1/users/:userId/deactivate-devices': { reason: 'fuzz' },
  'POST /admin/v1/devices/:deviceId/approve': {},
  'POST /admin/v1/devices/:deviceId/refuse': { reason: 'fuzz' },
  'POST /admin/v1/devices/:deviceId/deactivate': { reason: 'fuzz' },
  'POST /admin/v1/approvals/:approvalId/approve': {},
  'POST /admin/v1/approvals/:approvalId/refuse': { reason: 'fuzz' },
  'POST /admin/v1/approvals/:approvalId/withdraw': {},
  // Refused, for the English is missing.
  'POST /admin/v1/terms': { version: '2026-1', texts: [{ language: 'fr', title: 'Conditions', text: 'Texte' }] },
  'POST /admin/v1/keys/rotate': { immediately: true, withoutOverlap: false },
  'POST /admin/v1/notifications/resend': { kind: 'webhook' },
  'POST /admin/v1/notifications/:messageId/resend': {},
  // Refused, for nothing here names this host as internal.
  'POST /admin/v1/webhooks': {
    name: 'Fuzz',
    url: 'http://127.0.0.1:9/',
    companyId: id('co'),
    events: ['mpin.blocked'],
  },
  'POST /admin/v1/webhooks/:webhookId/rotate': { overlapHours: 1 },
  'POST /admin/v1/webhooks/:webhookId/test': {},
  'POST /admin/v1/webhooks/:webhookId/disable': {},
  'POST /admin/v1/webhooks/:webhookId/enable': {},
};

/** For every parameter of a path. */
export const unknownIds = {
  companyId: id('co'),
  userId: id('usr'),
  deviceId: id('dev'),
  clientId: 'nobody',
  messageId: id('box'),
  webhookId: id('whk'),
  approvalId: id('apr'),
  version: 'none',
  uid: 'unknown',
};
