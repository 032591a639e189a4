/** The words around a template's fields, in the language of the one who signs. */

import type { OrderDescriptor } from '../protocol/orders.ts';
import {
  type DrawnLine,
  displayText,
  draw,
  type Line,
  label,
  type Wording,
  wordingNames,
} from '../protocol/templates/draw.ts';
import { headlineTexts } from '../protocol/templates/headline.ts';
import { type FieldsOf, isKnownTemplate, type TemplateName, templateVersion } from '../protocol/templates/templates.ts';
import { textsFor } from '../texts/files.ts';
import { languageOf } from '../texts/languages.ts';

/** What is shown and signed, and what it was made of. */
export interface Rendered {
  readonly display: OrderDescriptor['display'] & Required<Pick<OrderDescriptor['display'], 'template'>>;
  readonly lines: readonly Line[];
}

/** Draws checked fields in a language that there is, English for any other. The same fields give the same bytes, on every engine. */
export function render<Name extends TemplateName>(name: Name, fields: FieldsOf<Name>, locale: string): Rendered {
  const code = languageOf(locale)?.code ?? 'en';
  const { t } = textsFor('signing', [code]);
  const drawn: readonly DrawnLine[] = draw(name, fields, code);
  const wording: Wording = Object.fromEntries(
    // The names come from the drawing, and a test draws each template in each language.
    wordingNames(drawn).map((one) => [one, t(`line.${one}` as Parameters<typeof t>[0])]),
  );
  const title = t(`template.${name}`);
  const lines = label(drawn, wording);
  const template = { name, version: templateVersion, title, wording, fields: { ...fields } };
  return { display: { text: displayText(title, lines), locale: code, template }, lines };
}

/** A line or two of what is kept, drawn anew, for lists; none of a template that this release does not know. */
export function aboutOf({ locale, template }: OrderDescriptor['display']): string[] {
  if (template === undefined || !isKnownTemplate(template.name, template.version)) return [];
  const { name, fields, wording } = template;
  return headlineTexts(label(draw(name, fields as FieldsOf<typeof name>, locale), wording));
}
