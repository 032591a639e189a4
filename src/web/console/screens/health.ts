/** Whether the server and its parts work. */
import { api } from '../api.ts';
import type { Screen } from '../context.ts';
import { badge, facts } from '../parts.ts';

export const healthScreen: Screen = async ({ t }) => {
  const { isReady, components } = await api('getHealth');
  const state = (isGood: boolean) => badge(t(isGood ? 'health.good' : 'health.bad'), isGood ? 'good' : 'bad');
  return {
    title: t('nav.health'),
    content: [
      facts([
        [t('health.server'), state(isReady)],
        ...components.map(({ name, isHealthy }) => [t.named('health', name), state(isHealthy)] as const),
      ]),
    ],
  };
};
