/** WebAuthn assertions: what is accepted, and everything hostile that must not be. */
import { createSign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifyAssertion } from '../../../src/devices/webauthn.ts';
import { AuthError } from '../../../src/errors.ts';
import { WebauthnAssertion } from '../../../src/protocol/biometrics.ts';
import { matches } from '../../../src/sdk/matches.ts';
import { type AssertionOptions, assertionOf, checkedUser, newCredential } from './authenticator.ts';

const origin = 'https://login.example.test:8443';
const credential = newCredential();
const statement = { purpose: 'session', subject: 'hs_1' };

const judge = (assertion: WebauthnAssertion, key = credential) => verifyAssertion(assertion, { key, origin });
const made = (options: Partial<AssertionOptions> = {}, by = credential) =>
  assertionOf(by, statement, { origin, ...options });
const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');

/** Why it was refused, as the log has it. */
function causeOf(assertion: WebauthnAssertion, key = credential): string {
  try {
    judge(assertion, key);
  } catch (error) {
    if (!(error instanceof AuthError) || error.code !== 'invalid_request') throw error;
    // One answer for every cause.
    expect(error.publicMessage).toBe('the assertion is not acceptable');
    return error.detail ?? '';
  }
  return 'accepted';
}

describe('an assertion', () => {
  it('gives the statement that was signed, the counter and where the credential is', () => {
    const verified = judge(made({ signCount: 7 }));
    expect(JSON.parse(Buffer.from(verified.statement).toString())).toEqual(statement);
    expect(verified.state).toEqual({ signCount: 7, backup: 'none' });
    expect(judge(made({ flags: checkedUser | 0x08 })).state.backup).toBe('eligible');
    expect(judge(made({ flags: checkedUser | 0x18, signCount: 0xffffffff })).state).toEqual({
      signCount: 0xffffffff,
      backup: 'backed_up',
    });
  });

  it('is taken of an RSA credential too, with RS256 as WebAuthn has it', () => {
    const rsa = newCredential('rsa');
    expect(judge(made({}, rsa), rsa).state).toEqual({ signCount: 0, backup: 'none' });
    expect(causeOf(made({}, newCredential('rsa')), rsa)).toBe('WebAuthn: the signature does not fit');
  });

  it('may have client data with members that we do not know, and no frame around it', () => {
    expect(causeOf(made({ clientData: { crossOrigin: false, other_keys_can_be_added_here: 'x' } }))).toBe('accepted');
  });

  it.each<[string, Partial<AssertionOptions>, string]>([
    ['made on another origin (phishing)', { clientData: { origin: 'https://login.example.test.evil.test' } }, 'origin'],
    ['made on another port of the host', { clientData: { origin: 'https://login.example.test' } }, 'origin'],
    ['made without TLS', { clientData: { origin: 'http://login.example.test:8443' } }, 'origin'],
    ['with a list of origins', { clientData: { origin: [origin] } }, 'origin'],
    ['made in a frame of another page', { clientData: { crossOrigin: true } }, 'frame'],
    ['made in a frame, as newer browsers say it', { clientData: { topOrigin: 'https://evil.test' } }, 'frame'],
    ['for another relying party', { rpId: 'evil.test' }, 'relying party'],
    ['for a parent domain', { rpId: 'example.test' }, 'relying party'],
    ['without a checked user (UV=0)', { flags: 0x01 }, 'verified'],
    ['without anybody present (UP=0)', { flags: 0x04 }, 'present'],
    ['of nobody at all', { flags: 0x00 }, 'present'],
    ['that promises extensions', { flags: checkedUser | 0x80 }, 'promise'],
    ['that promises an attested key', { flags: checkedUser | 0x40 }, 'promise'],
    ['backed up without being eligible', { flags: checkedUser | 0x10 }, 'eligible'],
    ['over another challenge', { challenge: 'A'.repeat(43) }, 'challenge'],
    ['of a registration', { clientData: { type: 'webauthn.create' } }, 'type'],
    ['with trailing bytes', { trailing: Uint8Array.of(0) }, 'length'],
    ['with trailing extensions', { trailing: Uint8Array.of(0xa0), flags: checkedUser | 0x80 }, 'length'],
    ['without a challenge', { clientData: { challenge: undefined } }, 'challenge'],
    ['with client data that is no JSON', { clientDataText: '{' }, 'strict JSON'],
    ['with client data that is a list', { clientDataText: '[]' }, 'strict JSON'],
    [
      'with two origins in one',
      { clientDataText: `{"type":"webauthn.get","origin":"https://evil.test","origin":"${origin}"}` },
      'strict JSON',
    ],
    ['with an empty signature', { signature: new Uint8Array() }, 'signature'],
    ['with DER garbage', { signature: Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x02) }, 'signature'],
    ['with a huge signature', { signature: new Uint8Array(500).fill(0x30) }, 'signature'],
    ['with zeros for a signature', { signature: Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0) }, 'signature'],
    ['with a signature of raw r and s', { signature: new Uint8Array(64).fill(7) }, 'signature'],
  ])('%s is refused', (_, options, why) => {
    expect(causeOf(made(options))).toContain(why);
  });

  it('by another credential, or with a statement put in its place, is refused', () => {
    expect(causeOf(made({}, newCredential()))).toContain('signature');
    const other = b64(Buffer.from(JSON.stringify({ ...statement, subject: 'hs_2' })));
    expect(causeOf({ ...made(), statement: other })).toContain('challenge');
  });

  it('with bytes after its DER signature is refused: one signature has one spelling', () => {
    const honest = made();
    const longer = Buffer.concat([Buffer.from(honest.signature, 'base64url'), Buffer.of(0)]);
    expect(causeOf({ ...honest, signature: b64(longer) })).toContain('signature');
  });

  it('is refused with any one bit of it changed', () => {
    const honest = made({ signCount: 3 });
    for (const name of ['authenticatorData', 'clientDataJSON', 'signature', 'statement'] as const) {
      const bytes = Buffer.from(honest[name], 'base64url');
      for (let bit = 0; bit < bytes.length * 8; bit += 5) {
        const changed = Buffer.from(bytes);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(causeOf({ ...honest, [name]: b64(changed) }), `${name} bit ${bit}`).not.toBe('accepted');
      }
    }
  });

  it('whose challenge is another hash of the same statement is refused: a name of its own parts it from every other use', () => {
    const bare = createSign('sha256').update('x').sign(credential.privateKey);
    expect(causeOf({ ...made(), signature: b64(bare) })).toContain('signature');
    const plain = Buffer.from(statement.subject).toString('base64url');
    expect(causeOf(made({ challenge: plain }))).toContain('challenge');
  });

  it('has a second spelling of its base64url refused', () => {
    const honest = made();
    expect(causeOf({ ...honest, signature: `${honest.signature}=` })).toContain('base64url');
    expect(causeOf({ ...honest, statement: `${honest.statement}\n` })).toContain('base64url');
  });

  it('of a size that no authenticator makes does not get past the schema', () => {
    const honest = made();
    expect(matches(WebauthnAssertion, honest)).toBe(true);
    for (const wrong of [
      { ...honest, statement: 'A'.repeat(2049) },
      { ...honest, authenticatorData: 'A'.repeat(51) },
      { ...honest, authenticatorData: 'A'.repeat(49) },
      { ...honest, clientDataJSON: 'A'.repeat(4097) },
      { ...honest, signature: 'A'.repeat(701) },
      { ...honest, userHandle: 'A' },
      { ...honest, signature: undefined },
    ]) {
      expect(matches(WebauthnAssertion, wrong)).toBe(false);
    }
  });
});
