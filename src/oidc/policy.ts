/** When the provider must send the browser to the login page, and which requests it must refuse. */
import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { acr } from '../protocol/names.ts';
import { lifetimeSeconds } from './lifetimes.ts';
import { needsApproval } from './rar-approval.ts';

const { Check, Prompt } = interactionPolicy;
/** What prompt=none answers where a check asks for a login. */
const required = 'login_required';

/**
 * Two prompts. `login`: the provider's own checks (no session, id_token_hint, requested subject) stay, the others are this project's.
 * `consent`: only for what a portal asks to be signed; every client is registered by the bank, so nobody is asked for scopes or claims.
 */
export function loginPolicy(): interactionPolicy.Prompt[] {
  const login = interactionPolicy.base().get('login') ?? new Prompt({ name: 'login', requestable: true });
  login.checks.add(new Check('usable_device', 'the device of this session may not be used', required, hasDeadSession));
  // First, because the checks that it replaces would ask for a login that can never give what was requested.
  login.checks.remove('essential_acrs');
  login.checks.remove('essential_acr');
  login.checks.remove('max_age');
  login.checks.add(new Check('max_age', 'a fresh login is required', required, unlessApproved(isTooOld)));
  login.checks.add(
    new Check('acr', 'requested authentication context cannot be obtained', required, requireKnownAcr),
    0,
  );
  const asked = login.checks.get('login_prompt');
  if (asked !== undefined) asked.check = unlessApproved(asked.check);
  const consent = new Prompt(
    { name: 'consent' },
    new Check('rar', 'a transaction must be approved on the phone', 'consent_required', needsApproval),
  );
  return [login, consent];
}

/**
 * A phone was asked to sign only after every check of the login was satisfied: what was fresh then is not asked for again because signing
 * took its time, or the login that follows would call for the next approval, and so on.
 */
function unlessApproved(check: interactionPolicy.Check['check']): interactionPolicy.Check['check'] {
  return (ctx) => (ctx.oidc.result?.consent === undefined ? check(ctx) : false);
}

/** A session whose device, user or company has ended counts as no session: its user must log in again (T8). */
function hasDeadSession(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.session?.accountId !== undefined && ctx.oidc.account === undefined;
}

/**
 * `max_age` holds for the login that answers it as well: an approval within an app session that was opened long ago is not a fresh
 * login. The provider alone would take any.
 */
function isTooOld({ oidc }: KoaContextWithOIDC): boolean {
  const { session, params, result } = oidc;
  const maxAge = params?.['max_age'];
  if (maxAge === undefined || session?.accountId === undefined || !session.past(Number(maxAge))) return false;
  if (result?.login === undefined) return true;
  if (session.past(Number(maxAge) + lifetimeSeconds.approval)) {
    throw new errors.LoginRequired('the proof on the phone is older than max_age allows');
  }
  return false;
}

/** `acr_values` and the `acr` claim are honoured or refused, never ignored (O-14): the provider alone would ignore the first. */
function requireKnownAcr(ctx: KoaContextWithOIDC): boolean {
  const wanted = ctx.oidc.params?.['acr_values'];
  if (typeof wanted === 'string' && wanted !== '' && !wanted.split(' ').includes(acr)) throw unmet();
  const claim = ctx.oidc.claims.id_token?.['acr'];
  if (claim?.essential !== true) return false;
  const values = claim.values ?? (claim.value === undefined ? undefined : [claim.value]);
  // The provider does not judge what is in the claims parameter: anything but a list names no context that there is.
  if (values !== undefined && !(Array.isArray(values) && values.includes(acr))) throw unmet();
  return false;
}

function unmet(): errors.OIDCProviderError {
  return new errors.UnmetAuthenticationRequirements(`the only authentication context here is ${acr}`);
}
