// expect nothing: a capability as it should be
import type { ShortLivedStore } from '../store/ports.ts';

/** Ends the store. */
export async function end(store: ShortLivedStore): Promise<void> {
  await store.close();
}
