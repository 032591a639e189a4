/**
 * All migrations, in the order in which they run. A released one is never changed: the next one corrects it. Each only adds, and what it
 * adds may be left out by an insert: servers of the version before serve beside those that have run it.
 */
import { initialSchema } from './0001_initial.ts';
import { userLanguage } from './0002_user_language.ts';
import { biometrics } from './0003_biometrics.ts';
import { audit } from './0004_audit.ts';
import { notifications } from './0005_notifications.ts';
import { people } from './0006_people.ts';
import { users } from './0007_users.ts';
import { terms } from './0008_terms.ts';
import { approvals } from './0009_approvals.ts';
import { idempotency } from './0010_idempotency.ts';
import { trailOrigin } from './0013_trail_origin.ts';
import { approvalDevice } from './0014_approval_device.ts';
import { signings } from './0015_signings.ts';
import { risk } from './0016_risk.ts';
import { backchannel } from './0018_backchannel.ts';

export interface Migration {
  /** Four digits, an underscore and a word. */
  readonly id: string;
  /** Statements of the portable subset, ended by semicolons. */
  readonly script: string;
}

export const migrations: readonly Migration[] = [
  { id: '0001_initial', script: initialSchema },
  { id: '0002_user_language', script: userLanguage },
  { id: '0003_biometrics', script: biometrics },
  { id: '0004_audit', script: audit },
  { id: '0005_notifications', script: notifications },
  { id: '0006_people', script: people },
  { id: '0007_users', script: users },
  { id: '0008_terms', script: terms },
  { id: '0009_approvals', script: approvals },
  { id: '0010_idempotency', script: idempotency },
  { id: '0013_trail_origin', script: trailOrigin },
  { id: '0014_approval_device', script: approvalDevice },
  { id: '0015_signings', script: signings },
  { id: '0016_risk', script: risk },
  { id: '0018_backchannel', script: backchannel },
];
