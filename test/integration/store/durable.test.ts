/** The contract of the durable store over every engine there is. */
import { durableContract } from '../../contracts/durable.ts';
import { durableEngines } from '../../engines.ts';

for (const engine of durableEngines()) durableContract(engine);
