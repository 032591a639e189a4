/** `createPhone`: everything an app does with mtoken, as one object. */

import type { DeactivationReason, OwnDevices, OwnSessions } from '../protocol/devices.ts';
import type { DeclineReason } from '../protocol/orders.ts';
import type { Receipt } from '../protocol/receipt.ts';
import { type BiometricKind, disableBiometrics, enableBiometrics } from './biometrics.ts';
import type { Bytes } from './bytes.ts';
import {
  createServerTime,
  loadPhone,
  memorySessionHolder,
  type PhoneClock,
  type PhoneContext,
  type SessionHolder,
} from './context.ts';
import { fetchDocument, type SignedDocument } from './document.ts';
import { createHttp, type FetchLike } from './http.ts';
import {
  fetchReceipt,
  listPast,
  listWaiting,
  type PastOrders,
  type VerifiedReceipt,
  type WaitingOrder,
} from './inbox.ts';
import type { KeyStore, SignOptions } from './key-store.ts';
import type { MpinRules } from './mpin.ts';
import {
  type ApprovalProof,
  approveOrder,
  type ClaimedOrder,
  claimOrder,
  claimTyped,
  claimWaiting,
  declineOrder,
  reportOrder,
} from './orders.ts';
import { deactivate, deactivateDevice, endSession, erasePhone, listDevices, listSessions, setLanguage } from './own.ts';
import {
  beginRegistration,
  type FinishInput,
  fetchStatus,
  finishRegistration,
  type RegistrationBegun,
  type RegistrationDone,
  type RegistrationOptions,
  type ServerStatus,
} from './registration.ts';
import { type Owner, openOwner, type StoredPhone } from './state.ts';
import type { EnvelopeAlg } from './trust.ts';
import {
  changeMpin,
  logout,
  type SessionInfo,
  sessionInfo,
  unlockWithBiometrics,
  unlockWithMpin,
  vaultKey,
} from './unlock.ts';

export interface PhoneOptions {
  readonly keyStore: KeyStore;
  /** The only server of this app; activations of any https server are accepted where it is left out. */
  readonly issuer?: string;
  /** Defaults to the platform's. */
  readonly fetch?: FetchLike;
  /** Defaults to the platform's. */
  readonly clock?: PhoneClock;
  /** How requests before a session are encrypted: `ECDH-ES` unless told otherwise. */
  readonly envelope?: EnvelopeAlg;
  /** How long to wait for an answer; 15 seconds unless told otherwise. */
  readonly timeoutMs?: number;
  /** Waits so many milliseconds, before a second look at the keys of a server that just changed them. Defaults to the platform's timer. */
  readonly pause?: (milliseconds: number) => Promise<void>;
  /** Accepts `http://localhost` and the other loopback names as a server: for development. */
  readonly allowLoopbackHttp?: boolean;
  /** Memory unless told otherwise; an app has no reason to change it. */
  readonly sessionHolder?: SessionHolder;
}

/** Where this phone stands, from its own memory. */
export type PhoneState =
  | { readonly kind: 'new' }
  | ({ readonly kind: 'registering' } & RegistrationBegun)
  | {
      readonly kind: 'registered';
      readonly issuer: string;
      readonly deviceId: string;
      /** False until an administrator approved the phone, as far as is known here. */
      readonly isApproved: boolean;
      readonly hasBiometrics: boolean;
      readonly mpin: MpinRules;
      /** Null while the phone is locked: who that is cannot be read without a session. */
      readonly owner: Owner | null;
      /** The open session, or null while the phone is locked. */
      readonly session: SessionInfo | null;
    };

/** A phone. Every function throws `PhoneError` and nothing else that the app should handle. */
export interface Phone {
  /** Where this phone stands. Asks the server nothing. */
  state(): Promise<PhoneState>;
  /** Asks the server: is this device active, pending, blocked, deactivated? Needs no unlocking. */
  status(): Promise<ServerStatus>;

  /** First step: takes the activation text, makes the keys, and tells where the confirmation code went. */
  beginRegistration(activationText: string, options: RegistrationOptions): Promise<RegistrationBegun>;
  /** Second step, also after a restart of the app: confirmation code, chosen mPIN, and the version of the terms that were accepted. */
  finishRegistration(input: FinishInput): Promise<RegistrationDone>;

  /** Opens a session with the mPIN: a string of digits. */
  unlockWithMpin(mpin: string): Promise<SessionInfo>;
  /** Opens a session with fingerprint or face. */
  unlockWithBiometrics(options?: SignOptions): Promise<SessionInfo>;
  /** Switches fingerprint or face on; takes a session, the mPIN, and the finger or face. */
  enableBiometrics(input: { readonly mpin: string; readonly kind?: BiometricKind }): Promise<void>;
  /** Switches it off; takes a session. */
  disableBiometrics(): Promise<void>;
  /** 32 bytes under which the app encrypts its local data; only while unlocked. */
  vaultKey(): Promise<Bytes>;
  /** Ends the session and forgets its secrets, with or without network. */
  logout(): Promise<void>;
  /** Changes the mPIN; takes a session and the old one. After `offline`, either of the two may be valid. */
  changeMpin(input: { readonly oldMpin: string; readonly newMpin: string }): Promise<void>;

