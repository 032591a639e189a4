/** What a user may do from a portal: see and end own devices and sessions, never anybody else's, with the portal in the trail. */
import { type Deactivation, deactivateDevice, deactivateUserDevices, findOwnDevice } from '../devices/devices.ts';
import {
  endOtherSessions,
  endOwnSession,
  listOwnDevices,
  listOwnSessions,
  type SessionEnding,
} from '../devices/own.ts';
import type { AccountDevicesEnded, AccountSessions, AccountSessionsEnded } from '../protocol/account.ts';
import type { OwnDevices } from '../protocol/devices.ts';
import type { AccountCaller, AccountDeps } from './caller.ts';

/** Who acts, and from where the portal called. */
export interface AccountAct {
  readonly caller: AccountCaller;
  readonly origin: { readonly address: string; readonly requestId: string };
}

/** The user's devices, ended ones among them. */
export function devicesOf(deps: AccountDeps, { userId, deviceId }: AccountCaller): Promise<OwnDevices> {
  return listOwnDevices(deps, userId, deviceId);
}

/**
 * Ends one device for good, also the one behind this very session. Doing it twice changes nothing. Throws `not_found` for what does
 * not exist and for what is another user's alike (T17).
 */
export async function deactivateOwn(
  deps: AccountDeps,
  act: AccountAct,
  { deviceId, reason }: { readonly deviceId: string; readonly reason: string },
): Promise<AccountDevicesEnded> {
  const { userId } = act.caller;
  await findOwnDevice(deps, { userId, deviceId });
  const hasEnded = await deactivateDevice(deps, { deviceId, ...deactivation(act, reason) });
  return { deactivated: hasEnded ? [deviceId] : [], isLoggedOut: deviceId === act.caller.deviceId };
}

/** Ends all of the user's devices, all or none, and with them every session, this one too. */
export async function deactivateAllOwn(
  deps: AccountDeps,
  act: AccountAct,
  reason: string,
): Promise<AccountDevicesEnded> {
  const { userId } = act.caller;
  return {
    deactivated: await deactivateUserDevices(deps, { userId, ...deactivation(act, reason) }),
    isLoggedOut: true,
  };
}

/** The user's living portal sessions. */
export async function sessionsOf(deps: AccountDeps, { userId, sessionUid }: AccountCaller): Promise<AccountSessions> {
  const { sessions } = await listOwnSessions(deps, userId);
  return { sessions: sessions.map((session) => ({ ...session, isThis: session.sessionUid === sessionUid })) };
}

/** Ends one session. Throws `not_found` for one that is over and for another user's alike (T17). */
export async function endOwn(deps: AccountDeps, act: AccountAct, sessionUid: string): Promise<AccountSessionsEnded> {
  await endOwnSession(deps, sessionUid, ending(act));
  return { ended: [sessionUid], isLoggedOut: sessionUid === act.caller.sessionUid };
}

/** Ends every session of the user but the one that asks. */
export async function endOthers(deps: AccountDeps, act: AccountAct): Promise<AccountSessionsEnded> {
  return { ended: await endOtherSessions(deps, act.caller.sessionUid, ending(act)), isLoggedOut: false };
}

function deactivation({ caller, origin }: AccountAct, reason: string): Deactivation {
  return { actor: `user:${caller.userId}`, clientId: caller.clientId, reason, origin };
}

function ending({ caller, origin }: AccountAct): SessionEnding {
  const { userId, companyId, deviceId, clientId } = caller;
  return { userId, companyId, deviceId, clientId, actor: `user:${userId}`, ...origin };
}
