/** Publishing what users agree to. */
import type { Input } from '../../../admin-client/client.ts';
import type { Act } from '../acts.ts';

/** A new version, in English at least. */
export type NewTerms = Input<'publishTerms'>['body'];

export const publishTerms: Act<NewTerms> = {
  name: 'terms.publish',
  permission: 'terms.publish',
  title: (t) => t('terms.publish'),
  explain: (t, { version }) => [t('terms.publishText', { version })],
  isFinal: true,
  request: (body) => ['publishTerms', { body }],
  done: ({ go, t }, { version }) => go('/terms', t('terms.published', { version })),
};
