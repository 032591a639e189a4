/** Looks after the server's keys while a process runs: what is due is published, used or erased. */
import { type KeyDeps, type KeyPolicy, maintainKeys } from './keys.ts';

export interface KeyMaintenanceDeps extends KeyDeps {
  readonly log: { warn(fields: object, message: string): void };
}

/** Takes the steps that are due now and every hour (or `everyMs`) until it is stopped. Any number of processes may do so. */
export function startKeyMaintenance(
  deps: KeyMaintenanceDeps,
  policy: KeyPolicy,
  everyMs = 3_600_000,
): { readonly stop: () => void } {
  let isBusy = false;
  const look = (): void => {
    // Making an RSA key may take longer than the pause on a busy machine.
    if (isBusy) return;
    isBusy = true;
    maintainKeys(deps, policy)
      .catch((error: unknown) => {
        deps.log.warn({ err: error }, 'the server keys could not be looked after; the next look tries again');
      })
      .finally(() => {
        isBusy = false;
      });
  };
  look();
  const timer = setInterval(look, everyMs);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
