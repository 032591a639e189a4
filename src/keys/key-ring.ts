/** The server's keys as a process holds them: loaded once, read again when they change, each usable for its one purpose only. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type GeneralJWS, GeneralSign, type JWK } from 'jose';
import { signCompactJws } from '../crypto/jws.ts';
import { AuthError } from '../errors.ts';
import { typ } from '../protocol/names.ts';
import type { SigningAlgorithm } from './generate.ts';
import { type KeyDeps, keysChangedTopic, replacedAt } from './keys.ts';
import type { ServerKey } from './store.ts';

/** A private key that is in use for signing. */
export interface Signer {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly privateKey: KeyObject;
}

/** A private key that opens request envelopes. */
export interface EnvelopeKey {
  readonly kid: string;
  readonly alg: 'RSA-OAEP-256' | 'ECDH-ES';
  readonly privateKey: KeyObject;
}

export interface KeyRing {
  /** The key that signs now. Throws `internal` where the server has none of that algorithm. */
  activeSigner(alg: SigningAlgorithm): Signer;
  /** A compact JWS by the active ES256 key, `typ`, `alg` and `kid` in its protected header. */
  signCompact(typ: string, payload: object): Promise<string>;
  /** The envelope key of that name, while it is published or in its overlap; undefined for any other, signing keys included. */
  envelopeKey(kid: string): Promise<EnvelopeKey | undefined>;
  /** Everything that others may use, public parts only. */
  publicJwks(): { readonly keys: readonly JWK[] };
  /** Private signing keys, for the OpenID provider alone; of each algorithm the active one comes first. */
  signingJwks(): { readonly keys: readonly JWK[] };
  /** The thumbprint that an activation text carries: the app's first trust. */
  trustThumbprint(): string;
  /** All published keys, signed by every signing key that is held (docs/protocol.md §2). */
  keySetDocument(): Promise<GeneralJWS>;
  /** Every ES256 key that ever signed, erased ones among them, signed by every signing key that is held (docs/signing.md). */
  keyHistoryDocument(): Promise<GeneralJWS>;
  /** Calls `listener` after the keys changed, until the returned function is called. */
  onChange(listener: () => void): () => void;
  /** Reads the keys again. */
  reload(): Promise<void>;
  /** Stops listening. */
  close(): void;
}

export interface KeyRingDeps extends KeyDeps {
  readonly issuer: string;
  /** For a failed reload in the background, which keeps the keys that are known. */
  readonly log?: { warn(fields: object, message: string): void } | undefined;
}

export interface KeyRingOptions {
  /** How old the keys in memory may become; 60 s unless told. */
  readonly maxAgeMs?: number;
}

/** A signed key set is answered to anybody who asks, so its signatures are not made anew for each. */
const documentMaxAgeMs = 30_000;
/** How often an unknown key id may cause a look into the store. */
const missReloadMs = 1_000;

interface Snapshot {
  /** Retired ones too: what they signed is still checked. */
  readonly all: readonly ServerKey[];
  readonly keys: readonly ServerKey[];
  readonly signers: readonly (Signer & { readonly status: ServerKey['status'] })[];
  readonly envelopeKeys: ReadonlyMap<string, EnvelopeKey>;
  readonly fingerprint: string;
}

/** Loads the keys; `ensureKeys` must have run. Throws `internal` where there is no active ES256 key. */
export async function createKeyRing(deps: KeyRingDeps, { maxAgeMs = 60_000 }: KeyRingOptions = {}): Promise<KeyRing> {
  const held = await holdKeys(deps);
  const readQuietly = (): void => {
    held.read().catch((error: unknown) => deps.log?.warn({ err: error }, 'the server keys could not be read again'));
  };
  const unsubscribe = await deps.shortLived.subscribe(keysChangedTopic, readQuietly);
  const timer = setInterval(readQuietly, maxAgeMs);
  timer.unref();
  return {
    activeSigner: (alg) => activeSigner(held.keys(), alg),
    signCompact: async (type, payload) => {
      const { kid, alg, privateKey } = activeSigner(held.keys(), 'ES256');
      const key = { alg, key: privateKey };
      return signCompactJws({ payload: JSON.stringify(payload), typ: type, key, header: { kid } });
    },
    envelopeKey: async (kid) => {
      // Another process may have begun to publish it a moment ago.
      if (!held.keys().envelopeKeys.has(kid)) await held.readUnlessFresh();
      return held.keys().envelopeKeys.get(kid);
    },
    publicJwks: () => ({ keys: published(held.keys()).map(({ publicJwk }) => publicJwk) }),
    signingJwks: () => ({ keys: privateSigningJwks(held.keys()) }),
    trustThumbprint: () => activeSigner(held.keys(), 'ES256').kid,
    keySetDocument: signedOnce(deps, held.keys, { typ: typ.keys, payload: keySetOf }),
    keyHistoryDocument: signedOnce(deps, held.keys, { typ: typ.keyHistory, payload: historyOf }),
    onChange: (listener) => {
      held.listeners.add(listener);
      return () => {
        held.listeners.delete(listener);
      };
    },
    reload: held.read,
    close: () => {
      clearInterval(timer);
      unsubscribe();
      held.listeners.clear();
    },
  };
}

