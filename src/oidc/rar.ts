/** `authorization_details` (RFC 9396) that ask for a signature: one type for each template, and one reading of each detail. */
import { isDeepStrictEqual } from 'node:util';
import { type AuthorizationDetail, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { Type } from 'typebox';
import { isPlainObject, parseStrictJson } from '../crypto/strict-json.ts';
import { AuthError } from '../errors.ts';
import { createValidate } from '../http/validation.ts';
import { assertReadable } from '../orders/text.ts';
import { PlainText, strict } from '../protocol/common.ts';
import { type TemplateName, templateFields, templateVersion } from '../protocol/templates/templates.ts';
import { type Checked, checkFields } from '../signing/check.ts';
import { assertFits } from '../signing/fitting.ts';
import type { SigningRequest } from '../signing/store.ts';
import { detailTypes, templateOfType } from './detail-types.ts';

/** What a portal asks to be signed, as the signing API has it too. */
export interface DetailToSign {
  readonly template: TemplateName;
  readonly version: number;
  /** As they were sent; of a batch its payments in place of their hash. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** The portal's own name for it. */
  readonly reference: string;
}

/** What was asked, and its fields once they were judged. */
export interface AskedToSign {
  readonly asked: DetailToSign;
  readonly checked: Checked;
}

/** What judges details beyond their form. */
export type DetailDeps = Parameters<typeof assertFits>[0];

/**
 * Most UTF-8 bytes of the whole parameter. What is approved goes into access tokens, and an `Authorization` header of more than 8 KiB is
 * refused by common servers. Every template fits; a batch of many payments goes by the signing API.
 */
export const maxDetailsBytes = 4096;

const Detail = strict({
  type: Type.String(),
  reference: PlainText(128),
  fields: Type.Record(Type.String(), Type.Unknown()),
});
const knownMembers = Object.keys(Detail.properties);
const validateDetail = createValidate(Detail, 'authorization_details/0');

/**
 * The one detail of a parameter as it was sent, every field of it judged. Throws `invalid_authorization_details` (RFC 9396 §5) naming
 * what is missing, unknown or unclear.
 */
export function readDetails(parameter: string): AskedToSign {
  if (Buffer.byteLength(parameter) > maxDetailsBytes) {
    throw refused(`authorization_details may have ${maxDetailsBytes} bytes; larger batches go by the signing API`);
  }
  try {
    // The provider's own parser takes the last of two members of one name; a server before it may have judged the first.
    const details = parseStrictJson(parameter);
    if (!Array.isArray(details) || details.length !== 1) throw refused('authorization_details must hold one detail');
    return readDetail(details[0]);
  } catch (error) {
    throw inOAuth(error);
  }
}

function readDetail(detail: unknown): AskedToSign {
  if (!isPlainObject(detail)) throw refused('authorization_details/0 must be an object');
  const unknown = Object.keys(detail).find((name) => !knownMembers.includes(name));
  if (unknown !== undefined) throw refused(`authorization_details/0/${unknown.slice(0, 40)} is not known`);
  validateDetail(detail);
  const { type, reference, fields } = detail as { type: string; reference: string; fields: DetailToSign['fields'] };
  const template = templateOfType.get(type);
  if (template === undefined) throw refused(`authorization_details/0/type must be one of ${detailTypes.join(', ')}`);
  judgeReference(reference);
  const asked = { template, version: templateVersion, fields, reference };
  assertKnownFields(asked);
  return { asked, checked: checkFields(asked) };
}

/** Whether a request is about just this, template, version, name and every field of it: one bit of difference and it is not (T-04, T-11). */
export function isAbout({ display, reference }: SigningRequest, { asked, checked }: AskedToSign): boolean {
  const { template } = display;
  return (
    template?.name === checked.name &&
    template.version === asked.version &&
    reference === asked.reference &&
    isDeepStrictEqual(template.fields, { ...checked.fields })
  );
}

/** It stands in the receipt, as the portal's own words. */
function judgeReference(reference: string): void {
  try {
    assertReadable(reference);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    throw refused(`authorization_details/0/reference: ${error.publicMessage ?? 'it cannot be read'}`);
  }
}

/** By name, where the check would only say that there is one too many. */
function assertKnownFields({ template, fields }: DetailToSign): void {
  const known = [
    ...Object.keys(templateFields[template].properties),
    ...(template === 'payment-batch' ? ['payments'] : []),
  ];
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) throw refused(`fields/${unknown.slice(0, 40)} is not known`);
}

/**
 * Judges the details of a request before it is answered. They come by a pushed request alone (RFC 9126): what travels through the browser
 * can be changed and read there. Those of tokens are what was approved, so no token request names any (RFC 9396 §6).
 */
export async function validateDetails(
  deps: DetailDeps,
  { oidc }: KoaContextWithOIDC,
  detail: AuthorizationDetail,
): Promise<void> {
  const { route, entities, params } = oidc;
  if (route === 'token') throw refused('a token has the details that were approved; a token request names none');
  if (route === 'authorization' && entities.PushedAuthorizationRequest === undefined) {
    throw refused('authorization_details must be pushed (RFC 9126)');
  }
  const sent = params?.['authorization_details'];
  const { checked } = readDetails(typeof sent === 'string' ? sent : JSON.stringify([detail]));
  // Where a portal begins to ask. Nothing of it depends on the user, of whom nobody learns anything (O-18).
  if (route !== 'pushed_authorization_request' && route !== 'backchannel_authentication') return;
  try {
    await assertFits(deps, oidc.client?.clientId ?? '', checked);
  } catch (error) {
    throw inOAuth(error);
  }
}

/** What is wrong with the fields, in the way of OAuth. */
function inOAuth(error: unknown): unknown {
  if (!(error instanceof AuthError) || error.code !== 'invalid_request') return error;
  return refused(error.publicMessage ?? 'authorization_details cannot be read');
}

/** RFC 6749 §5.2 allows printable ASCII without quotes and backslash in a description. */
function refused(description: string): errors.InvalidAuthorizationDetails {
  return new errors.InvalidAuthorizationDetails(description.replace(/[’"]/gu, "'").replace(/[^ -~]|\\/gu, '?'));
}
