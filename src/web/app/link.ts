/** What the app was opened with: `#<link>` of a login page on this device, or the tail of an activation. */

/** What the part of the address after `#` asks for. */
export type Opened =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'link'; readonly text: string }
  | { readonly kind: 'activation'; readonly text: string };

/** Reads the fragment; the SDK judges the texts before anything is done with them. */
export function readOpened(fragment: string, issuer: string): Opened {
  const text = fragment.replace(/^#/, '');
  if (text.startsWith('c=')) return { kind: 'activation', text: `${issuer}/activate#${text}` };
  return /^https?:\/\//.test(text) ? { kind: 'link', text } : { kind: 'nothing' };
}
