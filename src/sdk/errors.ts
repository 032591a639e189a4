/** The one error of the SDK: a closed set of codes, each with what happened and what to do about it. */

interface PhoneErrorEntry {
  readonly message: string;
  readonly advice: string;
}

/** Every code that the SDK can throw. `message` says what happened, `advice` what the app or the person does next. */
export const phoneErrors = {
  invalid_activation: {
    message: 'This is not an activation text.',
    advice: 'Scan the activation code again, or paste the whole activation text, from its first character to its last.',
  },
  activation_refused: {
    message: 'The server did not accept the activation code.',
    advice: 'It was used, has ended or was mistyped: ask for a new activation.',
  },
  wrong_confirmation: {
    message: 'The confirmation code was not accepted.',
    advice: 'Check the 8 digits of the newest message. After five wrong codes ask for a new activation.',
  },
  terms_not_accepted: {
    message: 'The terms in force were not accepted.',
    advice: 'Begin the registration again with the same activation, show the terms and let the person accept them.',
  },
  already_registered: {
    message: 'This phone is registered already, or its key was used before.',
    advice: 'Deactivate this phone first, then register it with a new activation.',
  },
  not_registered: { message: 'This phone is not registered.', advice: 'Register it with an activation text.' },
  approval_pending: {
    message: 'An administrator has yet to approve this phone.',
    advice: 'Wait for the approval and ask for the status from time to time.',
  },
  mpin_format: {
    message: 'The mPIN must be a string of decimal digits of the allowed length.',
    advice: 'Ask for the mPIN again; keep it a string, because 01234 and 1234 are different.',
  },
  weak_mpin: {
    message: 'This mPIN is too easy to guess.',
    advice: 'Choose another one; `rule` says why not this one.',
  },
  wrong_mpin: { message: 'The mPIN is wrong.', advice: 'Try again; `attemptsLeft` says how often, if it is known.' },
  blocked: {
    message: 'The mPIN of this phone is blocked for good.',
    advice: 'It cannot be unblocked: register again with a new activation.',
  },
  deactivated: {
    message: 'This phone was deactivated, or its registration was refused.',
    advice: 'Erase it and register again with a new activation.',
  },
  biometric_unavailable: {
    message: 'Fingerprint or face is not set up on this phone, or cannot be checked by this app.',
    advice: 'Use the mPIN.',
  },
  biometric_failed: {
    message: 'Fingerprint or face was not recognised, or the check was cancelled.',
    advice: 'Try again, or use the mPIN.',
  },
  biometric_lost: {
    message: 'Fingerprint or face does not work on this phone any more.',
    advice: 'Use the mPIN; they may be switched on again afterwards.',
  },
  authentication_failed: {
    message: 'The server did not accept this phone, and does not say why.',
    advice: 'Ask for the status; if the phone is deactivated, register again.',
  },
  locked: { message: 'The phone is locked.', advice: 'Unlock it with the mPIN or biometrics first.' },
  session_ended: { message: 'The session has ended.', advice: 'Unlock again.' },
  not_a_frame: {
    message: 'This is not a login or signing code.',
    advice: 'Scan the QR code on the login page itself.',
  },
  wrong_origin: {
    message: 'This code belongs to another server than the one this phone is registered at.',
    advice: 'Do not go on: it may be an attempt at fraud. Check the address of the page.',
  },
  stale_frame: {
    message: 'This code is too old, or another phone has taken it.',
    advice: 'Scan the code that the page shows now.',
  },
  order_unavailable: {
    message: 'What was asked is no longer open.',
    advice: 'Begin again at the portal.',
  },
  document_changed: {
    message: 'The portal has another document by now than the one that is to be signed.',
    advice: 'Do not approve: decline, and tell the portal.',
  },
  document_unreachable: {
    message: 'The portal does not hand out the document.',
    advice: 'Try again in a moment; do not approve what you could not read.',
  },
  proof_required: {
    message: 'Approving this takes the mPIN or biometrics once more.',
    advice: 'Call approve with a proof.',
  },
  server_not_authentic: {
    message: 'The answer does not come from the server that this phone trusts.',
    advice: 'Do not go on: someone may be in between. Try another network; tell the bank if it comes back.',
  },
  clock: {
    message: 'The clock of this phone is so wrong that the server refuses its requests.',
    advice: 'Let the phone set its time by itself, then try again.',
  },
  offline: {
    message: 'No answer from the server. The request may or may not have arrived.',
    advice: 'Check the connection and try again.',
  },
  unavailable: { message: 'The server cannot answer right now.', advice: 'Try again in a moment.' },
  too_many_requests: {
    message: 'Too many requests.',
    advice: 'Wait; `retryAfterSeconds` says how long, if the server told.',
  },
  not_allowed: { message: 'This is not allowed for this user or phone.', advice: 'Ask the administrator.' },
  limit_reached: {
    message: 'A limit of the company is reached.',
    advice: 'Deactivate a phone that is no longer used, or ask the administrator.',
  },
  not_found: { message: 'There is no such device, session or receipt.', advice: 'Ask for the list again.' },
  conflict: { message: 'The state at the server does not allow this.', advice: 'Ask for the status and begin again.' },
  refused: {
    message: 'The server refused the request as not well formed.',
    advice: 'Update the app; `serverCode` and `requestId` help the operator to find the reason.',
  },
  unsupported: {
    message: 'The server speaks another version of the protocol, or no SRP profile of this app.',
    advice: 'Update the app.',
  },
  key_store: {
    message: 'The keys of this phone cannot be read.',
    advice: 'If this stays so, erase the phone and register again.',
  },
} as const satisfies Record<string, PhoneErrorEntry>;

