/** What logging in to the console needs of the rest of the server. */
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../clock.ts';
import type { KeyedSealing } from '../crypto/sealing.ts';
import type { DeviceDeps } from '../devices/devices.ts';
import type { PlainLook } from '../http/document.ts';
import type { ShortLivedStore } from '../store/ports.ts';
import type { RecordStore } from '../store/records.ts';

export interface ConsoleDeps {
  readonly records: RecordStore;
  readonly shortLived: ShortLivedStore;
  readonly sealing: KeyedSealing;
  readonly clock: Clock;
  /** For the one question whether device, user and company may act now. */
  readonly devices: DeviceDeps;
  readonly issuer: string;
  /** The origin under which browsers reach the admin listener. */
  readonly origin: string;
  /** The public listener of this very process, where the provider is. */
  readonly publicApp: FastifyInstance;
  /** How the pages look; without style where nothing is built. */
  readonly look?: PlainLook | undefined;
}
