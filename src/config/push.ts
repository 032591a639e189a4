/** The bank's own systems that are called, its gateway for nudges first: address and secret come together, and the address is judged like a webhook's. */
import { isPrivateHost } from '../private-networks.ts';
import type { ConfigProblem } from './problem.ts';
import { type SettingValues, settings } from './settings.ts';

/** Where nudges go, and what signs them. */
export interface PushSettings {
  readonly url: string;
  /** `whsec_` and base64; each signs. */
  readonly secrets: readonly string[];
}

/** The gateway; undefined where none is set. */
export function pushOf({ pushUrl, pushSecret }: SettingValues): PushSettings | undefined {
  return pushUrl === undefined || pushSecret === undefined ? undefined : { url: pushUrl, secrets: pushSecret };
}

/** Why the gateway cannot be used; empty where it can, or where none is set. */
export function pushProblems(values: SettingValues): ConfigProblem[] {
  return gatewayProblems(values, 'pushUrl', 'pushSecret');
}

/** What is wrong with the address of one of the bank's own systems and the secret that belongs to it. */
export function gatewayProblems(
  values: SettingValues,
  urlKey: 'pushUrl' | 'riskUrl',
  secretKey: 'pushSecret' | 'riskSecret',
): ConfigProblem[] {
  const missing = (key: typeof urlKey | typeof secretKey): ConfigProblem => ({
    name: settings[key].name,
    expected: settings[key].kind.expected,
    found: 'nothing',
  });
  const { [urlKey]: url, [secretKey]: secret } = values;
  if (url === undefined) return secret === undefined ? [] : [missing(urlKey)];
  const problems = addressProblems(url, settings[urlKey].name, values);
  return secret === undefined ? [...problems, missing(secretKey)] : problems;
}

/** What is found is not shown: a path may hold what the gateway takes for a secret. */
function addressProblems(text: string, name: string, { mode, internalWebhooks = [] }: SettingValues): ConfigProblem[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '') {
    return [{ name, expected: 'a URL without user, password and fragment', found: 'another one' }];
  }
  const isInternal = internalWebhooks.includes(url.host) || internalWebhooks.includes(url.hostname);
  // What is sent is signed and not encrypted: over any network only inside of TLS.
  if (url.protocol !== 'https:' && (mode === 'production' || !isInternal)) {
    const expected = `https (in development also http to a host that ${settings.internalWebhooks.name} names)`;
    return [{ name, expected, found: 'http' }];
  }
  if (isInternal || !isPrivateHost(url.hostname)) return [];
  return [
    { name, expected: `a public host, or one that ${settings.internalWebhooks.name} names`, found: url.hostname },
  ];
}