interface HeldKeys {
  keys(): Snapshot;
  read(): Promise<void>;
  readUnlessFresh(): Promise<void>;
  readonly listeners: Set<() => void>;
}

/** The keys in memory, and the ways in which they are read again. */
async function holdKeys(deps: KeyDeps): Promise<HeldKeys> {
  const listeners = new Set<() => void>();
  let snapshot = await load(deps);
  let readAt = deps.clock.now();
  let reading: Promise<void> | undefined;
  let begun = 0;
  let applied = 0;
  const read = async (): Promise<void> => {
    begun += 1;
    const own = begun;
    const fresh = await load(deps);
    // A slow read that began before a rotation and ends after the one that saw it would bring an erased key back.
    if (own < applied) return;
    applied = own;
    readAt = deps.clock.now();
    if (fresh.fingerprint === snapshot.fingerprint) return;
    snapshot = fresh;
    for (const listener of listeners) listener();
  };
  return {
    keys: () => snapshot,
    read,
    readUnlessFresh: async () => {
      if (deps.clock.now() < readAt + missReloadMs) return;
      // One look for all who ask at once: made-up key ids must not become a flood of queries.
      reading ??= read().finally(() => {
        reading = undefined;
      });
      await reading;
    },
    listeners,
  };
}

/** A kind of document that this server signs about its keys. */
interface KeyDocument {
  readonly typ: string;
  readonly payload: (snapshot: Snapshot) => object;
}

/** A document about the keys, made anew when keys changed or it is half a minute old. */
function signedOnce(deps: KeyRingDeps, keys: () => Snapshot, document: KeyDocument): () => Promise<GeneralJWS> {
  let last: { readonly made: Promise<GeneralJWS>; readonly of: Snapshot; readonly at: number } | undefined;
  return () => {
    const at = deps.clock.now();
    const snapshot = keys();
    if (last?.of !== snapshot || Math.abs(at - last.at) >= documentMaxAgeMs) {
      const made = signDocument(snapshot, {
        typ: document.typ,
        payload: { iss: deps.issuer, iat: Math.floor(at / 1000), ...document.payload(snapshot) },
      });
      last = { made, of: snapshot, at };
    }
    return last.made;
  };
}

async function load(deps: KeyDeps): Promise<Snapshot> {
  const all = await deps.records.keys.list();
  const keys = all.filter(({ status }) => status !== 'retired');
  const held = keys.flatMap(({ kid, alg, status, privateJwk }) =>
    privateJwk === undefined
      ? []
      : [{ kid, alg, status, privateKey: createPrivateKey({ key: privateJwk, format: 'jwk' }) }],
  );
  const snapshot: Snapshot = {
    all,
    keys,
    // Sorted by purpose here, once: no signing key can be reached as an envelope key, nor the other way round (C-11).
    signers: held.flatMap((key) => (isSigning(key.alg) ? [{ ...key, alg: key.alg }] : [])),
    envelopeKeys: new Map(held.flatMap((key) => (isSigning(key.alg) ? [] : [[key.kid, { ...key, alg: key.alg }]]))),
    fingerprint: all.map(({ kid, status }) => `${kid}:${status}`).join(' '),
  };
  activeSigner(snapshot, 'ES256');
  return snapshot;
}

function isSigning(alg: ServerKey['alg']): alg is SigningAlgorithm {
  return alg === 'ES256' || alg === 'RS256';
}

function activeSigner({ signers }: Snapshot, alg: SigningAlgorithm): Signer {
  const signer = signers.find((key) => key.alg === alg && key.status === 'active');
  if (signer === undefined) throw new AuthError('internal', { detail: `there is no active ${alg} key` });
  return signer;
}

function published({ keys }: Snapshot): readonly ServerKey[] {
  return [...keys].sort((left, right) => rank(left) - rank(right));
}

/** Clients that take the first key of a kind get the one in use. */
function rank({ status }: ServerKey): number {
  return { active: 0, next: 1, retiring: 2, retired: 3 }[status];
}

function privateSigningJwks(snapshot: Snapshot): readonly JWK[] {
  return published(snapshot).flatMap(({ use, privateJwk }) =>
    use === 'sig' && privateJwk !== undefined ? [privateJwk] : [],
  );
}

function keySetOf(snapshot: Snapshot): object {
  return { keys: published(snapshot).map(({ publicJwk }) => publicJwk) };
}

/** When each key signed: from its first use until another took its place. */
function historyOf({ all }: Snapshot): object {
  const seconds = (at: number): number => Math.floor(at / 1000);
  const keys = all.filter(({ alg }) => alg === 'ES256');
  return {
    keys: keys.map((key) => ({
      ...key.publicJwk,
      from: key.activatedAt === undefined ? null : seconds(key.activatedAt),
      until: key.status === 'active' || key.status === 'next' ? null : seconds(replacedAt(key, keys)),
    })),
  };
}

async function signDocument(
  snapshot: Snapshot,
  { typ: type, payload }: { readonly typ: string; readonly payload: object },
): Promise<GeneralJWS> {
  const document = new GeneralSign(utf8(payload));
  for (const { kid, alg, privateKey } of snapshot.signers) {
    document.addSignature(privateKey).setProtectedHeader({ alg, kid, typ: type });
  }
  return document.sign();
}

function utf8(payload: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(payload));
}
