/** Collects what is known before a phone is asked: the five inputs of RTS art. 2(2). */
import { isWithinHours } from '../companies/login-rules.ts';
import type { CompanyRules } from '../companies/rules.ts';
import type { ListedDevice } from '../devices/store.ts';
import type { FieldsOf } from '../protocol/templates/templates.ts';
import type { Records } from '../store/records.ts';
import { moneyOf } from './approvers.ts';
import { payeesOf } from './payees.ts';
import type { RiskDevice, RiskFacts, RiskSubject } from './port.ts';

const dayMs = 86_400_000;
const tenMinutesMs = 600_000;
/** How long an ended phone and a report say something. */
const endedMs = 90 * dayMs;
const reportedMs = 30 * dayMs;

/** Everything that is judged, as it is at `at` (epoch-milliseconds). */
export async function collectFacts(records: Records, subject: RiskSubject, at: number): Promise<RiskFacts> {
  const { signingId, clientId, door, userId, company, template, fields, list } = subject;
  const devices = await devicesOf(records, userId);
  const active = devices.filter(({ status }) => status === 'active');
  const recent = await records.risk.recentUse(userId, { from: at - dayMs, reportedFrom: at - reportedMs });
  const accounts = payeesOf({ template, fields, list });
  const fresh = await records.risk.newPayees(company.id, accounts);
  return {
    subject: { signingId, clientId, door, userId, companyId: company.id, template },
    at,
    compromised: {
      endedDevices: devices.filter(({ endedAt }) => endedAt !== null && endedAt >= at - endedMs),
      reportedAt: recent.reportedAt,
    },
    amount: moneyOf(template, fields as FieldsOf<typeof template>),
    scenarios: {
      payees: accounts.map((account) => ({ account, isNew: fresh.has(account) })),
      isUnusualHour: isUnusual(company.rules, at),
      requestsInTenMinutes: recent.askedAt.filter((askedAt) => askedAt >= at - tenMinutesMs).length,
      requestsInDay: recent.askedAt.length,
    },
    software: active.map(({ id, platform, appVersion, attestation }) => ({ id, platform, appVersion, attestation })),
    use: { activeDevices: active, declines: recent.declinedAt.length, wrongMpins: recent.wrongMpinAt.length },
  };
}

function isUnusual({ risk, hours }: CompanyRules, at: number): boolean | null {
  const usual = risk.unusualHour.hours ?? hours;
  return usual === null ? null : !isWithinHours({ hours: usual }, at);
}

/** Those that may be asked, with where they were used last, and those that ended. */
async function devicesOf(records: Records, userId: string): Promise<RiskDevice[]> {
  const all = await records.devices.listByUser(userId);
  const active = await records.devices.list({ userId, status: 'active' }, { limit: 200 });
  const places = new Map(active.map(({ id, place }) => [id, place]));
  return all.map((device) => toRiskDevice({ ...device, place: places.get(device.id) }));
}

/** Without its name and its keys. */
function toRiskDevice(device: Omit<ListedDevice, 'userName'>): RiskDevice {
  return {
    id: device.id,
    status: device.status,
    platform: device.platform,
    appVersion: device.appVersion,
    attestation: device.attestationLevel,
    registeredAt: device.createdAt,
    activatedAt: device.activatedAt ?? null,
    lastUsedAt: device.lastUsedAt ?? null,
    place: device.place ?? null,
    endedAt: device.endedAt ?? null,
    endedReason: device.endedReason ?? null,
    wrongMpins: device.pinAttempts,
  };
}
