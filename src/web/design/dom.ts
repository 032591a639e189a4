/** Makes elements. Texts become text nodes, whatever they hold: there is no way here from a string to markup (T26). */

type Child = Node | string | undefined;

interface Properties {
  readonly id?: string;
  readonly class?: string;
  readonly text?: string;
  readonly hidden?: boolean;
  /** Attributes as they are written in markup; `undefined` leaves one out. */
  readonly attributes?: Readonly<Record<string, string | undefined>>;
  readonly onClick?: () => void;
}

/** An element with its attributes, its listener and its children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  const { id, text, hidden, attributes = {}, onClick } = properties;
  if (id !== undefined) made.id = id;
  if (properties.class !== undefined) made.className = properties.class;
  if (text !== undefined) made.textContent = text;
  if (hidden !== undefined) made.hidden = hidden;
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  if (onClick !== undefined) made.addEventListener('click', onClick);
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** A button that submits nothing. `look` is a class of the style sheet: the main act is filled, `quiet` is outlined, `danger` is red. */
export function button(text: string, onClick: () => void, look?: 'quiet' | 'danger'): HTMLButtonElement {
  return element('button', { text, onClick, ...(look && { class: look }), attributes: { type: 'button' } });
}

/** A paragraph. */
export function paragraph(text: string, look?: string): HTMLParagraphElement {
  return element('p', { text, ...(look !== undefined && { class: look }) });
}

/** Goes on from what was just added, for whoever listens or has no mouse. */
export function focusOn(added: Element | undefined): void {
  if (!(added instanceof HTMLElement)) return;
  added.tabIndex = -1;
  added.focus({ preventScroll: true });
}

interface FieldOptions {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A labelled text field that the browser neither corrects nor remembers. */
export function field({ name, label, hint, attributes }: FieldOptions): {
  readonly row: HTMLElement;
  readonly input: HTMLInputElement;
} {
  const hintId = `${name}-hint`;
  const input = element('input', {
    id: name,
    attributes: {
      type: 'text',
      name,
      autocomplete: 'off',
      autocapitalize: 'none',
      spellcheck: 'false',
      ...(hint !== undefined && { 'aria-describedby': hintId }),
      ...attributes,
    },
  });
  const row = element(
    'div',
    { class: 'field' },
    element('label', { text: label, attributes: { for: name } }),
    input,
    hint === undefined ? undefined : element('p', { id: hintId, class: 'soft', text: hint }),
  );
  return { row, input };
}

/** A form that calls `onSubmit` and goes nowhere. */
export function form(onSubmit: () => void, ...children: readonly Child[]): HTMLFormElement {
  const made = element('form', { attributes: { novalidate: '', autocomplete: 'off' } }, ...children);
  made.addEventListener('submit', (event) => {
    event.preventDefault();
    onSubmit();
  });
  return made;
}
