/** The demo for real phones: which address, which certificate, and a front that passes everything on and opens nothing. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseAddress, lanAddresses, lanCertificate, startFront } from '../../../src/demo/lan.ts';

const entry = (address: string, more: object = {}) =>
  ({ address, family: 'IPv4', internal: false, netmask: '', mac: '', cidr: null, ...more }) as const;

describe('the address', () => {
  const interfaces = {
    lo: [entry('127.0.0.1', { internal: true })],
    vpn: [entry('100.64.0.9')],
    wlan: [entry('fe80::1', { family: 'IPv6' }), entry('192.168.1.20')],
    none: [entry('169.254.7.7')],
  } as Parameters<typeof lanAddresses>[0];

  it('is one of this machine, of a home or office network first', () => {
    expect(lanAddresses(interfaces)).toEqual(['192.168.1.20', '100.64.0.9']);
    expect(chooseAddress(undefined, ['192.168.1.20', '100.64.0.9'])).toBe('192.168.1.20');
    expect(chooseAddress('100.64.0.9', ['192.168.1.20', '100.64.0.9'])).toBe('100.64.0.9');
  });

  it('is refused with what there is', () => {
    expect(() => chooseAddress('10.0.0.1', ['192.168.1.20'])).toThrow('It has: 192.168.1.20');
    expect(() => chooseAddress(undefined, [])).toThrow('in no network');
  });
});

describe('the certificate', () => {
  const now = Date.UTC(2026, 4, 1);
  let directory = '';
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is for this address, for a year, signed by an authority that signs nothing else', async () => {
    directory = await mkdtemp(join(tmpdir(), 'mtoken-lan-'));
    const made = await lanCertificate(directory, '192.168.1.20', now);
    const [leaf, authority] = [new X509Certificate(made.cert), new X509Certificate(made.ca)];
    expect(leaf.checkIP('192.168.1.20')).toBe('192.168.1.20');
    expect(leaf.ca).toBe(false);
    expect(authority.ca).toBe(true);
    expect(leaf.checkIssued(authority) && leaf.verify(authority.publicKey)).toBe(true);
    expect(Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)).toBeLessThanOrEqual(398 * 86_400_000);
    // The authority's own key is nowhere: whoever reads the directory cannot sign for another site.
    const files = await readdir(directory);
    expect(files.sort()).toEqual(['authority.crt', 'cert.pem', 'key.pem']);
    expect(leaf.checkPrivateKey(createPrivateKey(made.key))).toBe(true);
    expect((await stat(join(directory, 'key.pem'))).mode & 0o077).toBe(0);
    expect(await readFile(made.authorityFile, 'utf8')).toBe(made.ca);
  });

  it('is the same at the next start', async () => {
    directory = await mkdtemp(join(tmpdir(), 'mtoken-lan-'));
    const first = await lanCertificate(directory, '192.168.1.20', now);
    expect(await lanCertificate(directory, '192.168.1.20', now + 5000)).toEqual(first);
  });
});

describe('the front', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function open(answer: Parameters<typeof createServer>[1]): Promise<{ port: number; ca: string }> {
    const directory = await mkdtemp(join(tmpdir(), 'mtoken-lan-'));
    const certificate = await lanCertificate(directory, '127.0.0.1', Date.now());
    const target = createServer(answer);
    const targetPort = await listen(target);
    const spare = createServer();
    const port = await listen(spare);
    await new Promise((resolve) => spare.close(resolve));
    const end = await startFront({ certificate, address: '127.0.0.1', port, target: targetPort });
    ends.push(
      end,
      () => new Promise((resolve) => target.close(resolve)),
      () => rm(directory, { recursive: true }),
    );
    return { port, ca: certificate.ca };
  }

  it('ends TLS, and says whose request it is: a caller’s own claim to be this machine is overwritten', async () => {
    let seen: IncomingHttpHeaders = {};
    const { port, ca } = await open((incoming, outgoing) => {
      seen = incoming.headers;
      outgoing.setHeader('set-cookie', ['a=1', 'b=2']).end('hello');
    });
    const headers = { 'x-forwarded-for': '9.9.9.9', host: 'localhost:3002' };
    const answer = await ask({ port, ca, headers });
    expect(answer).toMatchObject({ status: 200, body: 'hello' });
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(seen['x-forwarded-for']).toBe('127.0.0.1');
    expect(seen['x-forwarded-proto']).toBe('https');
    expect(seen.host).toBe('localhost:3002');
  });

  it('passes a stream on as it comes, and ends it at the server when the page goes', async () => {
    const gone = deferred();
    const { port, ca } = await open((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
      outgoing.write('data: 1\n\n');
      outgoing.on('close', () => gone.resolve());
    });
    const first = await new Promise<string>((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port, ca, path: '/' }, (incoming) => {
        incoming.once('data', (data) => {
          outgoing.destroy();
          resolve(String(data));
        });
        incoming.on('error', () => undefined);
      });
      outgoing.on('error', reject).end();
    });
    expect(first).toBe('data: 1\n\n');
    await gone.promise;
  });

  it('keeps for itself what speaks of the connection: no announced trailer ends the process (X-10)', async () => {
    let seen: IncomingHttpHeaders = {};
    const { port, ca } = await open((incoming, outgoing) => {
      seen = incoming.headers;
      outgoing.end('hello');
    });
    const headers = { trailer: 'x', te: 'trailers', connection: 'close', upgrade: 'websocket', 'x-kept': 'yes' };
    expect(await askPlainly({ port, ca, headers })).toContain('hello');
    expect(seen).toMatchObject({ 'x-kept': 'yes' });
    for (const name of ['trailer', 'te', 'upgrade']) expect(seen).not.toHaveProperty(name);
  });

  it('answers 502 where the server is not there', async () => {
    const { port, ca } = await open((incoming) => incoming.socket.destroy());
    expect((await ask({ port, ca, headers: {} })).status).toBe(502);
  });
});

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, 'localhost', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

interface Ask {
  readonly port: number;
  readonly ca: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Header for header as it stands: Node's own client sends no trailer without its body. */
function askPlainly({ port, ca, headers }: Ask): Promise<string> {
  const lines = Object.entries({ host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port, ca }, () =>
      socket.write(`GET / HTTP/1.1\r\n${lines.join('')}\r\n`),
    );
    socket.on('data', (data) => {
      answer += String(data);
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

function ask({ port, ca, headers }: Ask): Promise<{ status: number; body: string; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', servername: '', port, ca, headers, path: '/' }, (incoming) => {
      let body = '';
      incoming.on('data', (data) => {
        body += String(data);
      });
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body, headers: incoming.headers }));
    });
    outgoing.on('error', reject).end();
  });
}
