/** The app's service worker: keeps one whole release of the page and gives it out, with or without a connection. Nothing else passes through it. */

/** What the server puts before this script. */
declare const release: {
  readonly version: string;
  readonly files: readonly File[];
  /** The languages: each is kept once somebody has wanted it. */
  readonly texts: readonly File[];
};

interface File {
  readonly url: string;
  readonly integrity: string;
}

/** The few parts of a worker's scope that are used here: the types of pages and of workers exclude each other. */
interface ExtendableEvent {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface WorkerScope {
  readonly location: { readonly origin: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
}

const scope = self as unknown as WorkerScope;
const cacheName = `mtoken-app-${release.version}`;
const urls: ReadonlySet<string> = new Set(release.files.map(({ url }) => url));

/** All files of this release or none: each must have the bytes that the server announced, or a deployment halfway would be kept. */
async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  const wanted = await textsOfOlderReleases();
  const files = [...release.files, ...release.texts.filter(({ url }) => wanted.has(url))];
  await cache.addAll(files.map(({ url, integrity }) => new Request(url, { cache: 'reload', integrity })));
  await scope.skipWaiting();
}

/** A person whose language was kept goes on in it with the new release, also without a connection. */
async function textsOfOlderReleases(): Promise<ReadonlySet<string>> {
  const old = await Promise.all(
    (await olderCaches()).map(async (name) => {
      const requests = await (await caches.open(name)).keys();
      return requests.map(({ url }) => new URL(url).pathname);
    }),
  );
  return new Set(old.flat());
}

async function olderCaches(): Promise<readonly string[]> {
  const names = await caches.keys();
  return names.filter((name) => name.startsWith('mtoken-app-') && name !== cacheName);
}

async function activate(): Promise<void> {
  await Promise.all((await olderCaches()).map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/** A language's file, kept when it was fetched once. Other bytes than those of this release are refused, and never kept. */
async function textOf({ url, integrity }: File): Promise<Response> {
  const cache = await caches.open(cacheName);
  const kept = await cache.match(url);
  if (kept !== undefined) return kept;
  const fetched = await fetch(new Request(url, { cache: 'no-cache', integrity }));
  if (fetched.ok) await cache.put(url, fetched.clone());
  return fetched;
}

scope.addEventListener('install', (event) => event.waitUntil(install()));
scope.addEventListener('activate', (event) => event.waitUntil(activate()));
scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== scope.location.origin) return;
  const text = release.texts.find(({ url }) => url === pathname);
  if (text !== undefined) return event.respondWith(textOf(text));
  if (!urls.has(pathname)) return;
  event.respondWith(caches.match(pathname, { cacheName }).then((kept) => kept ?? fetch(request)));
});
