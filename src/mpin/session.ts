/** The app session: opened by an mPIN or biometric proof, ended by time, by logout or with its device. */

/** A live app session as endpoints see it. */
export interface AppSession {
  readonly id: string;
  readonly deviceId: string;
  readonly userId: string;
  readonly companyId: string;
  /** How it was opened. */
  readonly method: 'mpin' | 'biometric';
  /** RFC 8176 values of that proof: `pin`, or `fpt`, `face` or `user`. */
  readonly factor: 'pin' | 'fpt' | 'face' | 'user';
  readonly openedAt: number;
}
