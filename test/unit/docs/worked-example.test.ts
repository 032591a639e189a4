/** The worked example of docs/protocol.md against the server's and the SDK's own code. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import srpClient from 'secure-remote-password/client.js';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { deriveSessionKeys, mpinTranscript, openReply, openRequest } from '../../../src/crypto/envelope.ts';
import type { JweKey } from '../../../src/crypto/jwe.ts';
import { checkDeviceKey, jwkThumbprint } from '../../../src/crypto/jwk.ts';
import { verifyCompactJws } from '../../../src/crypto/jws.ts';
import { verifyDpop } from '../../../src/devices/proof.ts';
import { verifyAssertion } from '../../../src/devices/webauthn.ts';
import { BiometricStatement, WebauthnAssertion } from '../../../src/protocol/biometrics.ts';
import { ApprovalStatement, OrderClaim, OrderDescriptor } from '../../../src/protocol/orders.ts';
import { RegistrationStatement } from '../../../src/protocol/registration.ts';
import { MpinChallenge, SessionStart } from '../../../src/protocol/session.ts';
import { memoryKeyStore } from '../../../src/sdk/memory-key-store.ts';
import { mpinPassword } from '../../../src/sdk/mpin.ts';
import { parseActivation, parseFrame } from '../../../src/sdk/texts.ts';
import { macSha512 } from '../../../src/sdk/web-keys.ts';
import { createSrpServer } from '../../../src/srp/server.ts';
import { memoryStore } from '../../../src/store/memory.ts';
import { fixedClock } from '../../clock.ts';
import { withWorkedExample } from '../../docs/render.ts';
import * as example from '../../docs/worked-example.ts';

const document = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
const nowMs = example.exampleTime * 1000;
const { device, biometric, serverSigning, serverEnvelope } = example.keys;
const publicKey = (key: example.ExampleKey) => createPublicKey({ key: key.publicJwk, format: 'jwk' });

describe('the worked example', () => {
  it('stands in docs/protocol.md as it is computed (npm run docs)', () => {
    expect(document).toBe(withWorkedExample(document));
    expect(document).toContain(example.approvalJws);
  });

  it('names its keys by their thumbprints (C-08)', () => {
    for (const key of Object.values(example.keys)) expect(jwkThumbprint(key.publicJwk)).toBe(key.thumbprint);
  });

  it('has an activation text and a frame that the SDK reads (P-26)', () => {
    const policy = { issuer: undefined, allowLoopbackHttp: false };
    expect(parseActivation(example.activationText, policy)).toMatchObject({
      issuer: example.issuer,
      keyThumbprint: serverSigning.thumbprint,
    });
    expect(parseFrame(example.frameText, example.issuer)).toEqual(JSON.parse(example.claimPlaintext).body);
  });

  it('has an SRP password as the SDK makes it (P-19)', async () => {
    const secret = await crypto.subtle.importKey(
      'raw',
      new Uint8Array(example.deviceSecret),
      { name: 'HMAC', hash: 'SHA-512' },
      false,
      ['sign'],
    );
    const keys = { ...memoryKeyStore(), mac: async (data: Uint8Array<ArrayBuffer>) => macSha512(secret, data) };
    expect(await mpinPassword(keys, example.mpin)).toBe(example.srp.password);
  });

  it('has SRP values as the npm package and the server compute them (P-17)', () => {
    const { srp, deviceId } = example;
    const privateKey = srpClient.derivePrivateKey(srp.salt, deviceId, srp.password);
    expect(srpClient.deriveVerifier(privateKey)).toBe(srp.verifier);
    const session = srpClient.deriveSession(srp.clientSecret, srp.serverEphemeral, srp.salt, deviceId, privateKey);
    expect(session).toMatchObject({ key: srp.sessionKey, proof: srp.proof });
    const server = createSrpServer({ poolSize: 0 });
    const check = { profile: 'srp6a-2048-sha256', identity: deviceId, ...srp } as const;
    expect(server.checkProof(check)).toEqual({
      ok: true,
      serverProof: srp.serverProof,
      sessionKey: new Uint8Array(Buffer.from(srp.sessionKey, 'hex')),
    });
    const power = server.modularPower(Uint8Array.of(2), new Uint8Array(Buffer.from(srp.clientSecret, 'hex')));
    expect(Buffer.from(power).toString('hex')).toBe(srp.clientEphemeral);
    server.close();
  });

  it('derives the keys of the session as the server does (C-05)', () => {
    const keys = deriveSessionKeys({
      secret: new Uint8Array(Buffer.from(example.srp.sessionKey, 'hex')),
      transcript: mpinTranscript({ handshake: example.handshake, deviceId: example.deviceId, ...example.srp }),
    });
    expect(Buffer.from(keys.appToServerKey).toString('hex')).toBe(example.sessionKeys.appToServer);
    expect(Buffer.from(keys.serverToAppKey).toString('hex')).toBe(example.sessionKeys.serverToApp);
  });

  const envelopeKey: JweKey = {
    alg: 'ECDH-ES',
    key: createPrivateKey({
      key: { ...serverEnvelope.publicJwk, d: Buffer.from(serverEnvelope.scalar).toString('base64url') },
      format: 'jwk',
    }),
  };
  const sessionKey: JweKey = { alg: 'dir', key: new Uint8Array(Buffer.from(example.sessionKeys.appToServer, 'hex')) };

  it.each([
    [
      'before a session',
      example.startEnvelope,
      example.startProof,
      example.startUrl,
      undefined,
      envelopeKey,
      SessionStart,
    ],
    [
      'within a session',
      example.claimEnvelope,
      example.claimProof,
      example.claimUrl,
      example.accessToken,
      sessionKey,
      OrderClaim,
    ],
  ] as const)('has a request %s that the server verifies, opens and understands (C-01, P-23)', async (...parts) => {
    const [, token, proof, url, accessToken, key, schema] = parts;
    const clock = fixedClock(nowMs);
    const check = { proof, method: 'POST', url, body: new Uint8Array(Buffer.from(token)), accessToken };
    const shortLived = memoryStore(clock);
    const { jti, thumbprint } = await verifyDpop({ shortLived, clock }, check);
    expect(thumbprint).toBe(device.thumbprint);
    const opened = await openRequest({
      token,
      expected: { htu: url, jti, jkt: thumbprint },
      nowMs,
      keyFor: ({ alg, kid }) => {
        expect([alg, kid]).toEqual([key.alg, key.alg === 'dir' ? example.sessionId : serverEnvelope.thumbprint]);
        return key;
      },
    });
    expect(Value.Check(schema, opened.body)).toBe(true);
    await shortLived.close();
  });

  it('has a reply that opens under the reply key and answers that request, padded (P-21)', () => {
    const reply = openReply({
      token: example.startReplyEnvelope,
      key: new Uint8Array(example.replyKey),
      expected: { re: example.startJti, htu: example.startUrl },
    });
    expect(reply.status).toBe(200);
    expect(Value.Check(MpinChallenge, reply.body)).toBe(true);
    expect(Buffer.byteLength(example.startReplyPlaintext) % 512).toBe(0);
  });

  it('has an assertion that the server takes for that statement (R-17)', () => {
    const { assertion, issuer: origin, biometricStatement } = example;
    expect(Value.Check(WebauthnAssertion, assertion)).toBe(true);
    const verified = verifyAssertion(assertion, { key: checkDeviceKey(biometric.publicJwk), origin });
    expect(JSON.parse(Buffer.from(verified.statement).toString())).toEqual(biometricStatement);
    expect(verified.state).toEqual({ signCount: 1, backup: 'none' });
    expect(() => verifyAssertion(assertion, { key: checkDeviceKey(device.publicJwk), origin })).toThrow();
  });

  it.each([
    ['mtoken-registration+jws', example.registrationJws, device, RegistrationStatement, example.registrationStatement],
    ['mtoken-order+jws', example.descriptorJws, serverSigning, OrderDescriptor, example.descriptor],
    ['mtoken-biometric+jws', example.biometricJws, biometric, BiometricStatement, example.biometricStatement],
    ['mtoken-approval+jws', example.approvalJws, device, ApprovalStatement, example.approval],
  ] as const)('has a %s that verifies and fits its schema (C-07, P-20)', (typ, token, key, schema, payload) => {
    const verified = verifyCompactJws({ token, typ, key: { key: publicKey(key), alg: 'ES256' } });
    expect(verified.payload).toEqual(payload);
    expect(Value.Check(schema, verified.payload)).toBe(true);
    const other = verified.header['kid'] === undefined ? serverSigning : device;
    expect(() => verifyCompactJws({ token, typ, key: { key: publicKey(other), alg: 'ES256' } })).toThrow();
  });
});
