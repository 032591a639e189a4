/** The inbox of the test's server: what waits, what has ended, and the receipts, made by hand as docs/signing.md says. */
import type { JWK } from 'jose';
import { b64, type Call, type Channel, id, Refusal, sha256 } from './protocol-server.ts';

/** What waits, as the inbox lists it, with what only the order says. */
interface Waits {
  readonly entry: Record<string, unknown> & { readonly signingId: string };
  readonly mpinOnly: boolean;
  readonly warnings: readonly string[];
}

export interface Inbox {
  readonly waiting: Waits[];
  readonly past: Record<string, unknown>[];
  readonly receipts: Map<string, Record<string, string>>;
  /** Something more waits. */
  add(changes?: { approvers?: object; title?: string; mpinOnly?: boolean; warnings?: readonly string[] }): string;
  /** What the descriptor says of what waits. Throws for what does not. */
  claimed(signingId: string): Record<string, unknown>;
  /** It is approved, and has a receipt from now on. */
  approved(signingId: string, said: { descriptor: string; approval: string }): Promise<void>;
  readonly endpoints: Record<string, (call: Call) => Promise<unknown>>;
}

interface Owner {
  readonly deviceId: string;
  readonly jwk: JWK;
}

/** As long as the protocol says. */
const partBytes = 196_608;
const client = { id: 'portal', name: 'Demo Portal', domain: 'portal.example' };

export function createInbox(channel: Channel, device: () => Owner): Inbox {
  const waiting: Waits[] = [];
  const past: Inbox['past'] = [];
  const receipts: Inbox['receipts'] = new Map();
  const { tamper, issuer } = channel;
  const seconds = () => Math.floor(channel.clock.now() / 1000);
  const take = (signingId: string): Waits => {
    const found = waiting.find(({ entry }) => entry.signingId === signingId);
    if (found === undefined) throw new Refusal(410, 'order_unavailable');
    return found;
  };
  return {
    waiting,
    past,
    receipts,
    add: ({
      approvers = { needed: 1, given: 0 },
      title = 'Text of the portal',
      mpinOnly = false,
      warnings = [],
    } = {}) => {
      const signingId = id('sig');
      const createdAt = channel.clock.now();
      const template = { name: 'text', version: 1 };
      const times = { createdAt, expiresAt: createdAt + 300_000 };
      const entry = { signingId, client, template, title, about: ['The portal writes: “Hello”'], approvers, ...times };
      waiting.unshift({ entry, mpinOnly, warnings });
      return signingId;
    },
    claimed: (signingId) => {
      const { entry, mpinOnly, warnings } = take(signingId);
      const { approvers } = entry;
      return { signing: { id: signingId, approvers, warnings }, ...(mpinOnly ? { mpinOnly } : {}) };
    },
    approved: async (signingId, { descriptor, approval }) => {
      const { entry } = take(signingId);
      waiting.splice(
        waiting.findIndex((one) => one.entry === entry),
        1,
      );
      const { deviceId, jwk } = device();
      const { kty, crv, x, y } = jwk;
      const at = seconds();
      const { orderId } = JSON.parse(Buffer.from(descriptor.split('.')[1] ?? '', 'base64url').toString()) as {
        orderId: string;
      };
      const countersignature = await channel.sign('mtoken-receipt+jws', {
        iss: issuer,
        orderId,
        reference: 'my order',
        user: { id: id('usr'), name: 'Anna' },
        device: {
          id: deviceId,
          name: 'Test phone',
          jwk: { kty, crv, x, y },
          status: 'active',
          attestation: 'none',
          registeredAt: 0,
        },
        factor: 'pin',
        orderHash: sha256(descriptor),
        approvalHash: sha256(approval),
        provedAt: at,
        approvedAt: at,
        iat: at,
      });
      receipts.set(signingId, {
        format: 'mtoken-receipt',
        order: descriptor,
        approval,
        countersignature,
      });
      const { template, title, about } = entry;
      past.unshift({
        signingId,
        client,
        template,
        title,
        about,
        state: 'approved',
        endedAt: at * 1000,
        isSigned: true,
      });
    },
    endpoints: {
      'orders/inbox': async () => {
        const honest = { waiting: waiting.map(({ entry }) => entry) };
        return tamper.inbox?.(honest) ?? honest;
      },
      'orders/history': async ({ body }) => {
        const { before } = body;
        const at = before === undefined ? 0 : past.findIndex(({ signingId }) => signingId === before) + 1;
        const honest = { past: past.slice(at, at + 25), hasMore: past.length > at + 25 };
        return tamper.history?.(honest) ?? honest;
      },
      'orders/receipt': async ({ body }) => {
        const found = receipts.get(String(body['signingId']));
        if (found === undefined) throw new Refusal(404, 'not_found');
        const honest = { ...found, version: 1 };
        const bytes = Buffer.from(JSON.stringify(tamper.receipt?.(honest) ?? honest));
        const at = Number(body['part']) * partBytes;
        return { bytes: b64(bytes.subarray(at, at + partBytes)), parts: Math.ceil(bytes.length / partBytes) };
      },
    },
  };
}
