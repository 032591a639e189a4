/** Fields of forms: each with its label, its hint and its value. */
import { element, field } from '../design/dom.ts';

interface Labelled {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
}

interface TextOptions extends Labelled {
  readonly value?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** A line of text. */
export function textField({ value, ...options }: TextOptions) {
  const made = field(options);
  if (value !== undefined) made.input.value = value;
  return made;
}

interface AreaOptions extends Labelled {
  readonly value?: string;
  readonly rows?: number;
}

/** Several lines. */
export function areaField({ name, label, hint, value = '', rows = 3 }: AreaOptions) {
  const hintId = `${name}-hint`;
  const input = element('textarea', {
    id: name,
    attributes: {
      name,
      rows: String(rows),
      spellcheck: 'false',
      autocomplete: 'off',
      ...(hint !== undefined && { 'aria-describedby': hintId }),
    },
  });
  input.value = value;
  return { input, row: labelled({ name, label, ...(hint !== undefined && { hint }) }, input) };
}

interface ChoiceOptions<V extends string> extends Labelled {
  readonly value: V;
  /** Value and text of each. */
  readonly options: readonly (readonly [value: V, text: string])[];
}

/** One of several. */
export function choiceField<V extends string>({ name, label, hint, value, options }: ChoiceOptions<V>) {
  const input = element(
    'select',
    { id: name, attributes: { name, ...(hint !== undefined && { 'aria-describedby': `${name}-hint` }) } },
    ...options.map(([one, text]) => element('option', { text, attributes: { value: one } })),
  );
  input.value = value;
  const chosen = (): V => options.find(([one]) => one === input.value)?.[0] ?? value;
  return { input, value: chosen, row: labelled({ name, label, ...(hint !== undefined && { hint }) }, input) };
}

interface CheckOptions extends Labelled {
  readonly isOn: boolean;
}

/** Yes or no. */
export function checkField({ name, label, hint, isOn }: CheckOptions) {
  const hintId = `${name}-hint`;
  const input = element('input', {
    id: name,
    attributes: { type: 'checkbox', name, ...(hint !== undefined && { 'aria-describedby': hintId }) },
  });
  input.checked = isOn;
  const row = element(
    'div',
    { class: 'field check' },
    element('label', { attributes: { for: name } }, input, element('span', { text: label })),
    hint === undefined ? undefined : element('p', { id: hintId, class: 'soft', text: hint }),
  );
  return { input, row };
}

interface ChecksOptions<V extends string> {
  readonly name: string;
  readonly legend: string;
  readonly hint?: string;
  readonly options: readonly (readonly [value: V, text: string])[];
  readonly chosen: readonly string[];
}

/** Any of several. */
export function checksField<V extends string>({ name, legend, hint, options, chosen }: ChecksOptions<V>) {
  const boxes = options.map(([value, label]) => ({
    value,
    ...checkField({ name: `${name}-${value}`, label, isOn: chosen.includes(value) }),
  }));
  const row = element(
    'fieldset',
    {},
    element('legend', { text: legend }),
    hint === undefined ? undefined : element('p', { class: 'soft', text: hint }),
    element('div', { class: 'checks' }, ...boxes.map((box) => box.row)),
  );
  return { row, values: () => boxes.filter(({ input }) => input.checked).map(({ value }) => value) };
}

function labelled({ name, label, hint }: Labelled, input: HTMLElement): HTMLElement {
  return element(
    'div',
    { class: 'field' },
    element('label', { text: label, attributes: { for: name } }),
    input,
    hint === undefined ? undefined : element('p', { id: `${name}-hint`, class: 'soft', text: hint }),
  );
}

/** What somebody wrote, one a line. */
export function linesOf(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
