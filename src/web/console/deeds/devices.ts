/** What is done to devices. */
import type { Act } from '../acts.ts';

/** Which device, as a person knows it. */
export interface DeviceRef {
  readonly deviceId: string;
  readonly name: string;
}

export const approveDevice: Act<DeviceRef> = {
  name: 'devices.approve',
  permission: 'devices.decide',
  title: (t) => t('device.approve'),
  explain: (t, { name }) => [t('device.approveText', { name })],
  request: ({ deviceId }) => ['approveDevice', { params: { deviceId } }],
  done: ({ refresh, t }, { name }) => refresh(t('device.approved', { name })),
};

export const refuseDevice: Act<DeviceRef> = {
  name: 'devices.refuse',
  permission: 'devices.decide',
  title: (t) => t('device.refuse'),
  explain: (t, { name }) => [t('device.refuseText', { name })],
  isFinal: true,
  takesReason: true,
  request: ({ deviceId }, reason) => ['refuseDevice', { params: { deviceId }, body: { reason } }],
  done: ({ refresh, t }, { name }) => refresh(t('device.refused', { name })),
};

export const endDevice: Act<DeviceRef> = {
  name: 'devices.deactivate',
  permission: 'devices.deactivate',
  title: (t) => t('device.end'),
  explain: (t, { name }) => [t('device.endText', { name }), t('device.endMeans')],
  isFinal: true,
  takesReason: true,
  request: ({ deviceId }, reason) => ['deactivateDevice', { params: { deviceId }, body: { reason } }],
  done: ({ refresh, t }, { name }) => refresh(t('device.ended', { name })),
};
