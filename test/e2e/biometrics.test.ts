/** Fingerprint or face in the app, as a person meets it: offered, used, refused, lost, absent, and switched off again. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Authenticator, type AuthenticatorOptions, addAuthenticator } from './authenticator.ts';
import { hasChromium } from './chromium.ts';
import { at, enter, look, mpin, openWorld, phoneSize, press, trouble, type World } from './phone.ts';

describe.skipIf(!hasChromium)('fingerprint or face in a browser', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld();
  });
  afterEach(async () => world.clear());
  afterAll(async () => world?.stop());

  /** A registered phone with a finger's sensor, at home; biometrics are offered once, and taken. */
  const enrolled = async (
    options: AuthenticatorOptions = {},
    seen: (page: Page) => Promise<void> = async () => undefined,
  ): Promise<{ page: Page; finger: Authenticator }> => {
    const { page } = await world.newPage({ viewport: phoneSize, permissions: ['camera'] });
    const finger = await addAuthenticator(page, options);
    await page.goto(`${world.demo.issuer}/app`);
    await world.register(page, async (name) => {
      if (name !== 'registered') return;
      await press(page, 'Done');
      await at(page, 'offer');
      await seen(page);
      await press(page, 'Use fingerprint or face');
      await at(page, 'biometrics');
      expect(await page.locator('.notice').innerText()).toBe('Fingerprint or face is switched on.');
    });
    return { page, finger };
  };

  /** Asked at once and refused, sooner or later than a person could: with the button still there, or the pad. */
  const refused = async (page: Page): Promise<void> => {
    await page.locator('main[data-screen^="unlock"][aria-busy="false"]').waitFor({ timeout: 15_000 });
  };

  /** The claim that the portal shows of how its user was proved. */
  const amrAt = async (desktop: Page): Promise<string> => {
    await desktop.waitForSelector('#logged-in');
    return desktop.locator('[data-claim="amr"]').innerText();
  };

  it.each([
    ['a key that the authenticator’s PRF unwraps', true],
    ['a WebAuthn credential, where there is no PRF', false],
  ])(
    'unlocks by %s, and the portal hears of a checked user and the phone’s key (P-24, R-17, S-13)',
    async (_, hasPrf) => {
      const { page, finger } = await enrolled({ hasPrf }, async (offer) => look(offer, 'bio-offer'));
      expect(await finger.count()).toBe(1);
      await page.reload();
      // Asked at once: the finger lies on the sensor.
      await at(page, 'home');
      const desktop = (await world.toLoginPage()).page;
      await world.scan(page, desktop);
      await press(page, 'Approve');
      await at(page, 'approved');
      const amr = await amrAt(desktop);
      expect(amr).toContain('biometrics');
      expect(amr).not.toContain('mPIN');

      // Locked by hand it asks nobody until it is told to.
      await press(page, 'Done');
      await press(page, 'Lock');
      await at(page, 'unlock-finger');
      await look(page, 'unlock-finger');
      await press(page, 'Unlock with fingerprint or face');
      await at(page, 'home');
    },
  );

  it('a finger gives no attempt back, and one that is not recognised comes to the pad, which works (L-05)', async () => {
    const { page, finger } = await enrolled();
    await press(page, 'Lock');
    await press(page, 'Enter the mPIN instead');
    await at(page, 'unlock');
    await enter(page, '00000');
    expect(await trouble(page)).toContain('4 attempts');
    await press(page, 'Unlock with fingerprint or face');
    await at(page, 'home');
    // This authenticator lets nobody try again after one finger that was not recognised: only the mPIN helps then.
    await finger.recognise(false);
    await page.reload();
    // What the browser refuses before a person can have answered is not told as their failure; the button is there in any case.
    await refused(page);
    await press(page, 'Unlock with fingerprint or face');
    await at(page, 'unlock');
    expect(await trouble(page)).toContain('was not recognised');
    await look(page, 'unlock-failed');
    await enter(page, '00001');
    expect(await trouble(page)).toContain('3 attempts');
    await enter(page, mpin);
    await at(page, 'home');
  });

  it('whoever would rather enter the mPIN takes the question back', async () => {
    const { page, finger } = await enrolled();
    await finger.answer(false);
    await page.reload();
    await page.locator('main[data-screen="unlock-finger"][aria-busy="true"]').waitFor();
    await press(page, 'Enter the mPIN instead');
    await at(page, 'unlock');
    await enter(page, mpin);
    await at(page, 'home');
  });

  it('an approval that wants a fresh proof takes a finger for this order, or the mPIN (P-24, T-04)', async () => {
    const { page, finger } = await enrolled();
    const again = async (): Promise<Page> => {
      const desktop = (await world.newPage()).page;
      const begun = await desktop.context().request.get(`${world.demo.portalUrl}/login`, { maxRedirects: 0 });
      await desktop.goto(`${begun.headers()['location']}&prompt=login`);
      await desktop.waitForSelector('#qr svg');
      await world.scan(page, desktop);
      await press(page, 'Approve');
      await at(page, 'proof-finger');
      return desktop;
    };
    const first = await again();
    await look(page, 'proof-finger');
    await press(page, 'Approve with fingerprint or face');
    await at(page, 'approved');
    expect(await amrAt(first)).toContain('biometrics');

    await press(page, 'Done');
    const second = await again();
    await finger.recognise(false);
    await press(page, 'Approve with fingerprint or face');
    await at(page, 'proof');
    expect(await trouble(page)).toContain('was not recognised');
    await look(page, 'proof-failed');
    await enter(page, mpin);
    await at(page, 'approved');
    expect(await amrAt(second)).toContain('mPIN');
  });

  it('is switched off, asks for the mPIN then, and is switched on again with the mPIN, a wrong one counted (T6)', async () => {
    const { page, finger } = await enrolled();
    await press(page, 'Settings');
    await press(page, 'Fingerprint or face');
    await at(page, 'biometrics');
    await look(page, 'biometrics-on');
    await press(page, 'Switch off');
    await page.getByText('are switched off').waitFor();
    await page.reload();
    await at(page, 'unlock');
    expect(await page.getByRole('button', { name: 'Unlock with fingerprint or face' }).count()).toBe(0);
    await enter(page, mpin);
    await at(page, 'home');
    await press(page, 'Settings');
    await press(page, 'Fingerprint or face');
    await look(page, 'biometrics-off');
    await press(page, 'Switch on');
    await at(page, 'enable');
    await look(page, 'biometrics-enable');
    await enter(page, '00000');
    expect(await trouble(page)).toContain('4 attempts');
    await enter(page, mpin);
    await page.getByText('is switched on').waitFor();
    // One place of this phone at the authenticator, however often it is switched.
    expect(await finger.count()).toBe(1);
    await page.reload();
    await at(page, 'home');
  });

  it('that the platform has lost leaves the mPIN, and can be switched on again (M-02)', async () => {
    const { page, finger } = await enrolled();
    // The wrapped key is there, and no authenticator gives the output under which it was wrapped.
    await page.evaluate(`new Promise((resolve) => {
      const opening = indexedDB.open('mtoken-phone');
      opening.onsuccess = () => {
        const store = opening.result.transaction('phone', 'readwrite').objectStore('phone');
        const got = store.get('biometric');
        got.onsuccess = () => {
          got.result.key.wrapped.salt[0] ^= 1;
          store.put(got.result, 'biometric').onsuccess = () => { opening.result.close(); resolve(); };
        };
      };
    })`);
    await page.reload();
    await at(page, 'unlock');
    expect(await trouble(page)).toContain('does not work on this phone any more');
    expect(await page.getByRole('button', { name: 'Unlock with fingerprint or face' }).count()).toBe(0);
    await enter(page, mpin);
    await at(page, 'home');
    await press(page, 'Settings');
    await press(page, 'Fingerprint or face');
    await press(page, 'Switch on');
    await enter(page, mpin);
    await page.getByText('is switched on').waitFor();
    await page.reload();
    await at(page, 'home');
    // A credential that is gone looks like a finger that nobody gave.
    await finger.forget();
    await page.reload();
    await refused(page);
    if ((await page.getAttribute('main', 'data-screen')) === 'unlock-finger')
      await press(page, 'Enter the mPIN instead');
    await enter(page, mpin);
    await at(page, 'home');
  });

  it('is not offered where there is no sensor, and settings say so', async () => {
    const { page } = await world.newPhone();
    await world.register(page);
    await press(page, 'Settings');
    await press(page, 'Fingerprint or face');
    await at(page, 'biometrics');
    expect(await page.locator('main').innerText()).toContain('cannot check a fingerprint');
    expect(await page.getByRole('button', { name: 'Switch on' }).count()).toBe(0);
    await look(page, 'biometrics-absent');
  });

  it('a copy of what the browser keeps is of no use in another one, with a finger of its own (M-01, P-24)', async () => {
    const { page } = await enrolled();
    const kept = await page.evaluate(`new Promise((resolve) => {
      indexedDB.open('mtoken-phone').onsuccess = ({ target }) => {
        target.result.transaction('phone').objectStore('phone').get('biometric').onsuccess = (got) => {
          const { handle, key } = got.target.result;
          const { salt, iv, data } = key.wrapped;
          const plain = (bytes) => [...new Uint8Array(bytes)];
          resolve({ handle: plain(handle), publicJwk: key.publicJwk, id: plain(key.id), salt: plain(salt), iv: plain(iv), data: plain(data) });
        };
      };
    })`);
    const { page: thief, finger } = await enrolled();
    await thief.evaluate(`new Promise((resolve) => {
      const { handle, publicJwk, id, salt, iv, data } = ${JSON.stringify(kept)};
      const bytes = (list) => new Uint8Array(list);
      indexedDB.open('mtoken-phone').onsuccess = ({ target }) => {
        const store = target.result.transaction('phone', 'readwrite').objectStore('phone');
        // With the thief's own credential, which answers; of the stolen one this authenticator knows nothing.
        store.get('biometric').onsuccess = (own) => {
          const key = { publicJwk, id: own.target.result.key.id, wrapped: { salt: bytes(salt), iv: bytes(iv), data: bytes(data).buffer } };
          store.put({ handle: bytes(handle), key }, 'biometric').onsuccess = () => { target.result.close(); resolve(); };
        };
      };
    })`);
    expect(await finger.count()).toBe(1);
    await thief.reload();
    await at(thief, 'unlock');
    expect(await trouble(thief)).toContain('does not work on this phone any more');
  });
});
