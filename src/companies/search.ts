/** Makes names searchable that an older server wrote: until then a search looks at each of them, which is slow and no less right. */
import type { RecordStore } from '../store/records.ts';

const pageSize = 200;
/** Of one turn: what is left waits for the next. */
const maxPages = 1_000;

/** Folds what is not folded yet, a page a transaction. Any number of processes may do so at once. Answers how many rows it looked at. */
export async function foldNames({ transaction }: Pick<RecordStore, 'transaction'>): Promise<number> {
  let looked = 0;
  for (const kind of ['companies', 'users'] as const) {
    for (let page = 0; page < maxPages; page += 1) {
      const rows = await transaction((records) => records[kind].foldNames(pageSize));
      looked += rows;
      if (rows < pageSize) break;
    }
  }
  return looked;
}
