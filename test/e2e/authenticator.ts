/** A finger for Chromium: a virtual authenticator over CDP. It belongs to one page, and lives through reloads of it. */
import type { CDPSession, Page } from 'playwright-core';

export interface Authenticator {
  /** Whether the finger is the right one from now on. */
  recognise(isRight: boolean): Promise<void>;
  /** Whether the person answers at all. */
  answer(isPresent: boolean): Promise<void>;
  /** The platform has no credential any more, as after new fingers were enrolled. */
  forget(): Promise<void>;
  /** How many credentials it holds. */
  count(): Promise<number>;
}

export interface AuthenticatorOptions {
  /** False: as Windows Hello, an authenticator without the PRF extension. */
  readonly hasPrf?: boolean;
}

/** Builds a finger's sensor into the phone of this page. */
export async function addAuthenticator(
  page: Page,
  { hasPrf = true }: AuthenticatorOptions = {},
): Promise<Authenticator> {
  const session: CDPSession = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      hasPrf,
      automaticPresenceSimulation: true,
      isUserVerified: true,
    },
  });
  return {
    recognise: async (isUserVerified) => {
      await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
    },
    answer: async (enabled) => {
      await session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
    },
    forget: async () => {
      await session.send('WebAuthn.clearCredentials', { authenticatorId });
    },
    count: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length,
  };
}
