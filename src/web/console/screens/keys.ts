/** The server's keys. */
import { paragraph } from '../../design/dom.ts';
import { api } from '../api.ts';
import type { Screen } from '../context.ts';
import { rotateKeys } from '../deeds/service.ts';
import { actButton } from '../dialog.ts';
import { when } from '../format.ts';
import { badge, buttons, code, table } from '../parts.ts';

export const keysScreen: Screen = async (console) => {
  const { t } = console;
  const { items } = await api('listKeys');
  return {
    title: t('nav.keys'),
    content: [
      paragraph(t('keys.text'), 'soft'),
      table({
        caption: t('nav.keys'),
        rows: items,
        empty: t('keys.none'),
        columns: [
          { head: t('list.id'), cell: ({ kid }) => code(kid) },
          { head: t('keys.use'), cell: ({ use }) => t.named('keys.use', use) },
          { head: t('keys.algorithm'), cell: ({ alg }) => code(alg) },
          {
            head: t('list.status'),
            cell: ({ status }) => badge(t.named('keys.status', status), status === 'active' ? 'good' : 'none'),
          },
          { head: t('list.created'), cell: ({ createdAt }) => when(t, createdAt) },
        ],
      }),
      buttons(
        actButton(console, rotateKeys, { immediately: false, withoutOverlap: false }),
        actButton(console, rotateKeys, { immediately: true, withoutOverlap: true }),
      ),
    ],
  };
};
