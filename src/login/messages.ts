/** Everything that a person reads on the login page, a table for each language. */

/** The texts of one language. Functions take what is inserted; what they return is text, never markup. */
export interface LoginMessages {
  readonly direction: 'ltr' | 'rtl';
  readonly title: (portal: string) => string;
  readonly askedBy: string;
  readonly heading: string;
  readonly starting: string;
  readonly pending: { readonly heading: string; readonly steps: readonly string[]; readonly codeLabel: string };
  readonly timer: string;
  readonly stale: string;
  readonly link: { readonly show: string; readonly open: string; readonly hint: string };
  readonly claimed: { readonly heading: string; readonly text: string };
  readonly approved: { readonly heading: string; readonly text: string };
  readonly declined: { readonly heading: string; readonly text: string };
  readonly reported: { readonly heading: string; readonly text: string };
  readonly expired: { readonly heading: string; readonly text: string };
  readonly cancelled: { readonly heading: string; readonly text: string };
  readonly lost: { readonly heading: string; readonly text: string };
  readonly limited: { readonly heading: string; readonly text: string };
  readonly unreachable: string;
  readonly noScript: string;
  readonly warning: (domain: string) => string;
  readonly renew: string;
  readonly leave: (portal: string) => string;
  readonly cancel: string;
  readonly gone: { readonly title: string; readonly text: string };
  readonly fault: { readonly title: string; readonly text: string };
  readonly supportCode: string;
  readonly landing: { readonly title: string; readonly text: string; readonly open: string };
  /** What the phone shows and signs for a login. */
  readonly display: (portal: string, domain: string) => string;
}

const en: LoginMessages = {
  direction: 'ltr',
  title: (portal) => `Log in to ${portal}`,
  askedBy: 'You are logging in to',
  heading: 'Log in with your phone',
  starting: 'Preparing your code…',
  pending: {
    heading: 'Scan this code',
    steps: [
      'Open the mToken app on your phone.',
      'Choose “Scan” and point it at this code.',
      'Check what the app shows and confirm.',
    ],
    codeLabel: 'QR code for the mToken app',
  },
  timer: 'Time left:',
  stale: 'Waiting for a new code…',
  link: {
    show: 'The app is on this device',
    open: 'Open the mToken app',
    hint: 'This link works for one minute. Come back to this page after you have confirmed.',
  },
  claimed: {
    heading: 'Continue on your phone',
    text: 'The code has been scanned. Check what the app shows, then confirm or decline.',
  },
  approved: { heading: 'Confirmed', text: 'You are being taken to the portal.' },
  declined: { heading: 'Declined', text: 'You declined on your phone. Nobody was logged in.' },
  reported: {
    heading: 'Reported',
    text: 'You reported on your phone that this was not you. Nobody was logged in, and your administrator has been told.',
  },
  expired: { heading: 'The time is over', text: 'Nothing was confirmed in time. You can get a new code.' },
  cancelled: {
    heading: 'Ended',
    text: 'This login was ended. If you did not end it yourself, start again and let nobody else scan your code.',
  },
  lost: {
    heading: 'This login cannot go on here',
    text: 'It has ended, was continued in another window, or your browser refuses cookies. Go back to the portal and start again.',
  },
  limited: { heading: 'Too many tries', text: 'Please wait a minute, then get a new code.' },
  unreachable: 'No connection. Trying again…',
  noScript: 'This page needs JavaScript to show a code that changes every few seconds.',
  warning: (domain) =>
    `Scan only if you opened ${domain} yourself. Nobody will ever send you this code or ask you for it on the phone.`,
  renew: 'Get a new code',
  leave: (portal) => `Back to ${portal}`,
  cancel: 'Cancel',
  gone: {
    title: 'This login has ended',
    text: 'It is too old, was finished already, or your browser refuses cookies. Allow cookies for this site, go back to the portal and start again.',
  },
  fault: { title: 'That did not work', text: 'Please go back to the portal and try again in a moment.' },
  supportCode: 'For support:',
  landing: {
    title: 'Scan this from within the app',
    text: 'Open the mToken app, choose “Scan”, and point it at the code on the screen. The camera of your phone alone cannot log you in.',
    open: 'Open the mToken app in this browser',
  },
  display: (portal, domain) => `Log in to ${portal} (${domain})`,
};

/** By language subtag. */
const tables: Readonly<Record<string, LoginMessages>> = { en };

/** The first language asked for that there is, English otherwise. `wanted` holds BCP 47 tags, best first. */
export function messagesFor(wanted: readonly string[]): { readonly locale: string; readonly messages: LoginMessages } {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split('-', 1)[0] ?? '';
    const messages = Object.hasOwn(tables, language) ? tables[language] : undefined;
    if (messages !== undefined) return { locale: language, messages };
  }
  return { locale: 'en', messages: en };
}

/** The languages of an Accept-Language header, best first; bounded, and nothing but tags. */
export function acceptedLanguages(header: string | undefined): string[] {
  const ranges = (header ?? '')
    .slice(0, 200)
    .split(',')
    .map((part) => {
      const [tag = '', quality] = part.trim().split(/\s*;\s*q=/i);
      return { tag, quality: quality === undefined ? 1 : Number(quality) || 0 };
    });
  const valid = ranges.filter(({ tag, quality }) => /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(tag) && quality > 0);
  return valid.sort((left, right) => right.quality - left.quality).map(({ tag }) => tag);
}
