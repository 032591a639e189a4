/** Wire schemas of what a user may do with their own devices and sessions. */
import { type Static, Type } from 'typebox';
import { Id, strict } from './common.ts';

export const OwnDevice = strict({
  deviceId: Id('dev'),
  name: Type.String(),
  platform: Type.String(),
  status: Type.String(),
  isThis: Type.Boolean(),
  createdAt: Type.Integer(),
  lastUsedAt: Type.Union([Type.Null(), Type.Integer()]),
});
export const OwnDevices = strict({ devices: Type.Array(OwnDevice) });
export type OwnDevices = Static<typeof OwnDevices>;

export const OwnSession = strict({
  sessionUid: Type.String(),
  startedAt: Type.Integer(),
  expiresAt: Type.Integer(),
  portals: Type.Array(strict({ clientId: Type.String(), name: Type.String() })),
});
export const OwnSessions = strict({ sessions: Type.Array(OwnSession) });
export type OwnSessions = Static<typeof OwnSessions>;

export const SessionEnd = strict({ sessionUid: Type.String({ maxLength: 128 }) });
export type SessionEnd = Static<typeof SessionEnd>;

export const DeactivationReason = Type.Union([
  Type.Literal('user-request'),
  Type.Literal('lost'),
  Type.Literal('stolen'),
  Type.Literal('fraud'),
  Type.Literal('replaced'),
]);
export type DeactivationReason = Static<typeof DeactivationReason>;

/** Ends one of the user's own devices; its own id wipes the app. */
export const DeviceDeactivate = strict({ deviceId: Id('dev'), reason: DeactivationReason });
export type DeviceDeactivate = Static<typeof DeviceDeactivate>;
