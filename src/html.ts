/** Markup in which every inserted value is text unless it is markup made here (T26: nobody's name becomes a script). */

/** Markup that {@link html} made; the only thing that it inserts as it is. */
export interface Markup {
  readonly markup: string;
}

type Insert = string | number | Markup | readonly Markup[];

/** A template whose inserted strings are escaped for text and for quoted attribute values. */
export function html(parts: TemplateStringsArray, ...inserts: readonly Insert[]): Markup {
  let markup = parts[0] ?? '';
  for (const [index, insert] of inserts.entries()) markup += rendered(insert) + (parts[index + 1] ?? '');
  return { markup };
}

function rendered(insert: Insert): string {
  if (typeof insert === 'string' || typeof insert === 'number') return escapeHtml(String(insert));
  if ('markup' in insert) return insert.markup;
  return insert.map(({ markup }) => markup).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as element content or as a quoted attribute value. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
