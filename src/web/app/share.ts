/** Files leave the app by the phone's own way of sharing where it has one, and as a download where not. */
import { element } from '../design/dom.ts';

/** Whether the phone offers to hand this file on to another app. */
export function canShare(file: File): boolean {
  return typeof navigator.canShare === 'function' && navigator.canShare({ files: [file] });
}

/** Hands the file on, or saves it. That the person changed their mind is no fault. */
export async function handOn(file: File): Promise<void> {
  if (!canShare(file)) return save(file);
  try {
    await navigator.share({ files: [file] });
  } catch (error) {
    // Browsers name the kinds of files that they share only by refusing the others.
    if (!(error instanceof DOMException && error.name === 'AbortError')) save(file);
  }
}

/** Saves it where downloads go. */
function save(file: File): void {
  const address = URL.createObjectURL(file);
  element('a', { attributes: { href: address, download: file.name } }).click();
  // The download has begun with the press; the address is of no more use.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