/** A code of {@link phoneErrors}. */
export type PhoneErrorCode = keyof typeof phoneErrors;

/** Why an mPIN is weak. */
export type WeakMpinRule = 'repeated' | 'sequence' | 'pattern' | 'date' | 'common' | 'unchanged';

/** What may accompany an error. Never a secret. */
export interface PhoneErrorOptions {
  /** More about the cause, for a log or a developer; English. */
  readonly detail?: string;
  readonly cause?: unknown;
  readonly attemptsLeft?: number | null;
  readonly rule?: WeakMpinRule;
  readonly retryAfterSeconds?: number;
  readonly serverCode?: string;
  readonly requestId?: string;
}

/** Everything that goes wrong in the SDK. Switch over `code`; the set is closed. */
export class PhoneError extends Error {
  readonly code: PhoneErrorCode;
  /** What to do next, in English, from {@link phoneErrors}. */
  readonly advice: string;
  readonly detail: string | undefined;
  /** With `wrong_mpin` and `wrong_confirmation`: guesses left, or null where the server does not tell. */
  readonly attemptsLeft: number | null;
  /** With `weak_mpin`: which rule. */
  readonly rule: WeakMpinRule | undefined;
  /** With `too_many_requests`: how long to wait. */
  readonly retryAfterSeconds: number | undefined;
  /** The server's own code, where it answered with a problem. */
  readonly serverCode: string | undefined;
  /** The server's name for the request, where it told: an operator finds the log entry by it. */
  readonly requestId: string | undefined;

  constructor(code: PhoneErrorCode, options: PhoneErrorOptions = {}) {
    super(
      options.detail === undefined ? phoneErrors[code].message : `${phoneErrors[code].message} (${options.detail})`,
      {
        cause: options.cause,
      },
    );
    this.name = 'PhoneError';
    this.code = code;
    this.advice = phoneErrors[code].advice;
    this.detail = options.detail;
    this.attemptsLeft = options.attemptsLeft ?? null;
    this.rule = options.rule;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.serverCode = options.serverCode;
    this.requestId = options.requestId;
  }
}
