/** What the rules of companies and users need. */
import type { Clock } from '../clock.ts';
import type { EndLogins } from '../devices/end.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';

export interface CompanyDeps {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly clock: Clock;
  readonly endLogins: EndLogins;
}
