/** What the terminal says once the demo runs. */
import { toString as drawQr } from 'qrcode';
import { phoneCommand } from './desk-pages.ts';
import type { Demo } from './start.ts';

/** `npm start -- --help`. */
export const help = `Usage: npm start [-- --lan [--address 192.168.1.20]]

Runs the server, the app, a demo portal and a demo desk on embedded storage, and says what to open.

  --lan        for a real phone: HTTPS on this machine's address in its network, with a certificate that is made
               at the first start; shows the app's address as a QR code
  --address    which address, where the machine has several
  --help       this text

Ports and data are set with MTOKEN_PORT (3000), MTOKEN_ADMIN_PORT (3001), MTOKEN_CLI_PORTAL_PORT (3002),
MTOKEN_CLI_LAN_PORT (3443, and the next one for the portal) and MTOKEN_DATA_DIR (.mtoken).`;

/** The text for this demo. */
export async function welcome(demo: Demo): Promise<string> {
  return demo.isLan ? welcomeLan(demo) : welcomeHere(demo);
}

/** What it is, where it is, and what it is for; the addresses decide how far the last column is to the right. */
function table(rows: readonly (readonly [what: string, where: string, why: string])[]): string {
  const addresses = rows.map(([, where]) => where).filter((where) => where.startsWith('http'));
  const width = Math.max(...addresses.map(({ length }) => length));
  return rows.map(([what, where, why]) => `  ${what.padEnd(12)}  ${where.padEnd(width)}   ${why}`).join('\n');
}

function welcomeHere({ issuer, adminUrl, consoleUrl, portalUrl, deskUrl, dataDir, activation }: Demo): string {
  return `
mtoken is running. Stop it with Ctrl+C.

${table([
  ['Open', portalUrl, 'the demo portal: "Log in with mToken"'],
  ['', `${deskUrl}/desk`, "activations and the mailbox of the demo's users"],
  ['', `${issuer}/app`, 'the app: a complete mToken phone in a browser'],
  ['', consoleUrl, 'the console: as operator (Olga) or as administrator of one company (Charles)'],
  ['Server', issuer, `admin listener ${adminUrl}`],
  ['Data', dataDir, '(delete it to begin anew)'],
])}

With a browser alone: make an activation at the desk and open the app with it there, or scan it.
For the console: make one for Olga or Charles at the desk, and register it in another browser, a private window, or
in a terminal with a folder of its own (--home .mtoken/olga); then log in at the console with that phone.
With a real phone: stop this and type   npm start -- --lan
With a phone in the terminal:

1  Register a phone, once. In another terminal (the codes work for ten minutes, the desk makes new ones):

   ${phoneCommand(activation)}

   It asks you to choose an mPIN.

2  Let the phone wait for a screenshot (name the folder where your system saves them):

   npm run -s mtoken -- phone scan --watch ~/Pictures

   Press "Log in with mToken" at the portal and take a screenshot of the QR code. The phone shows who wants to
   log you in and asks you to approve. (A code works for six seconds; "The app is on this device" on the page
   gives a link that works for a minute: npm run -s mtoken -- phone scan 'http://…')

3  Make a payment at the portal, by one of three ways. Whichever it is, it also waits in the app; in a terminal:

   npm run -s mtoken -- phone orders
   npm run -s mtoken -- phone approve sig_…

   It asks for the mPIN once more. The portal checks the receipt and pays; check it yourself at
   ${issuer}/verify

Or see the whole chain without hands:   npm run demo:login
`;
}

async function welcomeLan({ issuer, consoleUrl, portalUrl, deskUrl, dataDir }: Demo): Promise<string> {
  const app = `${issuer}/app`;
  const code = await drawQr(app, { type: 'terminal', small: true, errorCorrectionLevel: 'L' });
  return `
mtoken is running for the phones of your network. Stop it with Ctrl+C.

${table([
  ['On the phone', app, 'the app (the code below)'],
  ['Here', `${deskUrl}/desk`, "activations and the mailbox of the demo's users; on this machine alone"],
  ['', portalUrl, 'the demo portal: "Log in with mToken"'],
  ['', consoleUrl, 'the console, for Olga and Charles of the desk; on this machine alone'],
  ['Data', dataDir, '(delete it to begin anew)'],
])}

${code}
1  Scan this code with the phone's own camera and open the page. The certificate was made on this machine, so both
   browsers warn once: "Advanced", then "Continue".
2  At the desk make an activation; scan it with the app; enter the confirmation code and choose an mPIN.
3  Log in at the portal, on this machine or on any other of the network, and make a payment there: it waits in the app.

To install the app, and to start it without a connection, the phone must trust the certificate: open
${portalUrl}/authority.crt on it and install what comes (Android: Settings, "CA certificate"; iPhone: the profile,
then Settings, General, About, Certificate Trust). Remove it there when you have finished trying: the key behind it
was never kept. Fingerprint and face need a server with a name; an address will not do.
The phone cannot open the page? It must be in the same network, and this machine's firewall must let ports
${new URL(issuer).port} and ${new URL(portalUrl).port} in.
`;
}
