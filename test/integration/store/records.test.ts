/** The contracts of the records over every durable engine there is. */
import { companyRecordsContract } from '../../contracts/records-companies.ts';
import { deviceRecordsContract } from '../../contracts/records-devices.ts';
import { durableEngines } from '../../engines.ts';

for (const engine of durableEngines()) {
  companyRecordsContract(engine);
  deviceRecordsContract(engine);
}
