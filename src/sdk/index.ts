/**
 * The app SDK of mtoken: registers a phone, unlocks it, and approves what portals ask. It runs in browsers, React Native and Node,
 * and needs WebCrypto and `fetch` from the platform.
 *
 * ```ts
 * const phone = createPhone({ keyStore: indexedDbKeyStore() });
 * const begun = await phone.beginRegistration(activationText, { device: { name: 'My phone', platform: 'Web', appVersion: '1.0' } });
 * // show begun.terms, if there are any, and let the person accept them or not
 * // ask for the code that was sent to begun.confirmationHint, and for an mPIN of begun.mpin.minLength digits or more
 * await phone.finishRegistration({ confirmationCode, mpin, acceptedTerms: begun.terms?.version });
 * await phone.unlockWithMpin(mpin);
 * const order = await phone.claim(scannedText);
 * // show all of order.descriptor, then
 * await phone.approve(order);
 * ```
 */
export type { BiometricKind } from './biometrics.ts';
export type { Bytes } from './bytes.ts';
export type { OpenSession, SessionHolder, UnlockMethod } from './context.ts';
export { isSignedDocument } from './display.ts';
export type { SignedDocument } from './document.ts';
export { PhoneError, type PhoneErrorCode, phoneErrors, type WeakMpinRule } from './errors.ts';
export type { FetchLike } from './http.ts';
export type { PastOrder, PastOrders, VerifiedReceipt, WaitingOrder } from './inbox.ts';
export { indexedDbKeyStore } from './indexeddb-key-store.ts';
export type { CredentialAssertion, KeyName, KeyStore, SignOptions } from './key-store.ts';
export { memoryKeyStore } from './memory-key-store.ts';
export { type MpinRules, type WeakMpin, weakMpin } from './mpin.ts';
export type { ApprovalProof, ClaimedOrder } from './orders.ts';
export { createPhone, type Phone, type PhoneOptions, type PhoneState } from './phone.ts';
export {
  type ReceiptCheck,
  type ReceiptFacts,
  type ReceiptVerdict,
  receiptChecks,
  verifyReceipt,
} from './receipt.ts';
export type {
  FinishInput,
  PhoneDescription,
  RegistrationBegun,
  RegistrationDone,
  RegistrationOptions,
  ServerStatus,
} from './registration.ts';
export type { SessionInfo } from './unlock.ts';
export { canUseBiometrics } from './webauthn.ts';
