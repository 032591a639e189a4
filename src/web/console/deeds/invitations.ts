/** Inviting a user to register a phone. */

import type { Activation } from '../../../admin-client/operations.ts';
import { showActivation } from '../activation.ts';
import type { Act } from '../acts.ts';
import type { UserRef } from './users.ts';

export const activate: Act<UserRef, Activation> = {
  name: 'activations.show',
  permission: 'activations.create',
  title: (t) => t('invite.show'),
  explain: (t, { name }) => [t('invite.showText', { name })],
  request: ({ userId }) => ['createActivation', { params: { userId }, body: { delivery: 'shown' } }],
  done: (console, _params, activation) => {
    console.refresh();
    showActivation(console, activation);
  },
};

export const invite: Act<UserRef, Activation> = {
  name: 'activations.email',
  permission: 'activations.create',
  title: (t) => t('invite.email'),
  explain: (t, { name }) => [t('invite.emailText', { name })],
  request: ({ userId }) => ['createActivation', { params: { userId }, body: { delivery: 'email' } }],
  done: (console, { name }, activation) => {
    console.refresh(console.t('invite.sent', { name }));
    showActivation(console, activation);
  },
};
