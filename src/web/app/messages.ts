/** Everything that a person reads in the app, a table for each language: texts with `{names}`, and forms by number. */

/** Forms by CLDR plural category, chosen by the value `count`. */
interface Plural {
  readonly one?: string;
  readonly two?: string;
  readonly few?: string;
  readonly many?: string;
  readonly zero?: string;
  readonly other: string;
}

const en = {
  'app.name': 'mToken',
  'app.offline': 'You are offline. Nothing can be confirmed until the connection is back.',
  'act.back': 'Back',
  'act.cancel': 'Cancel',
  'act.continue': 'Continue',
  'act.done': 'Done',
  'act.retry': 'Try again',
  'act.busy': 'One moment…',

  'welcome.title': 'Make this your mToken phone',
  'welcome.text':
    'Your bank or administrator gives you an activation code as a QR code. A confirmation code comes by e-mail. You need both.',
  'welcome.scan': 'Scan the activation code',
  'welcome.paste': 'Enter it as text instead',
  'welcome.linkFirst':
    'This browser is no mToken phone yet, so it cannot confirm your login. Set it up first, then go back to the portal and begin again.',
  'install.text':
    'Install the app first, from the menu of the browser: a browser may forget what belongs to a page that is not installed.',
  'install.do': 'Install the app',
  'install.ios': 'On an iPhone or iPad first choose “Share”, then “Add to Home Screen”, and open mToken from there.',

  'name.title': 'Name this phone',
  'name.label': 'Name of the phone',
  'name.hint': 'You see this name in your list of phones, and so does your administrator. At most 64 characters.',
  'name.bad': 'Enter a name of 1 to 64 characters, without control characters.',
  'name.server': 'You are registering at {server}',

  'code.title': 'Confirmation code',
  'code.text': 'We have sent 8 digits to {hint}. They work until {time}.',
  'code.label': 'The 8 digits',
  'code.bad': 'The code has exactly 8 digits.',
  'code.over': 'Begin again with another activation',

  'choose.title': 'Choose your mPIN',
  'choose.rules':
    '{min} to {max} digits. No rows (12345), repeats (77777), patterns on the keys, dates, or well-known numbers.',
  'choose.only': 'It belongs to this phone alone. Nobody else knows it and nobody can look it up.',
  'repeat.title': 'Enter the mPIN once more',
  'repeat.differs': 'The two were not the same. Choose your mPIN again.',
  'weak.repeated': 'The same digits repeat: the first thing that a thief tries. Choose another one.',
  'weak.sequence': 'The digits follow one another: easy to guess. Choose another one.',
  'weak.pattern': 'The digits make a pattern: easy to guess. Choose another one.',
  'weak.date': 'This looks like a date: birthdays are tried early. Choose another one.',
  'weak.common': 'Many people use this one, so it is tried early. Choose another one.',
  'weak.unchanged': 'This is the mPIN that you have. Choose another one.',

  'registered.title': 'This phone is ready',
  'registered.text': 'It now confirms logins of {user} at {company}.',
  'registered.unnamed': 'It now confirms your logins.',
  'pending.title': 'Waiting for approval',
  'pending.text':
    'Your administrator has to approve this phone before it works. You can close the app and come back later.',
  'pending.check': 'Check again',
  'pending.still': 'Not approved yet.',

  'unlock.title': 'Enter your mPIN',
  'unlock.for': '{user}, {company}',
  'unlock.forgotten': 'I have forgotten my mPIN',
  'unlock.waiting': 'Enter your mPIN to see who is asking.',
  'unlock.idle': 'The app has locked itself.',
  'pad.name': 'Digits of the mPIN',
  'pad.delete': 'Delete the last digit',
  'pad.entered': { one: '{count} digit entered', other: '{count} digits entered' },
  'attempts.left': {
    one: 'Wrong mPIN. This is your last attempt: after one more wrong mPIN this phone is blocked for good.',
    other: 'Wrong mPIN. {count} attempts left.',
  },

  'home.title': 'Hello, {user}',
  'home.unnamed': 'Ready',
  'home.text': 'Log in at a portal, then scan the code that its page shows.',
  'home.scan': 'Scan',
  'home.devices': 'Devices and sessions',
  'home.change': 'Change mPIN',
  'home.remove': 'Remove this phone',
  'home.lock': 'Lock',

  'scan.title': 'Point at the code',
  'scan.video': 'Picture of the camera',
  'scan.torch': 'Light',
  'scan.camera': 'Camera',
  'scan.cameraNumber': 'Camera {number}',
  'scan.picture': 'Use a picture',
  'scan.paste': 'Enter as text',
  'scan.noCode': 'There is no readable QR code in this picture. Try one that shows the code larger and sharper.',
  'scan.badPicture': 'This file is no picture that the browser can read.',
  'scan.denied':
    'The browser does not let this app use the camera. Allow it in the settings of the browser, use a picture, or enter the code as text.',
  'scan.absent': 'There is no camera here. Use a picture, or enter the code as text.',
  'scan.busy':
    'The camera cannot be used just now; another app may have it. Close that one, use a picture, or enter the code as text.',
  'paste.title': 'Enter the code as text',
  'paste.label': 'The whole text, from http to its last character',

  'confirm.title': 'Is this you?',
  'confirm.signing': 'Sign this?',
  'confirm.asks': 'Who asks',
  'confirm.domain': 'Verified domain',
  'confirm.origin': 'Page',
  'confirm.browser': 'Browser',
  'confirm.where': 'Where',
  'confirm.network': 'network {network}',
  'confirm.when': 'When',
  'confirm.text': 'What you confirm',
  'confirm.time': 'Time left: {time}',
  'confirm.approve': 'Approve',
  'confirm.decline': 'Decline',
  'confirm.report': 'This is not me',
  'confirm.advice': 'Approve only if you began this yourself, just now, in that browser.',
  'confirm.link': 'Begun on this device.',
  'confirm.proof': 'Enter your mPIN to approve',

  'approved.title': 'Approved',
  'approved.text': 'Go back to the browser: it continues by itself.',
  'declined.title': 'Declined',
  'declined.text': 'Nobody was logged in and nothing was signed.',
  'reported.title': 'Reported',
  'reported.text':
    'Nobody was logged in, and your administrator has been told. If you do not know a device or session in your lists, end it.',

  'devices.title': 'Devices and sessions',
  'devices.devices': 'Your devices',
  'devices.sessions': 'Your sessions in browsers',
  'devices.this': 'this phone',
  'devices.used': 'last used {time}',
  'devices.unused': 'not used yet',
  'devices.since': 'since {time}',
  'devices.none': 'No browser is logged in.',
  'devices.end': 'End',
  'devices.endNamed': 'End {name}',
  'devices.sure': 'End {name} for good? It must be registered again afterwards.',
  'devices.ended': '{name} was ended.',
  'devices.session': 'Session',
  'devices.active': 'active',
  'devices.pending': 'waiting for approval',
  'devices.blocked': 'blocked',
  'devices.deactivated': 'ended',

  'change.old': 'Enter the mPIN that you have',
  'change.done': 'Your mPIN is changed',
  'change.doneText': 'From now on only the new one works.',
  'change.unsure':
    'The answer was lost on the way. The new mPIN may or may not be valid: at the next unlock try the new one first.',

  'remove.title': 'Remove this phone?',
  'remove.text':
    'Its keys are destroyed, and it can no longer confirm anything. To use it again you need a new activation.',
  'remove.do': 'Remove this phone for good',
  'removed.title': 'This phone is removed',
  'removed.text': 'Its keys are destroyed.',

  'forgotten.title': 'Forgotten mPIN',
  'forgotten.text':
    'Nobody can look it up. Ask your administrator or bank for a new activation, and have this registration ended. Then begin again here.',
  'blocked.title': 'This phone is blocked',
  'blocked.text':
    'The mPIN was wrong five times. This protects you if somebody else has your phone. It cannot be undone.',
  'blocked.next': 'Ask your administrator or bank for a new activation, then register this phone again.',
  'ended.title': 'This registration has ended',
  'ended.text':
    'This phone was deactivated, or its registration was refused. If you did not ask for that, talk to your administrator or bank.',
  'again.do': 'Erase and register again',
  'again.sure': 'Yes, erase the keys of this phone',
  'storage.title': 'The keys cannot be kept here',
  'storage.text':
    'The browser refuses storage, or has lost it: in a private window, with storage switched off, or when it is full. Open the app in a normal window, or make room, then try again.',

  'error.invalid_activation':
    'This is no activation code. Scan or enter the whole text, from http to its last character.',
  'error.activation_refused': 'This activation was used, has ended or was mistyped. Ask for a new one.',
  'error.wrong_confirmation': {
    one: 'Wrong code. One attempt left: after one more wrong code you need a new activation.',
    other: 'Wrong code. {count} attempts left. Use the newest message.',
  },
  'error.wrong_code': 'This code was not accepted. Use the newest message.',
  'error.already_registered': 'This phone is registered already. Remove it first, or ask for a new activation.',
  'error.approval_pending': 'Your administrator has to approve this phone first.',
  'error.authentication_failed': 'The server did not accept this phone. Try again; if it stays so, register it again.',
  'error.not_a_frame': 'This is no mToken login code. Scan the QR code on the login page itself.',
  'error.wrong_origin':
    'This code belongs to another server than {server}. Do not go on: it may be an attempt at fraud. Check the address of the page.',
  'error.stale_frame': 'This code is too old, or another phone has taken it. Scan the code that the page shows now.',
  'error.order_unavailable': 'What was asked has ended. Begin again at the portal.',
  'error.server_not_authentic':
    'The answer did not come from your server. Do not go on here. Try another network, and tell your bank if it happens again.',
  'error.clock': 'The clock of this phone is wrong. Let it set the time by itself, then try again.',
  'error.offline': 'The server cannot be reached. Check the connection, then try again.',
  'error.unavailable': 'The server cannot answer right now. Nothing was lost; try again in a moment.',
  'error.too_many_requests': 'That was too often. Wait a minute, then try again.',
  'error.not_allowed': 'You are not allowed to do this. Ask your administrator.',
  'error.limit_reached':
    'You have as many phones as your company allows. End one that you no longer use, or ask your administrator.',
  'error.not_found': 'It is not there any more.',
  'error.unsupported': 'The app and the server do not fit together. Close the app and open it again to update it.',
  'error.other': 'That did not work. Try again. For support: {detail}',
} as const satisfies Readonly<Record<string, string | Plural>>;

