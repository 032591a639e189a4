/** The browser's own check of finger or face: WebAuthn with the authenticator that is built into the phone. */
import { type Bytes, randomBytes, toBase64url } from './bytes.ts';
import { PhoneError } from './errors.ts';
import type { CredentialAssertion } from './key-store.ts';

/** The few parts of WebAuthn that are used here, so that this file compiles without the types of a browser. */
interface PublicKeyCredential {
  readonly rawId: ArrayBuffer;
  readonly response: {
    readonly clientDataJSON: ArrayBuffer;
    readonly authenticatorData: ArrayBuffer;
    readonly signature: ArrayBuffer;
    getPublicKey(): ArrayBuffer | null;
  };
  getClientExtensionResults(): { readonly prf?: { enabled?: boolean; readonly results?: { first?: ArrayBuffer } } };
}
interface Platform {
  readonly location?: { readonly hostname: string };
  readonly navigator?: {
    readonly credentials?: Record<'create' | 'get', (options: object) => Promise<PublicKeyCredential | null>>;
  };
  readonly PublicKeyCredential?: {
    isUserVerifyingPlatformAuthenticatorAvailable(): Promise<boolean>;
    signalUnknownCredential?(options: object): Promise<void>;
  };
}
const platform = globalThis as unknown as Platform;

/** Below the minute in which a statement must arrive, so that no finger is asked for in vain. */
const timeout = 50_000;
/** ES256, and RS256 for authenticators that have nothing else. */
const algorithms = [-7, -257];

/** Whether finger or face can be checked here. Addresses in place of names have no WebAuthn. */
export async function canUseBiometrics(): Promise<boolean> {
  const host = platform.location?.hostname ?? '';
  if (platform.PublicKeyCredential === undefined || /^[\d.]*$|:/.test(host)) return false;
  return platform.PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false);
}

/** A credential as it was made. */
export interface MadeCredential {
  readonly id: Bytes;
  /** SubjectPublicKeyInfo. */
  readonly spki: Bytes | undefined;
  /** The PRF's 32 bytes, or whether they can be had by {@link askUser}. */
  readonly prf: Bytes | boolean;
}

/** Makes a credential that takes a checked user each time; `handle` names this phone, so that the next one takes the place of this. */
export async function makeCredential(handle: Bytes, salt: Bytes): Promise<MadeCredential> {
  const user = { id: handle, name: 'mToken', displayName: 'mToken' };
  const credential = await ask('create', {
    publicKey: {
      rp: { name: 'mToken' },
      user,
      challenge: randomBytes(32),
      pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key', alg })),
      authenticatorSelection: {
        authenticatorAttachment: 'platform',
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      },
      extensions: prfOf(salt),
      timeout,
    },
  });
  const spki = credential.response.getPublicKey() ?? undefined;
  const prf = credential.getClientExtensionResults().prf;
  const first = prf?.results?.first;
  return {
    id: new Uint8Array(credential.rawId),
    spki: spki && new Uint8Array(spki),
    prf: first === undefined ? prf?.enabled === true : new Uint8Array(first),
  };
}

interface Asking {
  readonly id: Bytes;
  readonly challenge?: Bytes;
  /** Asks for the PRF's output too. */
  readonly salt?: Bytes;
  readonly signal?: AbortSignal | undefined;
}

/** Has the person checked. `prf` is undefined where the credential has none. */
export async function askUser(asking: Asking): Promise<{ assertion: CredentialAssertion; prf: Bytes | undefined }> {
  const { id, challenge = randomBytes(32), salt, signal } = asking;
  const credential = await ask('get', {
    publicKey: {
      challenge,
      allowCredentials: [{ type: 'public-key', id, transports: ['internal'] }],
      userVerification: 'required',
      timeout,
      ...(salt && { extensions: prfOf(salt) }),
    },
    ...(signal && { signal }),
  });
  const { clientDataJSON, authenticatorData, signature } = credential.response;
  const text = (bytes: ArrayBuffer): string => toBase64url(new Uint8Array(bytes));
  const first = credential.getClientExtensionResults().prf?.results?.first;
  return {
    assertion: {
      authenticatorData: text(authenticatorData),
      clientDataJSON: text(clientDataJSON),
      signature: text(signature),
    },
    prf: first && new Uint8Array(first),
  };
}

/** Tells the platform that a credential is of no more use; few listen. */
export async function forgetCredential(id: Bytes): Promise<void> {
  const options = { rpId: platform.location?.hostname, credentialId: toBase64url(id) };
  await platform.PublicKeyCredential?.signalUnknownCredential?.(options).catch(() => undefined);
}

const prfOf = (salt: Bytes): object => ({ prf: { eval: { first: salt } } });

async function ask(act: 'create' | 'get', options: object): Promise<PublicKeyCredential> {
  const credentials = platform.navigator?.credentials;
  if (credentials === undefined) throw new PhoneError('biometric_unavailable');
  try {
    const credential = await credentials[act](options);
    if (credential !== null) return credential;
  } catch (cause) {
    const { name } = cause as { readonly name?: string };
    // Browsers say the same of a finger that was not recognised, of a person who closed the question, and of one who did not answer.
    const isRefusal = name === 'NotAllowedError' || name === 'AbortError';
    throw new PhoneError(isRefusal ? 'biometric_failed' : 'biometric_unavailable', { cause });
  }
  throw new PhoneError('biometric_unavailable');
}
