/** The contract of the short-lived store over every engine there is. */
import { shortLivedContract } from '../../contracts/short-lived.ts';
import { shortLivedEngines } from '../../engines.ts';

for (const engine of shortLivedEngines()) shortLivedContract(engine);
