/** What every screen must hold, whatever it says: nothing cut, nothing sideways, nothing too small, and what the checker finds. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

export const phone = { width: 360, height: 740 } as const;
export const narrow = { width: 320, height: 640 } as const;
export const desk = { width: 1280, height: 800 } as const;

export type Mode = 'light' | 'dark' | 'forced';

/** Shows the page as a person's settings ask for. */
export async function useMode(page: Page, mode: Mode): Promise<void> {
  await page.emulateMedia({
    colorScheme: mode === 'dark' ? 'dark' : 'light',
    forcedColors: mode === 'forced' ? 'active' : 'none',
    reducedMotion: 'reduce',
  });
}

/** Texts that are cut, controls that reach over the edge, and a page that scrolls sideways; empty where all is well. */
export function cutTexts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const found = [];
    const wide = document.documentElement.scrollWidth;
    if (wide > innerWidth) found.push('the page is ' + wide + ' wide in ' + innerWidth);
    const texts = document.querySelectorAll('button, .button, a, h1, h2, p, label, legend, summary, li, dt, dd, select, input, strong, .brand span');
    for (const one of texts) {
      if (!one.checkVisibility() || one.closest('.only-heard')) continue;
      const box = one.getBoundingClientRect();
      const said = one.tagName + ' ' + (one.textContent || one.value || '').trim().slice(0, 60);
      // Inline boxes have no width of their own to be cut by.
      const isCut = one.clientWidth > 0 && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
      if (isCut && one.tagName !== 'SELECT' && one.tagName !== 'INPUT') found.push('cut: ' + said);
      if (box.left < -1 || box.right > innerWidth + 1) found.push('over the edge: ' + said);
    }
    return found;
  })()`);
}

/** Controls smaller than a finger (2.5.8 at its stricter size, 2.5.5); a box that is ticked is as large as its words. */
export function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll('button, .button, a, input, select, summary')]
    .filter((one) => one.checkVisibility() && !one.closest('.only-heard'))
    .map((one) => ({ one, box: (one.type === 'checkbox' ? (one.closest('label') ?? one) : one).getBoundingClientRect() }))
    .filter(({ box }) => box.height < 44 || box.width < 44)
    .map(({ one, box }) => one.outerHTML.slice(0, 120) + ' ' + box.width + 'x' + box.height)`);
}

/** What moves, or would, although the person asked for stillness. */
export function movement(page: Page): Promise<string[]> {
  return page.evaluate(`[
    ...document.getAnimations().map((one) => 'animation ' + one.id),
    ...[...document.querySelectorAll('*')]
      .filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0 || getComputedStyle(one).animationName !== 'none')
      .map((one) => 'moves: ' + one.outerHTML.slice(0, 100)),
  ]`);
}

/** Findings of the checker; in forced colours without contrast, because it reads the page's colours where the system's are shown. */
export async function violations(page: Page, mode: Mode): Promise<string[]> {
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe.source);
  const rules = mode === 'forced' ? { 'color-contrast': { enabled: false } } : {};
  const options = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'], rules };
  return page.evaluate(`axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations.map(({ id, nodes }) =>
    id + ': ' + nodes.map(({ html, any }) => html.slice(0, 200) + any.map(({ message }) => message)).join(' ')))`);
}

interface Stop {
  readonly control: string;
  readonly order: number;
  readonly top: number;
  readonly bottom: number;
  readonly start: number;
  readonly end: number;
  readonly outline: string;
  readonly outlineWidth: number;
}

const focused = `(() => {
  const one = document.activeElement;
  if (one === null || one === document.body) return null;
  const box = one.getBoundingClientRect();
  const { outlineStyle, outlineWidth } = getComputedStyle(one);
  const isRightToLeft = getComputedStyle(one.parentElement).direction === 'rtl';
  return {
    control: one.outerHTML.slice(0, 100),
    order: [...document.querySelectorAll('*')].indexOf(one),
    top: box.top + scrollY, bottom: box.bottom + scrollY, start: isRightToLeft ? -box.right : box.left, end: isRightToLeft ? -box.left : box.right,
    outline: outlineStyle, outlineWidth: parseFloat(outlineWidth),
  };
})()`;

/** Walks the page by the Tab key once round: controls out of the order of reading, controls not reached, focus that is not seen. */
export async function focusFaults(page: Page): Promise<string[]> {
  // From the very beginning, wherever the last walk ended: a round that leaves the page comes back when the browser likes.
  await page.evaluate(
    `(document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex'), scrollTo(0, 0))`,
  );
  const round: Stop[] = [];
  for (let step = 0; step < 200; step += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate<Stop | null>(focused);
    // The browser's own controls stand between the last and the first of the page.
    if (stop === null) continue;
    // A field for a time has a stop for each of its parts.
    if (round.at(-1)?.order === stop.order) continue;
    if (round.some(({ order }) => order === stop.order)) break;
    round.push(stop);
  }
  const first = round.findIndex(({ order }) => round.every((other) => order <= other.order));
  const stops = [...round.slice(first), ...round.slice(0, first)];
  const expected = await page.evaluate<
    string[]
  >(`[...document.querySelectorAll('button, a[href], input, select, summary')]
    .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0).map((one) => one.outerHTML.slice(0, 100))`);
  const faults = stops
    .filter(({ outline, outlineWidth }) => outline === 'none' || outlineWidth < 2)
    .map(({ control }) => `focus is not seen: ${control}`);
  for (const [index, stop] of stops.entries()) {
    const before = stops[index - 1];
    if (before === undefined) continue;
    // The next column is read from its top again.
    const isAbove = stop.bottom <= before.top + 1 && stop.start < before.end - 1;
    const isBeside = stop.top < before.bottom - 1 && stop.bottom > before.top + 1;
    if (isAbove || (isBeside && stop.start < before.start))
      faults.push(`read before, reached after: ${stop.control} after ${before.control}`);
  }
  const reached = stops.map(({ control }) => control);
  return [...faults, ...expected.filter((one) => !reached.includes(one)).map((one) => `not reached by Tab: ${one}`)];
}

/** Text twice as large, as a browser's own setting makes it: everything that has text grows with it. */
export async function withLargeText<T>(page: Page, work: () => Promise<T>): Promise<T> {
  await page.evaluate(`document.documentElement.style.fontSize = '200%'`);
  const result = await work();
  await page.evaluate(`document.documentElement.style.fontSize = ''`);
  return result;
}

/** Everything above, in three modes, at 320 pixels, at twice the size of text and at a desk; each finding with where it was. */
export async function inspect(page: Page): Promise<string[]> {
  const found: string[] = [];
  const note = (where: string, faults: readonly string[]): void => {
    found.push(...faults.map((fault) => `${where}: ${fault}`));
  };
  // What the pointer is over looks different.
  await page.mouse.move(0, 0);
  for (const mode of ['light', 'dark', 'forced'] as const) {
    await useMode(page, mode);
    await page.setViewportSize(phone);
    note(mode, await violations(page, mode));
  }
  for (const viewport of [narrow, desk]) {
    await page.setViewportSize(viewport);
    note(`${viewport.width}`, await cutTexts(page));
    note(`${viewport.width}`, await focusFaults(page));
    note(`${viewport.width}`, await smallTargets(page));
  }
  await page.setViewportSize({ width: 640, height: 640 });
  note('200 %', await withLargeText(page, () => cutTexts(page)));
  note('stillness', await movement(page));
  await useMode(page, 'light');
  await page.setViewportSize(phone);
  return found;
}
