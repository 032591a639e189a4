/** Names, types and labels of app protocol version 1: the strings that both sides must spell alike. */

export const protocolVersion = 1;

/** Below this path of the issuer lie the app's endpoints. */
export const appBasePath = '/app/v1';

/** JOSE `typ` values: no object of one kind can pass for another (RFC 8725 §3.11). */
export const typ = {
  requestEnvelope: 'mtoken-request+jwe',
  replyEnvelope: 'mtoken-reply+jwe',
  dpop: 'dpop+jwt',
  registration: 'mtoken-registration+jws',
  biometric: 'mtoken-biometric+jws',
  biometricsEnable: 'mtoken-biometrics-enable+jws',
  mpinChange: 'mtoken-mpin-change+jws',
  order: 'mtoken-order+jws',
  approval: 'mtoken-approval+jws',
  keys: 'mtoken-keys+jws',
  keyHistory: 'mtoken-key-history+jws',
  receipt: 'mtoken-receipt+jws',
} as const;

/** Content type of every enveloped request and reply. */
export const envelopeContentType = 'application/jose';

/** Domain separation labels of derived keys and hashes. */
export const label = {
  mpin: 'mtoken/v1/mpin',
  webauthn: 'mtoken/v1/webauthn',
  biometricWrap: 'mtoken/v1/biometric-wrap',
  appToServer: 'mtoken/v1/app-to-server',
  serverToApp: 'mtoken/v1/server-to-app',
} as const;

/** Reply plaintexts are padded to a multiple of this many bytes, so that their length tells nothing. */
export const replyBlockBytes = 512;

/** How far a proof's `iat` may be from the server's clock, in seconds. */
export const proofWindowSeconds = 60;

/** Authentication context of every login that this server completes: two factors, one of them the phone's key. */
export const acr = 'urn:mtoken:acr:sca';
