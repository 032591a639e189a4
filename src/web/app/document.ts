/** A document that is to be signed: fetched and shown before it can be approved. */
import type { ClaimedOrder, Phone } from '../../sdk/index.ts';
import { button, element, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';

/** Whether the person has read what the order is about. */
export interface Reading {
  /** The step in the screen; undefined where there is nothing to read. */
  readonly root: HTMLElement | undefined;
  readonly isRead: () => boolean;
  /** Tells when it is read; only the last one who asks is told. */
  readonly onRead: (tell: () => void) => void;
  /** Forgets the addresses under which the document could be opened. */
  readonly leave: () => void;
}

type SignedDocument = Awaited<ReturnType<Phone['document']>>;

/** The step of an order; it can be shown again. */
export function createReading(app: App, order: ClaimedOrder): Reading {
  const { t, phone, documentsRead } = app;
  const { template } = order.descriptor.display;
  if (template?.name !== 'document') {
    return { root: undefined, isRead: () => true, onRead: () => undefined, leave: () => undefined };
  }
  // By this registration: who takes the phone over has read nothing yet.
  const name = `${order.descriptor.deviceId} ${template.fields['sha256']}`;
  const root = element('section', { class: 'document' });
  const addresses: string[] = [];
  let tell = (): void => undefined;
  const read = (): void => {
    documentsRead.add(name);
    tell();
  };
  const addressOf = (file: File): string => {
    const address = URL.createObjectURL(file);
    addresses.push(address);
    return address;
  };
  const open = (): void => {
    void app.run(
      () => phone.document(order),
      (document) => {
        const parts = shown(app, document, { read, addressOf });
        root.replaceChildren(...parts);
        // The button that was pressed is gone.
        parts[0]?.focus({ preventScroll: true });
      },
      { retry: open },
    );
  };
  const close = (): void => {
    for (const address of addresses.splice(0)) URL.revokeObjectURL(address);
    root.replaceChildren(button(t('document.read'), open, 'quiet'), paragraph(t('document.first'), 'soft'));
  };
  close();
  return {
    root,
    isRead: () => documentsRead.has(name),
    onRead: (told) => {
      tell = told;
    },
    leave: close,
  };
}

interface Showing {
  readonly read: () => void;
  readonly addressOf: (file: File) => string;
}

function shown({ t }: App, document: SignedDocument, { read, addressOf }: Showing): readonly HTMLElement[] {
  const { title, mediaType, bytes } = document;
  if (mediaType === 'text/plain') {
    read();
    return [textOf(title, readable(new TextDecoder().decode(bytes)))];
  }
  // The one other kind; a browser is told so, whatever the bytes look like.
  const address = addressOf(new File([bytes], 'document.pdf', { type: 'application/pdf' }));
  const link = (text: string, attributes: Readonly<Record<string, string>>): HTMLElement =>
    element('a', { class: 'button quiet', text, onClick: read, attributes: { href: address, ...attributes } });
  return [
    link(t('document.open'), { target: '_blank', rel: 'noopener' }),
    // Where no program shows it in a window, another one reads the file.
    link(t('document.save'), { download: `${fileName(title)}.pdf` }),
  ];
}

/** Joiners, marks of direction and soft hyphens belong to how languages are written; nothing else unseen does. */
const unseen = /(?![\t\n\r\u00ad\u061c\u200b-\u200f\ufeff])[\p{Cc}\p{Cf}]/gu;

/**
 * A document's text with each character by its number that nobody sees or that turns others about: with one of them, an account number
 * reads backwards on the screen, and what is approved is another one (T-01, T-05). The file itself stays as it is.
 */
export function readable(text: string): string {
  return text.replace(unseen, (one) => `[U+${(one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

function textOf(name: string, text: string): HTMLElement {
  return element('div', {
    class: 'terms',
    text,
    // In the order of the keyboard, so that it can be scrolled without a mouse.
    attributes: { tabindex: '0', role: 'region', 'aria-label': name, dir: 'auto' },
  });
}

/** The portal chose the title: no more of it than letters, digits and hyphens becomes the name of a file. */
const fileName = (title: string): string =>
  title
    .replace(/[^\p{L}\p{N}-]+/gu, ' ')
    .trim()
    .slice(0, 60) || 'document';
