/** Admin endpoints of devices and activations: approve, refuse, and end the lost one at once. */
import { type Actor, within } from '../companies/actor.ts';
import { findCompany } from '../companies/companies.ts';
import type { CompanyDeps } from '../companies/deps.ts';
import { checkedReason } from '../companies/fields.ts';
import { findUser } from '../companies/users.ts';
import { type Deactivation, type DeviceDeps, deactivateDevice, deactivateUserDevices } from '../devices/devices.ts';
import type { ListedDevice } from '../devices/store.ts';
import { AuthError } from '../errors.ts';
import * as wire from '../protocol/admin.ts';
import * as view from '../protocol/admin-views.ts';
import { strict } from '../protocol/common.ts';
import { createActivation } from '../registration/activations.ts';
import { approveDevice, refuseDevice } from '../registration/approval.ts';
import type { RegistrationDeps } from '../registration/deps.ts';
import { pageFrom } from './companies.ts';
import { type AdminEndpoint, adminEndpoint } from './endpoint.ts';
import { deviceView, pageOf } from './views.ts';

export interface DeviceAdminDeps extends DeviceDeps, RegistrationDeps, CompanyDeps {}

const deviceParams = strict({ deviceId: wire.DeviceId });
const userParams = strict({ userId: wire.UserId });
const companyParams = strict({ companyId: wire.CompanyId });
const usersPerPage = 200;

/** Devices: looked at, approved, refused. */
export function deviceAdminEndpoints(deps: DeviceAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'listDevices',
      summary: 'List devices',
      method: 'GET',
      path: '/devices',
      reply: view.DevicePage,
      permission: 'devices.read',
      query: wire.DeviceList,
      answer: async ({ query, actor }) => {
        const page = pageFrom(query);
        const companyId = actor.companyId ?? query.companyId;
        // A filter can narrow what a company's own client sees and never widen it (T31).
        if (query.companyId !== undefined && query.companyId !== companyId) return { items: [], next: null };
        const devices = await deps.records.devices.list(
          {
            ...(companyId === undefined ? {} : { companyId }),
            ...(query.userId === undefined ? {} : { userId: query.userId }),
            ...(query.status === undefined ? {} : { status: query.status }),
          },
          page,
        );
        return pageOf(devices, page.limit, ({ id }) => id, deviceView);
      },
    }),
    adminEndpoint({
      name: 'getDevice',
      summary: 'Look at a device',
      method: 'GET',
      path: '/devices/:deviceId',
      reply: view.DeviceView,
      permission: 'devices.read',
      params: deviceParams,
      answer: ({ params, actor }) => viewOf(deps, params.deviceId, actor),
    }),
    ...decisionEndpoints(deps),
  ];
}

function decisionEndpoints(deps: DeviceAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'approveDevice',
      summary: 'Approve a pending registration',
      method: 'POST',
      path: '/devices/:deviceId/approve',
      reply: view.DeviceView,
      permission: 'devices.decide',
      params: deviceParams,
      body: strict({}),
      answer: async ({ params: { deviceId }, actor }) => {
        await approveDevice(deps, { deviceId, actor });
        return viewOf(deps, deviceId, actor);
      },
    }),
    adminEndpoint({
      name: 'refuseDevice',
      summary: 'Refuse a pending registration',
      method: 'POST',
      path: '/devices/:deviceId/refuse',
      reply: view.DeviceView,
      permission: 'devices.decide',
      params: deviceParams,
      body: wire.Reason,
      answer: async ({ params: { deviceId }, body, actor }) => {
        await refuseDevice(deps, { deviceId, reason: body.reason, actor });
        return viewOf(deps, deviceId, actor);
      },
    }),
  ];
}

/** Deactivation of a device, of all of a user's, of all of a company's: idempotent, at once, for good. */
export function deactivationEndpoints(deps: DeviceAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'deactivateDevice',
      summary: 'End a device at once, for good',
      method: 'POST',
      path: '/devices/:deviceId/deactivate',
      reply: view.DeviceView,
      permission: 'devices.deactivate',
      params: deviceParams,
      body: wire.Reason,
      answer: async ({ params, body, actor }) => {
        const device = await findDevice(deps, params.deviceId, actor);
        await deactivateDevice(deps, { deviceId: device.id, ...deactivation(actor, body.reason) });
        return viewOf(deps, params.deviceId, actor);
      },
    }),
    adminEndpoint({
      name: 'deactivateUserDevices',
      summary: 'End every device of a user at once, for good',
      method: 'POST',
      path: '/users/:userId/deactivate-devices',
      reply: view.DeactivatedView,
      permission: 'devices.deactivate',
      params: userParams,
      body: wire.Reason,
      answer: async ({ params, body, actor }) => {
        const user = await findUser(deps, params.userId, actor);
        const ended = await deactivateUserDevices(deps, { userId: user.id, ...deactivation(actor, body.reason) });
        return { deactivated: ended.length };
      },
    }),
    adminEndpoint({
      name: 'deactivateCompanyDevices',
      summary: 'End every device of a company, for good',
      method: 'POST',
      path: '/companies/:companyId/deactivate-devices',
      reply: view.DeactivatedView,
      permission: 'devices.deactivate-company',
      params: companyParams,
      body: wire.Reason,
      answer: async ({ params, body, actor }) => {
        const company = await findCompany(deps, params.companyId, actor);
        return { deactivated: await deactivateCompanyDevices(deps, company.id, deactivation(actor, body.reason)) };
      },
    }),
  ];
}

/** One-time codes with which a user registers a phone. */
export function activationEndpoints(deps: DeviceAdminDeps): readonly AdminEndpoint[] {
  return [
    adminEndpoint({
      name: 'createActivation',
      summary:
        'Make a one-time activation: one of its two codes is in the answer, the other goes to the user by e-mail',
      method: 'POST',
      path: '/users/:userId/activations',
      reply: view.ActivationView,
      permission: 'activations.create',
      params: userParams,
      body: wire.ActivationCreate,
      status: 201,
      answer: ({ params, body, actor }) =>
        createActivation(deps, { userId: params.userId, delivery: body.delivery ?? 'shown', actor }),
    }),
  ];
}

async function findDevice(deps: DeviceAdminDeps, deviceId: string, actor: Actor): Promise<ListedDevice> {
  const [device] = await deps.records.devices.list({ id: deviceId }, { limit: 1 });
  return within(actor, device);
}

async function viewOf(deps: DeviceAdminDeps, deviceId: string, actor: Actor) {
  return deviceView(await findDevice(deps, deviceId, actor));
}

function deactivation(actor: Actor, reason: string): Deactivation {
  return {
    actor: actor.name,
    reason: checkedReason(reason),
    origin: { address: actor.address, requestId: actor.requestId },
  };
}

/** User by user, each all or none: asked again after a fault it goes on where it stopped. */
async function deactivateCompanyDevices(deps: DeviceAdminDeps, companyId: string, act: Deactivation): Promise<number> {
  let deactivated = 0;
  let after: string | undefined;
  for (;;) {
    const users = await deps.records.users.list(companyId, {
      limit: usersPerPage,
      ...(after === undefined ? {} : { after }),
    });
    for (const user of users) {
      if (user.companyId !== companyId) throw new AuthError('internal', { detail: 'a list of users left its company' });
      deactivated += (await deactivateUserDevices(deps, { userId: user.id, ...act })).length;
    }
    after = users.at(-1)?.id;
    if (after === undefined) return deactivated;
  }
}
