/**
 * Acts: what a person does to somebody's access. Each is asked in words and sent once; one that takes a proof of the phone is kept over
 * the login, and done afterwards on one press.
 */
import { AdminProblem, newIdempotencyKey } from '../../admin-client/client.ts';
import type { Approval } from '../../admin-client/operations.ts';
import { type Order, type Outcome, order, orderFile } from './api.ts';
import type { Console } from './context.ts';
import type { Messages } from './messages.ts';

/** `P` is plain data without secrets: it is kept in this tab while the person proves that it is them. */
export interface Act<P, Answer = unknown> {
  readonly name: string;
  /** By its name in the server's table: without it the act is not offered. */
  readonly permission: string;
  /** What the button and the question say. */
  readonly title: (t: Messages, params: P) => string;
  /** What will happen. */
  readonly explain: (t: Messages, params: P) => readonly string[];
  /** It cannot be undone. */
  readonly isFinal?: boolean;
  readonly takesReason?: boolean;
  readonly request: (params: P, reason: string) => Order;
  /** The answer is a file, a `Blob`. */
  readonly isFile?: boolean;
  /** After it: says what happened, and shows what there is to see. */
  readonly done: (console: Console, params: P, answer: Answer) => void;
}

/** An act that has been decided on, and may be sent more than once. */
export interface Intent {
  readonly act: string;
  readonly params: unknown;
  readonly reason: string;
  /** The same for each try, so that the server does it once. */
  readonly key: string;
}

interface Kept extends Intent {
  readonly page: string;
  readonly at: number;
}

const keptKey = 'mtoken-console-act';
/** As long as a proof counts. */
const keptMs = 300_000;

/** Decides on an act; nothing is sent yet. */
export function intend<P, Answer>(act: Act<P, Answer>, params: P, reason = ''): Intent {
  return { act: act.name, params, reason, key: newIdempotencyKey() };
}

/** Sends it. Throws `AdminProblem`, `Unreachable`; where a proof is wanted the page is left, and this never ends. */
export async function carryOut<P, Answer>(console: Console, act: Act<P, Answer>, intent: Intent): Promise<void> {
  const params = intent.params as P;
  const request = act.request(params, intent.reason);
  const sent = act.isFile ? (orderFile(request) as Promise<Outcome<Answer>>) : order<Answer>(request, intent.key);
  const { isKept, answer } = await sent.catch(async (error: unknown) => {
    if (!(error instanceof AdminProblem)) throw error;
    if (error.code === 'proof_required') keep(intent);
    if (console.leave(error)) return new Promise<never>(() => undefined);
    throw error;
  });
  if (isKept) console.go(`/approvals/${(answer as Approval).id}`, console.t('approval.waits'));
  else act.done(console, params, answer);
}

function keep(intent: Intent): void {
  const kept: Kept = { ...intent, page: location.pathname + location.search, at: Date.now() };
  sessionStorage.setItem(keptKey, JSON.stringify(kept));
}

/** What was decided on before the login, for the page where that was; only once. */
export function takeKept(): Intent | undefined {
  const text = sessionStorage.getItem(keptKey);
  sessionStorage.removeItem(keptKey);
  if (text === null) return undefined;
  const { page, at, ...intent } = JSON.parse(text) as Kept;
  return page === location.pathname + location.search && Date.now() - at < keptMs ? intent : undefined;
}
