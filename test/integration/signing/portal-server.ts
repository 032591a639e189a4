/** A portal's server as the signing API meets it: with its token, its keys, and the files that it hands out. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SigningFrame, SigningOrder } from '../../../src/protocol/signing-api.ts';
import type { TemplateName } from '../../../src/protocol/templates/templates.ts';
import type { ClaimedOrder, Phone } from '../../../src/sdk/index.ts';
import { samples } from '../../unit/signing/samples.ts';
import type { Portal } from '../system/portal.ts';
import { addPortal, mpin, type System } from '../system/rig.ts';

export type Answered<T> = { readonly status: number; readonly json: T & { type?: string; detail?: string } };

export interface PortalServer {
  readonly portal: Portal;
  call<T = SigningOrder>(path: string, asked?: { body?: unknown; key?: string }): Promise<Answered<T>>;
  /** Asks the user of the system. */
  ask(
    template: TemplateName,
    changed?: Readonly<Record<string, unknown>>,
    more?: object,
  ): Promise<Answered<SigningOrder>>;
  /** The phone scans what the portal shows. */
  shownTo(phone: Phone, signingId: string): Promise<ClaimedOrder>;
  close(): Promise<void>;
}

/** Registered for signing, with a token. `redirectUris`: its origins, beside which no document may be. */
export async function portalServer(system: System, redirectUris?: readonly string[]): Promise<PortalServer> {
  const metadata = redirectUris === undefined ? {} : { redirect_uris: redirectUris };
  const portal = await addPortal(system.server, system.issuer, { scope: 'sign', ...metadata });
  const response = await fetch(`${system.issuer}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${portal.id}:${portal.secret}`).toString('base64')}` },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      resource: `${system.issuer}/signing`,
      scope: 'sign',
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  const call: PortalServer['call'] = async (path, { body, key = randomUUID() } = {}) => {
    const answer = await fetch(`${system.issuer}/signing/v1/orders${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, json: (await answer.json()) as never };
  };
  return {
    portal,
    call,
    ask: (template, changed = {}, more = {}) => {
      const fields = { ...samples[template], ...changed };
      const reference = `my ${template}`;
      return call('', {
        body: { user: system.user.id, template, version: 1, fields, locale: 'en', reference, ...more },
      });
    },
    shownTo: async (phone, signingId) => {
      const { json } = await call<SigningFrame>(`/${signingId}/frame`);
      return phone.claim(json.qr);
    },
    close: () => portal.close(),
  };
}

export const byMpin = { method: 'mpin', mpin } as const;

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export interface FileServer {
  /** Its origin. */
  readonly origin: string;
  readonly port: number;
  /** Paths that were asked for. */
  readonly asked: string[];
  answer: Answer;
  close(): Promise<void>;
}

/** Hands out what it is told to, until it is closed; `port` opens it again where it was. */
export async function fileServer(answer: Answer, port = 0): Promise<FileServer> {
  const asked: string[] = [];
  const files: FileServer = {
    origin: '',
    port: 0,
    asked,
    answer,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    files.answer(response, request);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const { port: found } = server.address() as AddressInfo;
  return Object.assign(files, { origin: `http://127.0.0.1:${found}`, port: found });
}
