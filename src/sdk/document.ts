/** The file that a document's order is about: through the server and never from the portal, and no other than the one that is signed. */
import { OrderListed } from '../protocol/orders.ts';
import type { Bytes } from './bytes.ts';
import { callInSession } from './calls.ts';
import { loadRegistered, type PhoneContext } from './context.ts';
import { verifyDescriptor } from './descriptor.ts';
import { type DocumentFields, isSignedDocument, readDisplay } from './display.ts';
import { PhoneError } from './errors.ts';
import type { ClaimedOrder } from './orders.ts';
import { fetchBytes } from './parts.ts';

/** A file that was found to be the one that is signed. */
export interface SignedDocument {
  /** As the portal names it. */
  readonly title: string;
  readonly mediaType: DocumentFields['mediaType'];
  readonly bytes: Bytes;
}

/**
 * Fetches the file of a claimed order, and compares its size and SHA-256 with what the server's signature says. Throws `not_found` for an
 * order of another template, `document_unreachable` and `document_changed` as the server found the portal, and `server_not_authentic`
 * where the server itself hands out another file.
 */
export async function fetchDocument(
  context: PhoneContext,
  order: Pick<ClaimedOrder, 'orderId' | 'signedDescriptor'>,
): Promise<SignedDocument> {
  const { orderId } = order;
  const phone = await loadRegistered(context);
  const { display, purpose } = await verifyDescriptor(context, phone, order);
  const document = purpose === 'signing' ? readDisplay(display).document : undefined;
  if (document === undefined) throw new PhoneError('not_found', { detail: 'the order is about no document' });
  const bytes = await fetchBytes((part) =>
    callInSession(context, phone, { name: 'orders/document', body: { orderId, part }, reply: OrderListed }),
  );
  if (!(await isSignedDocument(bytes, document))) {
    throw new PhoneError('server_not_authentic', { detail: 'the document is not the one that is signed' });
  }
  return { title: document.title, mediaType: document.mediaType, bytes };
}
