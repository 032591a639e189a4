/** What an approver is told: which act it is, and on whom, before they agree to it. */
import { describe, expect, it } from 'vitest';
import type { ApprovalWithRequest } from '../../../../src/admin-client/operations.ts';
import { fourEyesActs } from '../../../../src/companies/rules.ts';
import english from '../../../../src/texts/languages/en.json' with { type: 'json' };
import { textsOf } from '../../../../src/texts/texts.ts';
import type { Messages } from '../../../../src/web/console/messages.ts';
import { actName, actTitle } from '../../../../src/web/console/screens/request-words.ts';
import { listedEndpoints } from '../../../docs/openapi.ts';

const t = Object.assign(textsOf('en', english.console, english.console), {
  named: (_group: string, name: string) => name,
}) as Messages;

const kept = listedEndpoints
  .filter(({ permission }) => fourEyesActs.some((name) => name === permission))
  .map(({ method, path }) => `${method} ${path}`);

const approval = (changes: Partial<ApprovalWithRequest>): ApprovalWithRequest => ({
  id: 'apr_1',
  companyId: 'co_1',
  permission: 'devices.decide',
  means: 'approve or refuse a registration',
  endpoint: 'POST /devices/:deviceId/approve',
  requestedBy: { id: 'usr_1', name: 'Alice' },
  subject: { id: 'usr_2', name: 'Mallory' },
  reason: null,
  status: 'pending',
  decidedBy: null,
  decidedAt: null,
  decisionReason: null,
  problem: null,
  createdAt: 0,
  expiresAt: 1,
  settledAt: null,
  request: { params: { deviceId: 'dev_1' }, query: {}, body: {} },
  ...changes,
});

describe('an approver', () => {
  it('is told every act that takes two people by a name of its own, so that none is agreed to for another (T-15, A-10)', () => {
    expect(kept.length).toBeGreaterThanOrEqual(fourEyesActs.length + 1);
    const names = kept.map((endpoint) => actName(t, { endpoint }));
    expect(new Set(names).size).toBe(kept.length);
    for (const [index, name] of names.entries()) expect(name, kept[index]).not.toBe(kept[index]);
  });

  it('does not read the same for approving a phone and for refusing it, and reads whose phone it is (T-15, A-10)', () => {
    const named = { device: { id: 'dev_1', name: 'Pixel' }, company: undefined };
    expect(actTitle(t, approval({}), named)).toBe('Approve device: Pixel, Mallory');
    expect(actTitle(t, approval({ endpoint: 'POST /devices/:deviceId/refuse' }), named)).toBe(
      'Refuse device: Pixel, Mallory',
    );
  });

  it('reads the name of who would be created, and the endpoint of an act that the page does not know (A-10)', () => {
    const nothing = { device: undefined, company: undefined };
    const request = { params: {}, query: {}, body: { name: 'Nora', companyId: 'co_1' } };
    const creation = approval({ endpoint: 'POST /users', subject: null, request });
    expect(actTitle(t, creation, nothing)).toBe('Create a user: Nora');
    const unknown = approval({ endpoint: 'POST /vaults/:vaultId/open', subject: null, request: null });
    expect(actTitle(t, unknown, nothing)).toBe('POST /vaults/:vaultId/open');
  });
});
