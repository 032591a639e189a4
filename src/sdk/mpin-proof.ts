/** What an mPIN proof's answer is called, and that the server's own proof is checked before anything of it is believed. */
import type { PhoneContext } from './context.ts';

/** The names of a failed mPIN proof; with no attempt left it becomes `blocked`. */
export const mpinProblems = { authentication_failed: 'wrong_mpin' } as const;

/** Checks the server's proof; forgets the session with everything in it where the proof is wrong (P-27). */
export async function believe(context: PhoneContext, check: () => void): Promise<void> {
  try {
    check();
  } catch (error) {
    await context.sessions.set(undefined);
    throw error;
  }
}
