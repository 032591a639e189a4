/** The simulated phone of the command line, held before a screen: it reads pixels, as a person's phone does. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Demo, mtoken } from './demo.ts';

const mpin = '83920';

export interface CliPhone {
  /** Runs `mtoken phone …` for this phone. */
  readonly run: (...args: string[]) => Promise<{ readonly code: number; readonly output: string }>;
  /** Opens the app session. */
  readonly unlock: () => Promise<void>;
  /** Scans what `shoot` writes to a file, and again where the code went stale under way. Gives what the phone says. */
  readonly scan: (shoot: (path: string) => Promise<unknown>, ...args: string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** A phone that is registered for the demo's user. */
export async function registeredPhone(demo: Demo): Promise<CliPhone> {
  const directory = await mkdtemp(join(tmpdir(), 'mtoken-phone-'));
  const run: CliPhone['run'] = (...args) => mtoken(['phone', ...args, '--home', join(directory, 'phone')]);
  const activation = (await (await fetch(`${demo.portalUrl}/desk/activations`, { method: 'POST' })).json()) as {
    readonly activationText: string;
    readonly confirmationCode: string;
  };
  const { activationText, confirmationCode } = activation;
  const name = ['--mpin', mpin, '--name', 'Test phone'];
  const registered = await run('register', activationText, '--confirmation', confirmationCode, ...name);
  expect(registered, registered.output).toMatchObject({ code: 0 });
  return {
    run,
    unlock: async () => {
      const unlocked = await run('unlock', '--mpin', mpin);
      expect(unlocked, unlocked.output).toMatchObject({ code: 0 });
    },
    scan: async (shoot, ...args) => {
      const path = join(directory, 'screen.png');
      for (let tries = 1; ; tries += 1) {
        await shoot(path);
        const scanned = await run('scan', path, ...args);
        if (scanned.code === 0) return scanned.output;
        if (tries === 4 || !/too old|no QR code/.test(scanned.output)) throw new Error(scanned.output);
      }
    },
    close: () => rm(directory, { recursive: true, force: true }),
  };
}
