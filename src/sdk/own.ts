/** The user's own devices and browser sessions (protocol §9), and the end of this phone. */
import type { Static } from 'typebox';
import { Empty } from '../protocol/common.ts';
import { type DeactivationReason, OwnDevices, OwnSessions } from '../protocol/devices.ts';
import type { UserLanguage } from '../protocol/user.ts';
import { callInSession } from './calls.ts';
import { loadRegistered, type PhoneContext } from './context.ts';

/** Every device of this user, this one marked. Takes a session. */
export async function listDevices(context: PhoneContext): Promise<Static<typeof OwnDevices>['devices']> {
  const phone = await loadRegistered(context);
  return (await callInSession(context, phone, { name: 'devices/list', body: {}, reply: OwnDevices })).devices;
}

/** Every browser session that this user has open, and at which portals. Takes a session. */
export async function listSessions(context: PhoneContext): Promise<Static<typeof OwnSessions>['sessions']> {
  const phone = await loadRegistered(context);
  return (await callInSession(context, phone, { name: 'sessions/list', body: {}, reply: OwnSessions })).sessions;
}

/** Ends a browser session at every portal. Throws `not_found`. Takes a session. */
export async function endSession(context: PhoneContext, sessionUid: string): Promise<void> {
  const phone = await loadRegistered(context);
  await callInSession(context, phone, { name: 'sessions/end', body: { sessionUid }, reply: Empty });
}

/**
 * Tells the server in which language its user is to be written to: a BCP 47 code of one subtag. Throws `refused` where the server has
 * no texts in it. Takes a session.
 */
export async function setLanguage(context: PhoneContext, language: string): Promise<void> {
  const phone = await loadRegistered(context);
  const body: UserLanguage = { language };
  await callInSession(context, phone, { name: 'user/language', body, reply: Empty });
}

/** Ends another device of this user for good, such as a lost phone. Throws `not_found`. Takes a session. */
export async function deactivateDevice(
  context: PhoneContext,
  { deviceId, reason }: { readonly deviceId: string; readonly reason: DeactivationReason },
): Promise<void> {
  const phone = await loadRegistered(context);
  await callInSession(context, phone, { name: 'devices/deactivate', body: { deviceId, reason }, reply: Empty });
  if (deviceId === phone.deviceId) await erasePhone(context);
}

/** Ends this phone for good at the server, then destroys its keys. Takes a session. */
export async function deactivate(context: PhoneContext, reason: DeactivationReason = 'user-request'): Promise<void> {
  const { deviceId } = await loadRegistered(context);
  await deactivateDevice(context, { deviceId, reason });
}

/** Destroys keys, secret and state of this phone without telling the server: for a phone that the server has ended already. */
export async function erasePhone(context: PhoneContext): Promise<void> {
  await context.sessions.set(undefined);
  await context.keys.erase();
}
