/** The rules behind the test's server: registration, sessions, orders and own devices for one user, plus a phone to speak to them. */
import { createHash, randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose';
import type { TermsOffered } from '../../../src/protocol/registration.ts';
import { createPhone, type KeyStore, memoryKeyStore, type Phone, type PhoneOptions } from '../../../src/sdk/index.ts';
import { fixedClock, type TestClock } from '../../clock.ts';
import { shownWords } from '../signing/shown.ts';
import { createInbox, type Inbox } from './bank-inbox.ts';
import { b64, type Call, type Channel, createChannel, id, Refusal, sha256 } from './protocol-server.ts';

export const issuer = 'https://id.bank.example';
export const activationCode = 'ABCD-EFGH-JKMN-PQRS-TVWX-YZ23';
export const confirmationCode = '04711823';
export const mpin = '83046195';
export const description = { name: 'Test phone', platform: 'Node', appVersion: '1.0' };

interface Device {
  readonly deviceId: string;
  readonly registrationId: string;
  readonly nonce: string;
  readonly jwk: JWK;
  biometricJwk: JWK | undefined;
  salt?: string;
  verifier?: string;
  status: string;
  attemptsLeft: number;
}

interface Policy {
  approvalNeeded: boolean;
  /** Must be accepted before the finish. */
  termsOfUse: TermsOffered | undefined;
  /** The version that came into force since they were offered. */
  newTerms: boolean;
  confirmation: { channel: 'email' | 'administrator'; hint: string };
}

/** Terms whose hash is that of their text. */
export function termsOf(text: string, changes: Partial<TermsOffered> = {}): TermsOffered {
  const hash = createHash('sha256').update(text).digest('hex');
  return { version: '2026-11', language: 'en', title: 'Terms of use', text, sha256: hash, ...changes };
}

export interface Bank extends Channel {
  readonly clock: TestClock;
  readonly activationText: string;
  readonly device: () => Device;
  /** What the next claim answers. */
  readonly terms: { text: string; freshProof: boolean; purpose: 'login' | 'signing' };
  /** Verified claims of every decision. */
  readonly decisions: { claims: Record<string, unknown>; jws: string; proof: unknown }[];
  readonly policy: Policy;
  readonly inbox: Inbox;
  /** Ids of the user's other phones. */
  readonly otherDevices: string[];
  /** Milliseconds of every pause of its phones, none of which takes any time. */
  readonly pauses: number[];
  phone(options?: Partial<PhoneOptions>): Phone;
}

const toSign = { freshProof: true, purpose: 'signing' } as const;
const owner = { user: { name: 'Anna', locale: 'en' }, company: { name: 'Demo' }, permissions: 'full' };

export async function openBank(
  at: { issuer: string; clock: TestClock } = { issuer, clock: fixedClock() },
): Promise<Bank> {
  const { clock } = at;
  const channel = await createChannel(at);
  const rules = createRules(channel);
  channel.setAnswer(async (call) => {
    const rule = rules.endpoints[call.name];
    if (rule === undefined) throw new Refusal(404, 'not_found');
    return rule(call);
  });
  const pauses: number[] = [];
  const pause = async (milliseconds: number): Promise<void> => {
    pauses.push(milliseconds);
  };
  return Object.assign(channel, {
    clock,
    pauses,
    activationText: `${channel.issuer}/activate#c=${activationCode}&k=${channel.signingKey.kid}`,
    device: rules.device,
    terms: rules.terms,
    decisions: rules.decisions,
    policy: rules.policy,
    inbox: rules.inbox,
    otherDevices: rules.otherDevices,
    phone: (options: Partial<PhoneOptions> = {}) =>
      createPhone({
        keyStore: memoryKeyStore(),
        fetch: channel.fetch,
        clock,
        pause,
        issuer: channel.issuer,
        ...options,
      }),
  });
}

/** A bank with a registered phone. */
export async function openBankWithPhone(
  options: { biometric?: boolean; keyStore?: KeyStore } & Partial<PhoneOptions> = {},
) {
  const { biometric = false, ...phoneOptions } = options;
  const bank = await openBank();
  const phone = bank.phone(phoneOptions);
  await phone.beginRegistration(bank.activationText, {
    device: description,
    ...(biometric ? { biometric: 'fpt' as const } : {}),
  });
  await phone.finishRegistration({ confirmationCode, mpin });
  return { bank, phone };
}

export async function verifyStatement(
  jws: unknown,
  jwk: JWK | undefined,
  typ: string,
): Promise<Record<string, unknown>> {
  if (jwk === undefined) throw new Refusal(401, 'authentication_failed');
  const { payload, protectedHeader } = await compactVerify(String(jws), await importJWK(jwk, 'ES256'));
  if (protectedHeader.typ !== typ) throw new Error(`typ ${protectedHeader.typ} instead of ${typ}`);
  return JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown>;
}

function acceptedOf(terms: TermsOffered | undefined): object {
  if (terms === undefined) return {};
  const { version, language, sha256 } = terms;
  return { acceptedTerms: { version, language, sha256 } };
}

function same(actual: Record<string, unknown>, expected: Record<string, unknown>): void {
  const { iat, ...claims } = actual;
  const sorted = (value: object) => JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  if (typeof iat !== 'number' || sorted(claims) !== sorted(expected)) {
    throw new Error(`signed ${JSON.stringify(claims)}, expected ${JSON.stringify(expected)}`);
  }
}

/** What was claimed, as it was honestly said. */
interface Claimed extends Pick<Bank['terms'], 'freshProof' | 'purpose'> {
  readonly challenge: string;
  readonly descriptor: string;
  readonly text: string;
  /** Where it was waiting. */
  readonly signingId: string | undefined;
}

function createRules(channel: Channel) {
  const policy: Policy = {
    approvalNeeded: false,
    termsOfUse: undefined,
    newTerms: false,
    confirmation: { channel: 'email', hint: 'a•••@demo.example' },
  };
  const terms: Bank['terms'] = { text: 'Log in to Demo Portal', freshProof: false, purpose: 'login' };
  const decisions: Bank['decisions'] = [];
  const handshakes = new Map<string, Record<string, string>>();
  const orders = new Map<string, Claimed>();
  let registered: Device | undefined;
  const device = () => {
    if (registered === undefined) throw new Refusal(401, 'authentication_failed', { attemptsLeft: null });
    return registered;
  };
  const { issuer, tamper, srp } = channel;
  const inbox = createInbox(channel, device);
  const otherDevices: string[] = [];
  const seconds = () => Math.floor(channel.clock.now() / 1000);

  const challenge = (clientEphemeral: string) => {
    const handshake = id('hs');
    const { salt = '', verifier = '' } = device();
    const ephemeral = srp.createEphemeral({ profile: 'srp6a-2048-sha256', verifier });
    handshakes.set(handshake, { ...ephemeral, clientEphemeral });
    const honest = { handshake, salt, serverEphemeral: ephemeral.serverEphemeral, expiresInSeconds: 120 };
    return tamper.challenge?.(honest) ?? honest;
  };
  const prove = (handshakeId: unknown, proof: unknown) => {
    const handshake = handshakes.get(String(handshakeId));
    handshakes.delete(String(handshakeId));
    const one = device();
    const { salt = '', verifier = '', deviceId } = one;
    if (handshake === undefined || one.attemptsLeft === 0)
      throw new Refusal(401, 'authentication_failed', { attemptsLeft: one.attemptsLeft });
    const { clientEphemeral = '', serverSecret = '', serverEphemeral = '' } = handshake;
    const result = srp.checkProof({
      profile: 'srp6a-2048-sha256',
      identity: deviceId,
      salt,
      verifier,
      clientEphemeral,
      serverSecret,
      serverEphemeral,
      proof: String(proof),
    });
    if (!result.ok) {
      one.attemptsLeft -= 1;
      throw new Refusal(401, 'authentication_failed', { attemptsLeft: one.attemptsLeft });
    }
    one.attemptsLeft = 5;
    return { ...result, clientEphemeral, serverEphemeral };
  };
  const opened = (session: { id: string; accessToken: string }, serverProof: string | null) => {
    const honest = {
      sessionId: session.id,
      serverProof,
      accessToken: session.accessToken,
      idleSeconds: 300,
      absoluteSeconds: 1800,
      vaultKey: b64(Buffer.alloc(32, 7)),
      ...owner,
    };
    return tamper.opened?.(honest) ?? honest;
  };

  const endpoints: Record<string, (call: Call) => Promise<unknown>> = {
    'registration/start': async ({ body, deviceJwk }) => {
      if (body['activationCode'] !== activationCode) throw new Refusal(401, 'authentication_failed');
      const biometric = body['biometric'] as { publicJwk: JWK } | null;
      registered = {
        deviceId: id('dev'),
        registrationId: id('reg'),
        nonce: b64(randomBytes(32)),
        jwk: deviceJwk,
        biometricJwk: biometric?.publicJwk,
        status: 'new',
        attemptsLeft: 5,
      };
      const { deviceId, registrationId, nonce } = registered;
      return {
        registrationId,
        deviceId,
        nonce,
        confirmation: policy.confirmation,
        ...(policy.termsOfUse === undefined ? {} : { terms: policy.termsOfUse }),
        mpin: { minLength: 5, maxLength: 8 },
        expiresInSeconds: 600,
      };
    },
    'registration/finish': async ({ body, jkt }) => {
      const one = device();
      if (policy.newTerms) throw new Refusal(400, 'invalid_request');
      if (body['confirmationCode'] !== confirmationCode)
        throw new Refusal(401, 'authentication_failed', { attemptsLeft: 4 });
      if (one.status !== 'new') throw new Refusal(409, 'conflict');
      const { deviceId, registrationId, nonce } = one;
      const { salt, verifier } = body as { salt: string; verifier: string };
      const biometricJkt = one.biometricJwk ? await calculateJwkThumbprint(one.biometricJwk) : null;
      same(await verifyStatement(body['signature'], one.jwk, 'mtoken-registration+jws'), {
        iss: issuer,
        registrationId,
        deviceId,
        nonce,
        jkt,
        biometricJkt,
        profile: 'srp6a-2048-sha256',
        salt,
        verifier,
        ...acceptedOf(policy.termsOfUse),
      });
      if (one.biometricJwk) {
        same(await verifyStatement(body['biometricSignature'], one.biometricJwk, 'mtoken-biometric+jws'), {
          iss: issuer,
          deviceId,
          purpose: 'registration',
          subject: registrationId,
          nonce,
          boundHash: null,
        });
      }
      one.salt = salt;
      one.verifier = verifier;
      one.status = policy.approvalNeeded ? 'pending' : 'active';
      return { deviceId, status: one.status, ...owner };
    },
    'registration/status': async () => {
      if (device().status === 'new') throw new Refusal(404, 'not_found');
      return { status: device().status };
    },
    'session/start': async ({ body }) => {
      if (body['method'] === 'mpin') return challenge(String(body['clientEphemeral']));
      const handshake = id('hs');
      const nonce = b64(randomBytes(32));
      handshakes.set(handshake, { nonce });
      return { handshake, nonce, expiresInSeconds: 120 };
    },
    'session/finish': async ({ body }) => {
      const { deviceId, biometricJwk, status } = device();
      if (status !== 'active') throw new Refusal(401, 'authentication_failed', { attemptsLeft: null });
      const handshake = String(body['handshake']);
      if (typeof body['proof'] === 'string') {
        const { serverProof, sessionKey, clientEphemeral, serverEphemeral } = prove(handshake, body['proof']);
        const transcript = ['mpin', handshake, deviceId, clientEphemeral, serverEphemeral, body['proof'], serverProof];
        return opened(channel.openSession(transcript, sessionKey), serverProof);
      }
      const nonce = handshakes.get(handshake)?.['nonce'] ?? '';
      const secret = Buffer.from(String(body['sessionSecret']), 'base64url');
      same(await verifyStatement(body['signature'], biometricJwk, 'mtoken-biometric+jws'), {
        iss: issuer,
        deviceId,
        purpose: 'session',
        subject: handshake,
        nonce,
        boundHash: sha256(secret),
      });
      return opened(
        channel.openSession(['biometric', handshake, deviceId, nonce, String(body['signature'])], secret),
        null,
      );
    },
    'session/end': async ({ session }) => {
      channel.sessions.delete(session?.id ?? '');
      return {};
    },
    'mpin/change/start': async ({ body }) => challenge(String(body['clientEphemeral'])),
    'mpin/change/finish': async ({ body }) => {
      const { handshake, proof, salt, verifier, signature } = body as Record<string, string>;
      const { serverProof } = prove(handshake, proof);
      same(await verifyStatement(signature, device().jwk, 'mtoken-mpin-change+jws'), {
        iss: issuer,
        deviceId: device().deviceId,
        handshake,
        salt,
        verifier,
      });
      Object.assign(device(), { salt, verifier });
      return tamper.changed?.({ serverProof }) ?? { serverProof };
    },
    'biometrics/start': async ({ body }) => challenge(String(body['clientEphemeral'])),
    'biometrics/enable': async ({ body }) => {
      const { handshake, proof, kind, signature, biometricSignature } = body as Record<string, string>;
      const publicJwk = body['publicJwk'] as JWK;
      const { serverProof } = prove(handshake, proof);
      const { deviceId, jwk } = device();
      const biometricJkt = await calculateJwkThumbprint(publicJwk);
      same(await verifyStatement(signature, jwk, 'mtoken-biometrics-enable+jws'), {
        iss: issuer,
        deviceId,
        handshake,
        biometricJkt,
        kind,
      });
      same(await verifyStatement(biometricSignature, publicJwk, 'mtoken-biometric+jws'), {
        iss: issuer,
        deviceId,
        purpose: 'enable',
        subject: handshake,
        nonce: null,
        boundHash: sha256(String(signature)),
      });
      device().biometricJwk = publicJwk;
      return tamper.changed?.({ serverProof }) ?? { serverProof };
    },
    'biometrics/disable': async () => {
      device().biometricJwk = undefined;
      return {};
    },
    'orders/claim': async ({ body }) => {
      const orderId = id('ord');
      const signingId = body['via'] === 'inbox' ? String(body['signingId']) : undefined;
      const { text, freshProof, purpose } = signingId === undefined ? terms : { ...terms, ...toSign };
      const display = purpose === 'signing' ? shownWords(text) : { text, locale: 'en' };
      const challengeText = b64(randomBytes(32));
      const honest = {
        iss: issuer,
        orderId,
        deviceId: device().deviceId,
        purpose,
        challenge: challengeText,
        freshProof,
        via: body['via'],
        client: { id: 'portal', name: 'Demo Portal', domain: 'portal.example' },
        origin: 'https://portal.example',
        browser: { name: 'Chrome on Windows', address: '192.0.2.0/24', place: null },
        display,
        ...(signingId === undefined ? {} : inbox.claimed(signingId)),
        iat: seconds(),
        exp: seconds() + 120,
      };
      const signed = await channel.sign('mtoken-order+jws', tamper.descriptorClaims?.(honest) ?? honest);
      const descriptor = (await tamper.descriptor?.(signed)) ?? signed;
      orders.set(orderId, { challenge: challengeText, descriptor, freshProof, purpose, text: display.text, signingId });
      return { orderId, descriptor, expiresInSeconds: 120 };
    },
    'orders/proof': async ({ body }) => challenge(String(body['clientEphemeral'])),
    'orders/decide': async ({ body }) => {
      const jws = String(body['approval']);
      const claims = await verifyStatement(jws, device().jwk, 'mtoken-approval+jws');
      const order = orders.get(String(body['orderId']));
      if (order === undefined) throw new Refusal(410, 'order_unavailable');
      const factor = (claims['factors'] as string[])[0];
      const { freshProof, purpose, text } = order;
      same(claims, {
        aud: issuer,
        orderId: body['orderId'],
        deviceId: device().deviceId,
        purpose,
        decision: claims['decision'],
        clientId: 'portal',
        origin: 'https://portal.example',
        challenge: order.challenge,
        displayHash: sha256(text),
        descriptorHash: sha256(order.descriptor),
        ...(claims['reason'] === undefined ? {} : { reason: claims['reason'] }),
        factors: [factor],
      });
      const proof = body['proof'] as { handshake?: string; proof?: string; signature?: string } | null;
      let serverProof: string | null = null;
      if (freshProof && claims['decision'] === 'approve') {
        if (proof?.signature === undefined) serverProof = prove(proof?.handshake, proof?.proof).serverProof;
        else {
          same(await verifyStatement(proof.signature, device().biometricJwk, 'mtoken-biometric+jws'), {
            iss: issuer,
            deviceId: device().deviceId,
            purpose: 'order',
            subject: body['orderId'],
            nonce: order.challenge,
            boundHash: sha256(jws),
          });
        }
      }
      decisions.push({ claims, jws, proof });
      const { signingId, descriptor } = order;
      if (signingId !== undefined && claims['decision'] === 'approve') {
        await inbox.approved(signingId, { descriptor, approval: jws });
      }
      const states: Record<string, string> = { approve: 'approved', decline: 'declined', report: 'reported' };
      const reply = { state: states[String(claims['decision'])], serverProof };
      return tamper.decided?.(reply) ?? reply;
    },
    'orders/document': async ({ body }) => {
      if (tamper.document === undefined) throw new Refusal(410, 'order_unavailable');
      return tamper.document(Number(body['part']));
    },
    ...inbox.endpoints,
    'devices/list': async () => {
      const own = device().deviceId;
      const more = { name: 'Test phone', platform: 'Node', createdAt: 1, lastUsedAt: null };
      const devices = [own, ...otherDevices].map((deviceId) => {
        return { deviceId, ...more, status: deviceId === own ? 'active' : 'deactivated', isThis: deviceId === own };
      });
      return { devices };
    },
    'devices/deactivate': async ({ body }) => {
      if (body['deviceId'] === device().deviceId) device().status = 'deactivated';
      return {};
    },
    'sessions/list': async () => ({
      sessions: [
        { sessionUid: 's1', startedAt: 1, expiresAt: 2, portals: [{ clientId: 'portal', name: 'Demo Portal' }] },
      ],
    }),
    'user/language': async ({ body }) => {
      if (body['language'] !== 'de')
        throw new Refusal(400, 'invalid_request', { detail: 'language must be one of de' });
      return {};
    },
    'sessions/end': async ({ body }) => {
      if (body['sessionUid'] !== 's1') throw new Refusal(404, 'not_found');
      return {};
    },
  };
  return { endpoints, device, terms, decisions, policy, inbox, otherDevices };
}
