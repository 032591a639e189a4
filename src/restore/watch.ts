/** Notes the newest head while the server runs, and notices when the database under it was replaced by a backup. */
import { deviceEndedTopic } from '../devices/end.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import { type DatabaseStanding, explainStanding, noteHead, type StandingDeps, standingOf } from './standing.ts';

export interface TrailWatchDeps extends StandingDeps {
  readonly shortLived: Pick<ShortLivedStore, 'subscribe'>;
  readonly log: { warn(fields: object, message: string): void; fatal(fields: object, message: string): void };
  /** The server must not go on. */
  readonly onRestored: () => void;
}

export interface TrailWatch {
  /** Notes the last head, and stops. */
  stop(): Promise<void>;
}

/** Starts; a device that ended is noted at once, everything else within `everyMs` (1 s unless told). */
export async function startTrailWatch(deps: TrailWatchDeps, everyMs = 1_000): Promise<TrailWatch> {
  let current: Promise<void> | undefined;
  let isAgain = false;
  let isOver = false;
  /** What this process has seen itself: Redis may lose its note in the same hour. */
  let newest = 0;
  const look = async (): Promise<void> => {
    try {
      const found = await standingOf(deps);
      const isOlder = found.head.seq < newest;
      newest = Math.max(newest, found.head.seq);
      const standing = isOlder ? behind(found, newest) : found;
      if (standing.outcome === 'behind' || standing.outcome === 'forked') {
        isOver = true;
        deps.log.fatal({ event: 'server.stopped' }, explainStanding(standing) ?? '');
        deps.onRestored();
        return;
      }
      if (standing.outcome === 'unknown') deps.log.warn({}, explainStanding(standing) ?? '');
      await noteHead(deps, standing.head);
    } catch (err) {
      deps.log.warn({ err }, 'the newest audit head could not be noted; the next turn tries again');
    }
  };
  const beat = (): void => {
    if (isOver) return;
    if (current !== undefined) isAgain = true;
    current ??= look().finally(() => {
      current = undefined;
      if (!isAgain) return;
      isAgain = false;
      beat();
    });
  };
  const unsubscribe = await deps.shortLived.subscribe(deviceEndedTopic, beat);
  const timer = setInterval(beat, everyMs);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      unsubscribe();
      await current;
      if (!isOver) await look();
      isOver = true;
    },
  };
}

function behind({ head }: DatabaseStanding, seq: number): DatabaseStanding {
  return { outcome: 'behind', head, seen: { trail: '', seq, hash: '' } };
}
