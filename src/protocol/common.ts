/** Building blocks of the wire schemas. */
import { type Static, type TSchema, Type } from 'typebox';

/** An object that refuses members it does not know. */
export function strict<T extends Record<string, TSchema>>(properties: T) {
  return Type.Object(properties, { additionalProperties: false });
}

export const Hex = (digits: number) => Type.String({ pattern: `^[0-9a-f]{${digits}}$` });
export const Base64Url = (min: number, max = min) => Type.String({ pattern: `^[A-Za-z0-9_-]{${min},${max}}$` });
/** `prefix_` and 22 base64url characters. */
export const Id = (prefix: string) => Type.String({ pattern: `^${prefix}_[A-Za-z0-9_-]{22}$` });
/** A compact JWS of bounded size. */
export const CompactJws = Type.String({
  pattern: '^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$',
  maxLength: 16_384,
});
/** Text that a person reads: no control characters, no bidirectional overrides, no zero-width characters. */
export const PlainText = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff]*$',
  });

export const PublicJwk = Type.Union([
  strict({
    kty: Type.Literal('EC'),
    crv: Type.Literal('P-256'),
    x: Base64Url(43),
    y: Base64Url(43),
  }),
  strict({
    kty: Type.Literal('RSA'),
    n: Base64Url(342, 683),
    e: Type.Literal('AQAB'),
  }),
]);
export type PublicJwk = Static<typeof PublicJwk>;

export const SrpProfile = Type.Union([Type.Literal('srp6a-2048-sha256'), Type.Literal('rfc5054-2048-sha256')]);

/** SRP integers: 256 bytes as 512 lower-case hex digits. */
export const SrpInteger = Hex(512);
/** SRP salt and proofs: 32 bytes as 64 lower-case hex digits. */
export const SrpHash = Hex(64);

export const Empty = strict({});