/** The name of a text. */
export type MessageName = keyof typeof en;

type Table = Readonly<Record<MessageName, string | Plural>>;

const tables: Readonly<Record<string, Table>> = { en };

/** What is inserted; a number is written in the language's own way, and `count` chooses the form. */
export type Values = Readonly<Record<string, string | number>>;

/** The texts of one language. */
export interface Messages {
  /** BCP 47. */
  readonly language: string;
  (name: MessageName, values?: Values): string;
}

/** The first language wanted that there is, English otherwise. `wanted` holds BCP 47 tags, best first. */
export function messagesFor(wanted: readonly string[]): Messages {
  const subtags = wanted.map((tag) => tag.toLowerCase().split('-', 1)[0] ?? '');
  const language = subtags.find((subtag) => Object.hasOwn(tables, subtag)) ?? 'en';
  const table: Table = tables[language] ?? en;
  const plural = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(language);
  const text = (name: MessageName, values: Values = {}): string => {
    const entry: string | Plural = table[name];
    const { count } = values;
    const form = typeof entry === 'string' ? entry : (entry[plural.select(Number(count ?? 0))] ?? entry.other);
    return form.replace(/\{(\w+)\}/g, (whole, key: string) => {
      const value = values[key];
      return value === undefined ? whole : typeof value === 'number' ? number.format(value) : value;
    });
  };
  return Object.assign(text, { language });
}
