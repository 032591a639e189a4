/** The risk of what is to be signed: judged by the company's rules and the bank's engine before a phone is asked, and once more by the phone that asks. */
import type { AuditRecord } from '../audit/store.ts';
import type { Clock } from '../clock.ts';
import type { CompanyRules } from '../companies/rules.ts';
import { AuthError } from '../errors.ts';
import type { RecordStore } from '../store/records.ts';
import type { AskEngine } from './engine.ts';
import { collectFacts } from './facts.ts';
import { conclude, groundsOf, judgeByRules, judgeDevice } from './judge.ts';
import type { DeviceAnswer, DeviceSubject, RiskAnswer, RiskPort, RiskSubject } from './port.ts';

/** The port: the rules of the company, and the bank's engine where there is one. The severest of both wins. */
export function createRiskPort(askEngine?: AskEngine): RiskPort {
  return {
    assess: async (facts, rules: CompanyRules) => {
      const opinions = judgeByRules(rules, facts);
      if (askEngine !== undefined) opinions.push(await askEngine(facts));
      const answer = conclude(opinions);
      return { ...answer, grounds: { template: facts.subject.template, ...groundsOf(answer, opinions) } };
    },
  };
}

export interface RiskDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly risk: RiskPort;
}

/** What is answered, and the record that the caller appends in the transaction that makes the request. */
export interface Assessed {
  readonly answer: RiskAnswer;
  readonly record: AuditRecord;
}

/**
 * Collects what is known, asks the port and answers what holds for the request that is about to be made. Throws `risk_denied`, which is
 * then in the trail already: no phone has heard of it. The portal is told no reason, for whoever tries learns from it what to change
 * (docs/decisions/0024); only that the bank's engine did not answer, so that it can try again.
 */
export async function assessSigning({ records, clock, risk }: RiskDeps, subject: RiskSubject): Promise<Assessed> {
  const at = clock.now();
  const facts = await collectFacts(records, subject, at);
  const { grounds, ...answer } = await risk.assess(facts, subject.company.rules);
  const record: AuditRecord = {
    event: 'risk.assessed',
    actor: `client:${subject.clientId}`,
    clientId: subject.clientId,
    companyId: subject.company.id,
    userId: subject.userId,
    orderId: subject.signingId,
    requestId: subject.requestId,
    data: grounds,
  };
  if (answer.verdict !== 'deny') return { answer, record };
  await records.audit.append(record, at);
  throw new AuthError('risk_denied', {
    detail: `risk: ${answer.reasons.join(' ')}`,
    ...(answer.reasons.includes('engine_unavailable')
      ? { message: 'the risk of it cannot be judged at the moment: try again later' }
      : {}),
  });
}

/**
 * Judges the phone that wants to open what waits, now that it is known which one that is: a rule about new phones holds for it too,
 * whatever other phones its user has. The caller acts on it at each opening, and appends `record` where there is one.
 */
export function assessDevice({ clock }: Pick<RiskDeps, 'clock'>, subject: DeviceSubject): DeviceAnswer {
  const { signingId, device, company, createdAt } = subject;
  const now = clock.now();
  const opinions = judgeDevice(company.rules, device.activatedAt, now);
  const answer = conclude(opinions);
  const askableAt = createdAt + answer.delaySeconds * 1000;
  // What it had to wait for is over: nothing else is asked of it.
  const isOver = answer.verdict === 'delay' && askableAt <= now;
  const verdict = isOver ? 'allow' : answer.verdict;
  if (opinions.length === 0) return { ...answer, verdict, askableAt, record: undefined };
  const record: AuditRecord = {
    event: 'risk.assessed',
    actor: `device:${device.id}`,
    companyId: company.id,
    userId: device.userId,
    deviceId: device.id,
    orderId: signingId,
    data: groundsOf({ ...answer, verdict }, opinions),
  };
  return { ...answer, verdict, askableAt, record };
}
