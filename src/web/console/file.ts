/** Gives a file to the person, by the browser's own way of keeping one. */
import { element } from '../design/dom.ts';

/** Saves it under that name. */
export function saveFile(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  element('a', { attributes: { href: address, download: name } }).click();
  URL.revokeObjectURL(address);
}
