/** The app's endpoints of registration (docs/protocol.md §5): open to any device key, since none is registered yet. */
import { type AppEndpoint, deviceKeyEndpoint } from '../http/app-endpoint.ts';
import {
  RegistrationFinish,
  RegistrationFinished,
  RegistrationStart,
  RegistrationStarted,
  RegistrationStatus,
  RegistrationStatusReply,
} from '../protocol/registration.ts';
import type { RegistrationDeps } from './deps.ts';
import { finishRegistration, registrationStatus, startRegistration } from './registration.ts';

/** `registration/start`, `registration/finish` and `registration/status`. */
export function registrationEndpoints(deps: RegistrationDeps): AppEndpoint[] {
  return [
    deviceKeyEndpoint({
      name: 'registration/start',
      body: RegistrationStart,
      reply: RegistrationStarted,
      answer: (call) => startRegistration(deps, call),
    }),
    deviceKeyEndpoint({
      name: 'registration/finish',
      body: RegistrationFinish,
      reply: RegistrationFinished,
      answer: (call) => finishRegistration(deps, call),
    }),
    deviceKeyEndpoint({
      name: 'registration/status',
      body: RegistrationStatus,
      reply: RegistrationStatusReply,
      answer: async (call) => registrationStatus(call),
    }),
  ];
}
