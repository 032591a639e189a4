/** The risk port: what is known before a phone is asked, and what is answered (RTS art. 2(2)). Types only. */
import type { AuditRecord } from '../audit/store.ts';
import type { CompanyRules } from '../companies/rules.ts';
import type { Company } from '../companies/store.ts';
import type { Device } from '../devices/store.ts';
import type { RiskReason } from '../protocol/risk.ts';
import type { TemplateName } from '../protocol/templates/templates.ts';
import type { SigningDoor } from '../signing/store.ts';

/** From the mildest to the severest. */
export const riskVerdicts = ['allow', 'step-up', 'delay', 'deny'] as const;
export type RiskVerdict = (typeof riskVerdicts)[number];

/** What somebody asks to be signed, as the door has judged it. */
export interface RiskSubject {
  /** `sig_…`; of the request that is about to be made. */
  readonly signingId: string;
  readonly clientId: string;
  readonly door: SigningDoor;
  readonly userId: string;
  /** That of the user, whose rules hold. */
  readonly company: Pick<Company, 'id' | 'rules'>;
  readonly template: TemplateName;
  /** As they will be signed. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The payments of a batch, as they were hashed. */
  readonly list?: string | undefined;
  /** Of the request that asks, for the audit trail. */
  readonly requestId?: string | undefined;
}

/** Money as the fields have it. `amount` in minor units; null: without a bound (a mandate that names no maximum). */
export type RiskAmount =
  | { readonly amount: number; readonly currency: string }
  | { readonly amount: null; readonly currency: null };

/** Who is to be paid, and whether a user of the company has approved to pay them, or to add them, before. */
export interface RiskPayee {
  /** An IBAN, or the identifier of a mandate's creditor. */
  readonly account: string;
  readonly isNew: boolean;
}

/** A phone of the user, as far as it tells about risk. */
export interface RiskDevice {
  readonly id: string;
  readonly status: 'pending' | 'active' | 'blocked' | 'deactivated' | 'refused';
  readonly platform: string;
  readonly appVersion: string;
  /** What is proven of where its key is kept; `none` where nothing is. */
  readonly attestation: string;
  /** Epoch-milliseconds, as all times here. */
  readonly registeredAt: number;
  readonly activatedAt: number | null;
  readonly lastUsedAt: number | null;
  /** The network from which it was used last, such as `192.0.2.0/24`. */
  readonly place: string | null;
  readonly endedAt: number | null;
  /** Such as `lost` or `mpin`. */
  readonly endedReason: string | null;
  /** Wrong mPINs since the last right one. */
  readonly wrongMpins: number;
}

/** What is judged: the five inputs of RTS art. 2(2), each under its own name, and what they are about. */
export interface RiskFacts {
  readonly subject: Pick<RiskSubject, 'signingId' | 'clientId' | 'door' | 'userId' | 'template'> & {
    readonly companyId: string;
  };
  readonly at: number;
  /** (a) Elements that are compromised or stolen: phones that ended, and reports of "this is not me". */
  readonly compromised: {
    /** In the last 90 days. */
    readonly endedDevices: readonly RiskDevice[];
    /** When the user said "this is not me", the newest first; of 30 days. */
    readonly reportedAt: readonly number[];
  };
  /** (b) The amount; null where there is none. */
  readonly amount: RiskAmount | null;
  /** (c) What known scenarios of fraud look like. */
  readonly scenarios: {
    readonly payees: readonly RiskPayee[];
    /** Null where neither rules nor company say which hours are usual. */
    readonly isUnusualHour: boolean | null;
    /** Requests to sign for this user in the last ten minutes and in 24 hours, without this one. */
    readonly requestsInTenMinutes: number;
    readonly requestsInDay: number;
  };
  /** (d) Signs of malware: what the phones that may be asked say of themselves, and what is proven of it. */
  readonly software: readonly Pick<RiskDevice, 'id' | 'platform' | 'appVersion' | 'attestation'>[];
  /** (e) The log of how the phones and the software are used. */
  readonly use: {
    readonly activeDevices: readonly RiskDevice[];
    /** In the last 24 hours. */
    readonly declines: number;
    readonly wrongMpins: number;
  };
}

/** What is answered. The severest verdict wins; a delay does not lift what a step-up asks. */
export interface RiskAnswer {
  readonly verdict: RiskVerdict;
  /** True: a fingerprint or face is not enough. */
  readonly mpinOnly: boolean;
  /** Until anybody is asked; 0 unless the verdict is `delay`. The lifetime of the request begins after it. */
  readonly delaySeconds: number;
  /** In the order of `riskReasons`, each once; shown on the phone as warnings. */
  readonly reasons: readonly RiskReason[];
}

/** An answer with how it came about. */
export interface RiskAssessment extends RiskAnswer {
  /** For the audit trail: which rules spoke and with what values, and the engine. No names, accounts or amounts of the transaction. */
  readonly grounds: NonNullable<AuditRecord['data']>;
}

export interface RiskPort {
  /** Judges before a phone is asked, by the rules of the user's company. */
  assess(facts: RiskFacts, rules: CompanyRules): Promise<RiskAssessment>;
}

/** What is known once a phone wants to open what waits. */
export interface DeviceSubject {
  readonly signingId: string;
  readonly device: Pick<Device, 'id' | 'userId' | 'activatedAt'>;
  readonly company: Pick<Company, 'id' | 'rules'>;
  /** When the request was made: a delay counts from there. */
  readonly createdAt: number;
}

/** What that phone may do. `deny`: it may not open it; `delay`: not before `askableAt`. */
export interface DeviceAnswer extends RiskAnswer {
  /** Epoch-milliseconds; the time of the request itself where nothing delays it. */
  readonly askableAt: number;
  /** For the audit trail; undefined where no rule spoke. */
  readonly record: AuditRecord | undefined;
}
