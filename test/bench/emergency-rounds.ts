/** Rounds of deactivations on three server processes, of which one after the other is killed in the middle of them and comes back. */
import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { randomId } from '../../src/crypto/random.ts';
import type { ServerProcess } from '../integration/system/processes.ts';
import type { Operator, Subject } from './emergency-world.ts';
import { median } from './measure.ts';

export interface RoundsOptions {
  readonly subjects: readonly Subject[];
  readonly operator: Operator;
  readonly issuer: string;
  /** Starts a server process on the shared stores. */
  readonly start: () => Promise<ServerProcess>;
  readonly kills: number;
  readonly tell: (text: string) => void;
}

export interface RoundsResult {
  /** Answered with 200: these must be dead. */
  readonly acknowledged: ReadonlySet<Subject>;
  /** Deactivations that were under way at a server when it was killed. */
  readonly struck: number;
  readonly kills: number;
  /** Of an answer, from its request, in milliseconds. */
  readonly times: readonly number[];
}

/** So many are under way at the server that is killed. */
const burst = 8;
/** The kill comes within the time of so many answers, so that it strikes before, between and after the steps. */
const killWithinAnswers = 2;
const firstAnswerMs = 30;
const calmWorkers = 3;
const tokenLifeMs = 200_000;

interface Field {
  readonly options: RoundsOptions;
  readonly servers: ServerProcess[];
  readonly left: Subject[];
  readonly acknowledged: Set<Subject>;
  readonly times: number[];
  token: { readonly value: string; readonly at: number } | undefined;
}

/** Deactivates everybody once; of what no answer came for, every second is asked for again. */
export async function runRounds(options: RoundsOptions): Promise<RoundsResult> {
  const servers = await Promise.all([options.start(), options.start(), options.start()]);
  const field: Field = {
    options,
    servers,
    left: [...options.subjects],
    acknowledged: new Set(),
    times: [],
    token: undefined,
  };
  const calm = Math.max(0, Math.floor(options.subjects.length / options.kills) - burst);
  let struck = 0;
  let kills = 0;
  while (field.left.length > 0) {
    const place = randomInt(servers.length);
    struck += await strike(field, servers[place] as ServerProcess);
    kills += 1;
    const others = servers.filter((_, index) => index !== place);
    const restarted = options.start();
    await deactivateSome(field, others, calm);
    servers[place] = await restarted;
    if (kills % 10 === 0) options.tell(`${kills} kills, ${field.left.length} rounds left`);
  }
  for (const server of servers) await server.end();
  return { acknowledged: field.acknowledged, struck, kills, times: field.times };
}

/** Kills the server while deactivations are under way at it; answers how many got no answer. */
async function strike(field: Field, victim: ServerProcess): Promise<number> {
  const token = await freshToken(field);
  const subjects = field.left.splice(0, burst);
  const answers = subjects.map((subject) => deactivate(field, { subject, server: victim, token }));
  const answerMs = field.times.length === 0 ? firstAnswerMs : median(field.times.slice(-50));
  await wait(randomInt(1 + Math.ceil(killWithinAnswers * answerMs)));
  await victim.kill();
  const unanswered = (await Promise.all(answers)).flatMap((isDone, index) =>
    isDone ? [] : [subjects[index] as Subject],
  );
  const others = field.servers.filter((server) => server !== victim);
  for (const subject of unanswered.filter((_, index) => index % 2 === 0)) {
    const server = others[randomInt(others.length)] as ServerProcess;
    if (!(await deactivate(field, { subject, server, token }))) throw new Error('a living server did not answer');
  }
  return unanswered.length;
}

async function deactivateSome(field: Field, servers: readonly ServerProcess[], count: number): Promise<void> {
  const subjects = field.left.splice(0, count);
  const token = await freshToken(field);
  const worker = async (): Promise<void> => {
    for (let subject = subjects.pop(); subject !== undefined; subject = subjects.pop()) {
      const server = servers[randomInt(servers.length)] as ServerProcess;
      if (!(await deactivate(field, { subject, server, token }))) throw new Error('a living server did not answer');
    }
  };
  await Promise.all(Array.from({ length: calmWorkers }, worker));
}

interface Deactivation {
  readonly subject: Subject;
  readonly server: ServerProcess;
  readonly token: string;
}

/** By the device, or by its user; whether a 200 came. Anything else than that and no answer at all is an error. */
async function deactivate({ acknowledged, times }: Field, { subject, server, token }: Deactivation): Promise<boolean> {
  const { userId, deviceId } = subject;
  const path = randomInt(4) === 0 ? `users/${userId}/deactivate-devices` : `devices/${deviceId}/deactivate`;
  const startedAt = performance.now();
  const response = await fetch(`${server.adminUrl}/admin/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ reason: 'lost' }),
  }).catch(() => undefined);
  if (response === undefined) return false;
  const text = await response.text().catch(() => undefined);
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
  acknowledged.add(subject);
  times.push(performance.now() - startedAt);
  return true;
}

async function freshToken(field: Field): Promise<string> {
  const now = Date.now();
  if (field.token === undefined || now - field.token.at > tokenLifeMs) {
    const { options, servers } = field;
    field.token = { value: await operatorToken(options, servers[0]?.publicUrl ?? ''), at: now };
  }
  return field.token.value;
}

/** An access token of the admin API for the operator's scopes, by private_key_jwt, at one of the servers. */
export async function operatorToken(
  { operator, issuer }: Pick<RoundsOptions, 'operator' | 'issuer'>,
  serverUrl: string,
): Promise<string> {
  const { clientId, privateKey, kid } = operator;
  const assertion = await new SignJWT({ jti: randomId('hs') })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(issuer)
    .setIssuedAt()
    .setExpirationTime('60s')
    .sign(privateKey);
  const response = await fetch(`${serverUrl}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
      scope: 'admin:devices admin:read',
      resource: `${issuer}/admin`,
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token?: string };
  if (token === undefined) throw new Error(`no token: ${response.status}`);
  return token;
}
