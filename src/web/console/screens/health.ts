/** Whether the server and its parts work. */
import type { Screen } from '../context.ts';
import { badge, facts } from '../parts.ts';

interface Health {
  readonly isReady: boolean;
  readonly components: readonly { readonly name: string; readonly isHealthy: boolean; readonly durationMs: number }[];
}

export const healthScreen: Screen = async ({ t, api }) => {
  const { isReady, components } = await api<Health>({ method: 'GET', path: '/health' });
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
