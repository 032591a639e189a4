/** What people are: users and administrators of a company, and the bank's own staff. */

/**
 * The bank's own people, users of the bank's own company: `operator` runs the service, `support` may look and deactivate, `auditor` may
 * read.
 */
export const staffRoles = ['operator', 'support', 'auditor'] as const;
export type StaffRole = (typeof staffRoles)[number];

export const roles = [...staffRoles, 'administrator', 'user'] as const;
export type Role = (typeof roles)[number];

/** The one role that decides what a person may do: that of the staff, where they have one. */
export function roleOf(user: {
  readonly role: 'user' | 'administrator';
  readonly staffRole: StaffRole | undefined;
}): Role {
  return user.staffRole ?? user.role;
}
