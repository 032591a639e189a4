/** A certificate for one address, and an authority of its own that signs this one and is forgotten. */
import { webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** Everything as PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** The authority's certificate. */
  readonly ca: string;
}

/** Phones refuse certificates that live longer than 825 days, some those over 398. */
const lifetimeDays = 365;
const dayMs = 86_400_000;
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Makes a P-256 key and its certificate for the IPv4 address `address`; `now` in epoch-milliseconds. */
export async function makeCertificate(address: string, now: number): Promise<Certificate> {
  const authorityKeys = await newKeys();
  const keys = await newKeys();
  // Clocks differ: a certificate that begins this minute is not valid yet on the phone beside.
  const times = { notBefore: new Date(now - dayMs), notAfter: new Date(now + lifetimeDays * dayMs) };
  const issuer = `CN=mtoken demo ${address}`;
  const sign = async (
    subject: string,
    publicKey: webcrypto.CryptoKey,
    extensions: readonly Extension[],
  ): Promise<string> => {
    const made = await X509CertificateGenerator.create({
      ...times,
      subject,
      issuer,
      publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        ...extensions,
        await SubjectKeyIdentifierExtension.create(publicKey),
        await AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
      ],
    });
    return made.toString('pem');
  };
  const ca = await sign(issuer, authorityKeys.publicKey, [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
  ]);
  const cert = await sign(`CN=${address}`, keys.publicKey, [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension([{ type: 'ip', value: address }]),
  ]);
  return { key: await privateKeyPem(keys.privateKey), cert, ca };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
