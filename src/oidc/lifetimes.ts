/** How long each thing of OpenID Connect lives, in seconds. */

export const lifetimeSeconds = {
  /**
   * A pushed or direct authorization request, from the redirect to the finished login: twenty minutes for the page with all the time
   * that a person may ask for, deciding 120 s, redeeming 60 s, and a minute for everything in between.
   */
  interaction: 1440,
  authorizationCode: 60,
  /** From a proof on the phone to the browser's return: deciding 120 s, redeeming 60 s. */
  approval: 180,
  /** How long it is known that what a phone approved in a redirect was given out. */
  approvalGiven: 3 * 3600,
  accessToken: 300,
  idToken: 600,
  /** Since the last sign-on at any portal. */
  session: 8 * 3600,
  /** Since the login, whatever happens in between (S-02); refresh tokens end with it too (O-10). */
  absolute: 12 * 3600,
  /** A session that nobody has logged in to yet. */
  anonymousSession: 600,
  /** Clock difference to clients that is forgiven (O-08). */
  clockTolerance: 10,
  /** How far ahead a client assertion may expire: its `jti` is remembered for as long. */
  clientAssertion: 300,
  /** A request by CIBA, unless the portal asks for less; also the longest. */
  backchannel: 300,
  /** The shortest that a portal may ask for: a minute to read and decide, and some time until the phone is asked. */
  backchannelLeast: 90,
  /**
   * How long after its end a request by CIBA can be redeemed that is approved then: who looks at it when it ends has five minutes to
   * decide, unless the portal was told by then that it has expired; and a minute for the portal.
   */
  backchannelRedeem: 360,
  /** Pause between two questions about a request by CIBA. */
  backchannelInterval: 5,
  /** Between `nbf` and `exp` of a signed request (FAPI-CIBA §5.2.2). */
  signedRequest: 3600,
  /** Validity of a logout token, made at the moment of delivery. */
  logoutToken: 120,
} as const;

/** Whole seconds of an epoch-milliseconds time. */
export function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
