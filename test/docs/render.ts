/** Writes the worked example as the last section of docs/protocol.md; `npm run docs` does it, a test compares. */
import * as example from './worked-example.ts';

const heading = '## 11 Worked example';

const block = (text: string): string => ['```', text, '```'].join('\n');
const json = (value: unknown): string => block(JSON.stringify(value));
const values = (pairs: readonly (readonly [string, string])[]): string =>
  block(pairs.map(([name, value]) => `${name} = ${value}`).join('\n'));

function keysSection(): string {
  const { device, biometric, serverSigning, serverEnvelope, ephemeral } = example.keys;
  const rows = [
    ['device key', device],
    ['biometric key', biometric],
    ['server signing key', serverSigning],
    ['server envelope key', serverEnvelope],
    ['ephemeral key of the first envelope', ephemeral],
  ] as const;
  const lines = rows.map(([name, { publicJwk, scalar, thumbprint }]) =>
    [
      `${name}, thumbprint ${thumbprint}`,
      JSON.stringify({ ...publicJwk, d: Buffer.from(scalar).toString('base64url') }),
    ].join('\n'),
  );
  return `${block(lines.join('\n'))}\n\nDevice secret (hex): \`${example.deviceSecret.toString('hex')}\``;
}

function srpSection(): string {
  const { srp } = example;
  return values([
    ['I', example.deviceId],
    ['mPIN', example.mpin],
    ['P', srp.password],
    ['s', srp.salt],
    ['v', srp.verifier],
    ['a', srp.clientSecret],
    ['A', srp.clientEphemeral],
    ['b', srp.serverSecret],
    ['B', srp.serverEphemeral],
    ['u', srp.scrambler],
    ['S', srp.premaster],
    ['K', srp.sessionKey],
    ['M1', srp.proof],
    ['M2', srp.serverProof],
  ]);
}

/** The section, from its heading to its end. */
export function workedExample(): string {
  const parts = [
    heading,
    `Issuer \`${example.issuer}\`, time ${example.exampleTime} (2026-11-20T12:00:00Z). Keys and "random" values are fixed, and so public: never use them. Signatures have the deterministic
nonce of RFC 6979, which an app need not have. A test recomputes every value here, opens every envelope and verifies every signature with the server's own code.`,
    '### Keys (§2)',
    keysSection(),
    '### Registration (§4, §5)',
    `Activation text:\n\n${block(example.activationText)}`,
    `SRP values, profile \`srp6a-2048-sha256\`; \`s\` and \`v\` go into the registration, the others belong to the unlock below:\n\n${srpSection()}`,
    `Registration statement, and its JWS by the device key:\n\n${json(example.registrationStatement)}\n\n${block(example.registrationJws)}`,
    '### Unlock with the mPIN: `session/start` (§3, §6)',
    `Plaintext of the request, the content key that ECDH-ES agrees on (hex), and the envelope, which is the body:\n\n${block(example.startPlaintext)}\n\n${block(example.startContentKey.toString('hex'))}\n\n${block(example.startEnvelope)}`,
    `Header \`DPoP\`:\n\n${block(example.startProof)}`,
    `Reply under the reply key (its \`pad\` makes the plaintext a multiple of 512 bytes):\n\n${block(example.startReplyEnvelope)}`,
    '### Keys of the session (§6)',
    values([
      ['handshake', example.handshake],
      ['SHA-512(transcript)', example.sessionKeys.transcriptHash],
      ['app-to-server', example.sessionKeys.appToServer],
      ['server-to-app', example.sessionKeys.serverToApp],
    ]),
    '### Biometric proof (§6)',
    `A statement for a session, and its JWS by the biometric key:\n\n${json(example.biometricStatement)}\n\n${block(example.biometricJws)}`,
    `The same where that key is a WebAuthn credential: the challenge (hex), and the assertion:\n\n${block(example.assertionChallenge.toString('hex'))}\n\n${json(example.assertion)}`,
    '### A frame, and the request that claims it: `orders/claim` (§3, §7)',
    `Scanned text:\n\n${block(example.frameText)}`,
    `Plaintext of the request, and the envelope under the app-to-server key:\n\n${block(example.claimPlaintext)}\n\n${block(example.claimEnvelope)}`,
    `Headers \`Authorization\` and \`DPoP\`:\n\n${block(`DPoP ${example.accessToken}`)}\n\n${block(example.claimProof)}`,
    '### Descriptor and approval (§8)',
    `The server's descriptor, and its JWS:\n\n${json(example.descriptor)}\n\n${block(example.descriptorJws)}`,
    `The phone's approval, and its JWS:\n\n${json(example.approval)}\n\n${block(example.approvalJws)}`,
  ];
  return `${parts.join('\n\n')}\n`;
}

/** The document with this section in place of the one that it had. */
export function withWorkedExample(document: string): string {
  const [before = ''] = document.split(`\n${heading}`, 1);
  return `${before.trimEnd()}\n\n${workedExample()}`;
}
