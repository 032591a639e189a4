/** The contracts of the records over every durable engine there is. */

import { auditRecordsContract } from '../../contracts/records-audit.ts';
import { auditCheckpointsContract } from '../../contracts/records-audit-checkpoints.ts';
import { backchannelRecordsContract } from '../../contracts/records-backchannel.ts';
import { companyRecordsContract } from '../../contracts/records-companies.ts';
import { deviceRecordsContract } from '../../contracts/records-devices.ts';
import { idempotencyRecordsContract } from '../../contracts/records-idempotency.ts';
import { oidcRecordsContract } from '../../contracts/records-oidc.ts';
import { outboxRecordsContract, webhookRecordsContract } from '../../contracts/records-outbox.ts';
import { peopleRecordsContract } from '../../contracts/records-people.ts';
import { restoreRecordsContract } from '../../contracts/records-restore.ts';
import { riskRecordsContract } from '../../contracts/records-risk.ts';
import { signingRecordsContract } from '../../contracts/records-signing.ts';
import { approvalRecordsContract, termsRecordsContract } from '../../contracts/records-terms.ts';
import { durableEngines } from '../../engines.ts';

for (const engine of durableEngines()) {
  companyRecordsContract(engine);
  peopleRecordsContract(engine);
  termsRecordsContract(engine);
  approvalRecordsContract(engine);
  riskRecordsContract(engine);
  deviceRecordsContract(engine);
  auditRecordsContract(engine);
  restoreRecordsContract(engine);
  auditCheckpointsContract(engine);
  outboxRecordsContract(engine);
  webhookRecordsContract(engine);
  oidcRecordsContract(engine);
  backchannelRecordsContract(engine);
  idempotencyRecordsContract(engine);
  signingRecordsContract(engine);
}
