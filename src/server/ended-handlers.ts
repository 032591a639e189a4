/** Who is told, and what is remembered, where a request to sign ends; the same wherever one ends, the restore drill among it. */
import { tellPortalWhenEnded } from '../notify/portal-webhooks.ts';
import { pingWhenEnded } from '../oidc/ciba-ping.ts';
import { rememberPayees } from '../risk/payees.ts';
import type { EndedHandler } from '../signing/deps.ts';

/** In their order, within the transaction of the end. */
export const endedHandlers: readonly EndedHandler[] = [rememberPayees, tellPortalWhenEnded, pingWhenEnded];
