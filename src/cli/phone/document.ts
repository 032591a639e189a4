/** `mtoken phone document`: the file that is to be signed, to read or to keep. */
import { Command } from 'commander';
import type { SignedDocument } from '../../sdk/index.ts';
import { CommandError, exitCode, printable } from '../output.ts';
import type { MpinSource } from './ask.ts';
import { textLines } from './document-view.ts';
import { writeNew } from './new-file.ts';
import { ensureUnlocked } from './orders.ts';
import { type PhoneCommandOptions, type PhoneDesk, runOnPhone, withMpinOptions, withPhoneOptions } from './run.ts';

interface DocumentOptions extends PhoneCommandOptions, MpinSource {
  readonly out?: string;
  readonly biometric?: boolean;
}

/** `document`: of the order that was claimed last. */
export function documentCommand(): Command {
  const command = new Command('document')
    .description('read the document that is to be signed, of the order that was claimed last')
    .option('--out <file>', 'write it to this file, which must not be there yet; without it, a text is printed')
    .option('--biometric', 'unlock with the biometric key instead of the mPIN');
  return withMpinOptions(withPhoneOptions(command))
    .addHelpText(
      'after',
      `
The server fetches it from the portal. Only the file whose SHA-256 is to be signed is handed out.

Examples:
  mtoken phone document
  mtoken phone document --out agreement.pdf`,
    )
    .action(async (options: DocumentOptions) =>
      runOnPhone(options, async (desk) => {
        const order = await desk.order.get();
        if (order === undefined) throw new CommandError('nothing was scanned', { hint: 'mtoken phone scan <code>' });
        await ensureUnlocked(desk, options);
        await giveOut(desk, await desk.phone.document(order), options.out);
      }),
    );
}

async function giveOut({ tell }: PhoneDesk, document: SignedDocument, out: string | undefined): Promise<void> {
  const { title, mediaType, bytes } = document;
  const facts = { title, mediaType, size: bytes.length };
  if (out !== undefined) {
    await writeNew(out, bytes);
    return tell({ ...facts, file: out }, [`the document is the one to be signed, and kept in ${printable(out)}`]);
  }
  if (mediaType !== 'text/plain') {
    throw new CommandError(`this is no text but ${mediaType}`, { exit: exitCode.usage, hint: 'give --out <file>' });
  }
  tell({ ...facts, text: new TextDecoder().decode(bytes) }, textLines(document));
}
