/** Wire schemas of what a user may do with their own devices and sessions from a portal (docs/portal-account.md). */
import { type Static, Type } from 'typebox';
import { Id, strict } from './common.ts';
import { DeactivationReason, OwnSession } from './devices.ts';

/** `isThis` marks the session that asks. */
export const AccountSessions = strict({
  sessions: Type.Array(strict({ ...OwnSession.properties, isThis: Type.Boolean() })),
});
export type AccountSessions = Static<typeof AccountSessions>;

export const AccountDeactivate = strict({ reason: DeactivationReason });

export const AccountDeviceParams = strict({ deviceId: Id('dev') });
export const AccountSessionParams = strict({ sessionUid: Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' }) });

/** What ended by this call; `isLoggedOut` where the session that asked is over with it. */
export const AccountDevicesEnded = strict({ deactivated: Type.Array(Id('dev')), isLoggedOut: Type.Boolean() });
export type AccountDevicesEnded = Static<typeof AccountDevicesEnded>;

export const AccountSessionsEnded = strict({ ended: Type.Array(Type.String()), isLoggedOut: Type.Boolean() });
export type AccountSessionsEnded = Static<typeof AccountSessionsEnded>;