  /** Takes the text of a scanned QR code or of a link, and gives what to show. */
  claim(frameText: string): Promise<ClaimedOrder>;
  /** Takes what a person typed or pasted: the twelve digits of a short code, or the text of a frame. Never what a camera saw. */
  claimTyped(text: string): Promise<ClaimedOrder>;
  /** Takes the id of something that waits in the inbox, and gives what to show. */
  claimWaiting(signingId: string): Promise<ClaimedOrder>;
  /** The file of a document's order, found to be the one that is signed: show it before anybody approves. */
  document(order: ClaimedOrder): Promise<SignedDocument>;
  /** Says yes; `proof` where `descriptor.freshProof` asks for it, and that by mPIN where `descriptor.mpinOnly` does. */
  approve(order: ClaimedOrder, proof?: ApprovalProof): Promise<void>;
  /** Says no. */
  decline(order: ClaimedOrder, reason?: DeclineReason): Promise<void>;
  /** Says "that is not me". */
  report(order: ClaimedOrder): Promise<void>;

  /** What waits for this user, the newest first: nothing in it may be decided about, claim it first. */
  inbox(): Promise<readonly WaitingOrder[]>;
  /** What has ended, the newest first; `before` takes the id of the last one of the page before. */
  history(options?: { readonly before?: string }): Promise<PastOrders>;
  /** The receipt of what this user signed, verified. Throws `not_found` where there is none. */
  receipt(signingId: string): Promise<Receipt>;
  /** The same with what it says, to show it. */
  verifiedReceipt(signingId: string): Promise<VerifiedReceipt>;

  /** The user's devices. */
  listDevices(): Promise<OwnDevices['devices']>;
  /** The user's browser sessions. */
  listSessions(): Promise<OwnSessions['sessions']>;
  /** Ends one of them. */
  endSession(sessionUid: string): Promise<void>;
  /** In which language the user is written to: a code such as `de`. Throws `refused` where the server has no texts in it. */
  setLanguage(code: string): Promise<void>;
  /** Ends another device of the user, such as a lost one. */
  deactivateDevice(input: { readonly deviceId: string; readonly reason: DeactivationReason }): Promise<void>;
  /** Ends this phone for good and destroys its keys. */
  deactivate(reason?: DeactivationReason): Promise<void>;
  /** Destroys the keys of this phone without telling the server. */
  erase(): Promise<void>;
}

/**
 * A phone over a key store. The object may be made anew at any time: what must last is in the key store, and the session is meant
 * to be gone.
 */
export function createPhone(options: PhoneOptions): Phone {
  const context = contextFrom(options);
  return {
    state: async () => describe(context, await loadPhone(context)),
    status: async () => fetchStatus(context),
    beginRegistration: async (text, registration) => beginRegistration(context, text, registration),
    finishRegistration: async (input) => finishRegistration(context, input),
    unlockWithMpin: async (mpin) => unlockWithMpin(context, mpin),
    unlockWithBiometrics: async (options) => unlockWithBiometrics(context, options),
    enableBiometrics: async (input) => enableBiometrics(context, input),
    disableBiometrics: async () => disableBiometrics(context),
    vaultKey: async () => vaultKey(context),
    logout: async () => logout(context),
    changeMpin: async (input) => changeMpin(context, input),
    claim: async (frameText) => claimOrder(context, frameText),
    claimTyped: async (text) => claimTyped(context, text),
    claimWaiting: async (signingId) => claimWaiting(context, signingId),
    document: async (order) => fetchDocument(context, order),
    approve: async (order, proof) => approveOrder(context, order, proof),
    decline: async (order, reason) => declineOrder(context, order, reason),
    report: async (order) => reportOrder(context, order),
    inbox: async () => listWaiting(context),
    history: async (options) => listPast(context, options),
    receipt: async (signingId) => (await fetchReceipt(context, signingId)).receipt,
    verifiedReceipt: async (signingId) => fetchReceipt(context, signingId),
    listDevices: async () => listDevices(context),
    listSessions: async () => listSessions(context),
    endSession: async (sessionUid) => endSession(context, sessionUid),
    setLanguage: async (code) => setLanguage(context, code),
    deactivateDevice: async (input) => deactivateDevice(context, input),
    deactivate: async (reason) => deactivate(context, reason),
    erase: async () => erasePhone(context),
  };
}

// oxlint-disable-next-line no-restricted-properties -- the one place where the SDK asks the platform for the time
const platformClock: PhoneClock = { now: () => Date.now() };

const platformPause = async (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

function contextFrom(options: PhoneOptions): PhoneContext {
  // Called as a method of nothing, a browser's fetch throws: hence the arrow.
  const fetch: FetchLike = options.fetch ?? (async (url, init) => globalThis.fetch(url, init));
  return {
    keys: options.keyStore,
    http: createHttp(fetch, options.timeoutMs ?? 15_000),
    time: createServerTime(options.clock ?? platformClock),
    sessions: options.sessionHolder ?? memorySessionHolder(),
    issuers: { issuer: options.issuer, allowLoopbackHttp: options.allowLoopbackHttp ?? false },
    envelopeAlg: options.envelope ?? 'ECDH-ES',
    pause: options.pause ?? platformPause,
  };
}

async function describe(context: PhoneContext, phone: StoredPhone | undefined): Promise<PhoneState> {
  if (phone === undefined) return { kind: 'new' };
  const { issuer, mpin, deviceId } = phone;
  if (phone.phase === 'registering') {
    const { confirmationChannel = 'email', confirmationHint, terms = null, expiresAt } = phone;
    return { kind: 'registering', issuer, confirmationChannel, confirmationHint, terms, mpin, expiresAt };
  }
  const { isApproved, biometric } = phone;
  const session = (await sessionInfo(context)) ?? null;
  const owner = session === null ? null : await openOwner(phone, (await context.sessions.get())?.vaultKey);
  return { kind: 'registered', issuer, deviceId, isApproved, hasBiometrics: biometric, mpin, owner, session };
}
