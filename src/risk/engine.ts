/** The bank's own risk engine: one signed question, one answer that is judged strictly, and what holds where there is none. */
import { type Static, Type } from 'typebox';
import type { Clock } from '../clock.ts';
import { parseStrictJson } from '../crypto/strict-json.ts';
import type { Log } from '../http/logging.ts';
import { ask } from '../http/outbound.ts';
import { createValidate } from '../http/validation.ts';
import { signedHeaders } from '../notify/webhook-signature.ts';
import { strict } from '../protocol/common.ts';
import { RiskReason } from '../protocol/risk.ts';
import type { TemplateName } from '../protocol/templates/templates.ts';
import type { Opinion } from './judge.ts';
import type { RiskFacts, RiskVerdict } from './port.ts';

/** What holds where the engine does not answer. */
export type RiskFailure = 'deny' | 'step-up' | 'allow';

export interface EngineDeps {
  readonly url: string;
  /** `whsec_` and base64; each signs, so that one can take the other's place. */
  readonly secrets: readonly string[];
  /** Undefined: what the template calls for. */
  readonly failure: RiskFailure | undefined;
  /** Hosts (`name` or `name:port`) that may be in a private network. */
  readonly internalHosts: readonly string[];
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /** How long the engine may take to answer; 2 s unless told. */
  readonly timeoutMs?: number;
}

/** Answers what the engine says; where it says nothing that can be understood, what holds then. Never throws. */
export type AskEngine = (facts: RiskFacts) => Promise<Opinion>;

const defaultTimeoutMs = 2_000;
const maxAnswerBytes = 16_384;

const verdict = <Word extends RiskVerdict>(word: Word) => Type.Literal(word);
const reasons = Type.Array(RiskReason, { maxItems: 16 });

/** What an engine may answer: a verdict with its reasons, and how long of a delay. */
export const EngineAnswer = Type.Union([
  strict({ answer: Type.Union([verdict('allow'), verdict('step-up'), verdict('deny')]), reasons }),
  strict({ answer: verdict('delay'), delaySeconds: Type.Integer({ minimum: 1, maximum: 86_400 }), reasons }),
]);
export type EngineAnswer = Static<typeof EngineAnswer>;

const validate = createValidate(EngineAnswer, 'answer');

/** What can cost money is refused unless somebody has judged it; of everything else the mPIN is asked. */
const failures: Readonly<Record<TemplateName, RiskFailure>> = {
  payment: 'deny',
  'payment-batch': 'deny',
  reservation: 'deny',
  'payee-add': 'deny',
  mandate: 'deny',
  consent: 'step-up',
  document: 'step-up',
  'admin-act': 'step-up',
  text: 'step-up',
};

/** Asks the bank's engine. Nothing is remembered from one question to the next: it serves again as soon as it answers. */
export function riskEngine(deps: EngineDeps): AskEngine {
  return async (facts) => {
    try {
      return opinionOf(await answerTo(deps, facts));
    } catch (error) {
      deps.log.warn({ err: error }, 'the risk engine did not answer');
      const failure = deps.failure ?? failures[facts.subject.template];
      return { verdict: failure, reasons: ['engine_unavailable'], grounds: { engine: 'unavailable' } };
    }
  };
}

async function answerTo(
  { url, secrets, internalHosts, clock, timeoutMs = defaultTimeoutMs }: EngineDeps,
  facts: RiskFacts,
): Promise<EngineAnswer> {
  const { at, ...data } = facts;
  const body = JSON.stringify({ type: 'risk.assess', timestamp: new Date(at).toISOString(), data });
  const signed = signedHeaders({ id: facts.subject.signingId, body, at: clock.now() }, secrets);
  const headers = { 'content-type': 'application/json', accept: 'application/json', ...signed };
  const { status, body: said } = await ask(
    new URL(url),
    { body, headers },
    { internalHosts, timeoutMs, maxBytes: maxAnswerBytes },
  );
  if (status !== 200) throw new Error(`the engine answered ${status}`);
  const answer = parseStrictJson(said);
  validate(answer);
  return answer as EngineAnswer;
}

function opinionOf(said: EngineAnswer): Opinion {
  const grounds = { engine: said.answer, engineReasons: said.reasons.join(' ') };
  const delay = said.answer === 'delay' ? { delaySeconds: said.delaySeconds } : {};
  return { verdict: said.answer, reasons: said.reasons, grounds, ...delay };
}
