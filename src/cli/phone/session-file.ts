/** The open session and the claimed order between two commands, each of which is a process of its own. */
import type { ClaimedOrder, OpenSession, SessionHolder } from '../../sdk/index.ts';
import type { PhoneHome } from './home.ts';

type StoredSession = Omit<OpenSession, 'appToServer' | 'serverToApp' | 'vaultKey'> & {
  readonly appToServer: string;
  readonly serverToApp: string;
};

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
const bytes = (value: string) => new Uint8Array(Buffer.from(value, 'base64url'));

/** Holds the session in `session.json`, without the vault key: that one is never written. */
export function fileSessionHolder(home: PhoneHome): SessionHolder {
  return {
    get: async () => {
      const stored = (await home.read('session')) as StoredSession | undefined;
      if (stored === undefined) return undefined;
      const { appToServer, serverToApp } = stored;
      return { ...stored, appToServer: bytes(appToServer), serverToApp: bytes(serverToApp), vaultKey: undefined };
    },
    set: async (session) => {
      if (session === undefined) return home.remove('session');
      const { vaultKey: _vaultKey, appToServer, serverToApp, ...rest } = session;
      return home.write('session', { ...rest, appToServer: text(appToServer), serverToApp: text(serverToApp) });
    },
  };
}

/** The order that was claimed last and awaits its decision. The SDK verifies its signature anew before anything is signed. */
export interface OrderFile {
  get(): Promise<ClaimedOrder | undefined>;
  set(order: ClaimedOrder | undefined): Promise<void>;
}

/** Keeps it in `order.json`. */
export function orderFile(home: PhoneHome): OrderFile {
  return {
    get: async () => (await home.read('order')) as ClaimedOrder | undefined,
    set: async (order) => (order === undefined ? home.remove('order') : home.write('order', order)),
  };
}
