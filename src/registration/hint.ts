/** What somebody with an activation code may see of the address that the confirmation code went to. */

/** `a***@e***.com` for `anna@example.com`: enough to know where to look, too little to write to. */
export function emailHint(email: string): string {
  const at = email.lastIndexOf('@');
  const domain = email.slice(at + 1);
  const topLevel = domain.slice(domain.lastIndexOf('.') + 1);
  return `${email.slice(0, 1)}***@${domain.slice(0, 1)}***.${topLevel}`;
}
