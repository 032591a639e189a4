/** A biometric key that is a WebAuthn credential: its counter, and whether it is on this phone alone; null for any other key. */
export const biometrics = `
alter table devices add column biometric_sign_count bigint;
alter table devices add column biometric_backup text check (biometric_backup in ('none', 'eligible', 'backed_up'));
`;
