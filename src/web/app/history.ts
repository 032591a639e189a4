/** What was signed, declined or left alone, the newest first, by day. */
import type { Phone } from '../../sdk/index.ts';
import { button, element, focusOn, paragraph } from '../design/dom.ts';
import type { App } from './app.ts';
import { formatDay, formatTime } from './format.ts';
import { entryHead } from './inbox.ts';
import { showReceipt } from './receipt.ts';

type Past = Awaited<ReturnType<Phone['history']>>['past'][number];

/** The newest page; older ones where the person asks for them. */
export function showHistory(app: App): void {
  const { t, phone, go } = app;
  const days = element('div', {}, paragraph(t('act.busy'), 'soft'));
  let last: { readonly id: string; readonly day: string } | undefined;
  const load = (): void => {
    void app.run(
      () => phone.history(last === undefined ? {} : { before: last.id }),
      ({ past, hasMore }) => {
        if (last === undefined) days.replaceChildren();
        // Pages are in the order of the asking; what stands on them is when each ended.
        const shown = past.toSorted((one, other) => other.endedAt - one.endedAt);
        const [first] = shown;
        const added = shown.map((one) => {
          const made = row(app, one);
          const day = formatDay(t, one.endedAt);
          if (day !== last?.day) days.append(element('h2', { text: day }), element('ul', { class: 'entries' }));
          days.lastElementChild?.append(made);
          const isFirst = last === undefined && one === first;
          last = { id: (past.at(-1) ?? one).signingId, day };
          return isFirst ? undefined : made;
        });
        if (last === undefined) days.append(paragraph(t('history.none'), 'soft'));
        const hadFocus = document.activeElement === more;
        more.hidden = !hasMore;
        if (hadFocus) focusOn(added[0]);
      },
      { retry: load },
    );
  };
  const more = button(t('list.more'), load, 'quiet');
  more.hidden = true;
  app.show({
    name: 'history',
    title: t('history.title'),
    isPrivate: true,
    content: [days, more, button(t('act.back'), () => void go.home(), 'quiet')],
  });
  load();
}

function row(app: App, past: Past): HTMLElement {
  const { t } = app;
  const { state, reason, endedAt, isSigned } = past;
  const became = [formatTime(t, endedAt), t(`${state}.title`), reason && t(`why.${reason}`)]
    .filter(Boolean)
    .join(' · ');
  const about = [...entryHead(past), element('span', { class: 'soft', text: became })];
  if (!isSigned) return element('li', {}, element('div', { class: 'entry' }, ...about));
  const show = (): void => showReceipt(app, { signingId: past.signingId, back: () => showHistory(app) });
  return element('li', {}, element('button', { onClick: show, attributes: { type: 'button' } }, ...about));
}
