/** How a document that is to be signed is shown in a terminal. */
import type { ClaimedOrder, SignedDocument } from '../../sdk/index.ts';
import { printable, remark } from '../output.ts';
import { ask } from './ask.ts';
import { writeNew } from './new-file.ts';
import type { PhoneDesk } from './run.ts';

/** Shows a text, and offers to save anything else, before somebody is asked to approve. Of other orders there is nothing to do. */
export async function offerDocument({ phone }: PhoneDesk, order: ClaimedOrder): Promise<void> {
  if (order.descriptor.display.template?.name !== 'document') return;
  const document = await phone.document(order);
  if (document.mediaType === 'text/plain') {
    for (const line of textLines(document)) remark(line);
    return;
  }
  const file = await ask(`Save the document (${document.mediaType}) to which file? [nothing: do not]`, '--yes');
  if (file === '') return;
  await writeNew(file, document.bytes);
  remark(`saved to ${printable(file)}`);
}

/** The bar before each line shows where the text ends, and nothing in it can leave its line. */
export function textLines({ title, bytes }: SignedDocument): readonly string[] {
  const lines = new TextDecoder()
    .decode(bytes)
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
  return [printable(title), ...lines.map((line) => `  | ${printable(line)}`)];
}
