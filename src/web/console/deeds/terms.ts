/** Publishing what users agree to. */
import type { Act } from '../acts.ts';
import type { TermsText } from '../model.ts';

/** A new version, in one language at least. */
export interface NewTerms {
  readonly version: string;
  readonly texts: readonly TermsText[];
}

export const publishTerms: Act<NewTerms> = {
  name: 'terms.publish',
  permission: 'terms.publish',
  title: (t) => t('terms.publish'),
  explain: (t, { version }) => [t('terms.publishText', { version })],
  isFinal: true,
  request: (body) => ({ method: 'POST', path: '/terms', body }),
  done: ({ go, t }, { version }) => go('/terms', t('terms.published', { version })),
};
