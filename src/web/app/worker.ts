/** The app's service worker: keeps one whole release of the page and gives it out, with or without a connection. Nothing else passes through it. */

/** What the server puts before this script. */
declare const release: {
  readonly version: string;
  readonly files: readonly { readonly url: string; readonly integrity: string }[];
};

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
  await cache.addAll(release.files.map(({ url, integrity }) => new Request(url, { cache: 'reload', integrity })));
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((other) => other.startsWith('mtoken-app-') && other !== cacheName);
  await Promise.all(old.map((other) => caches.delete(other)));
  await scope.clients.claim();
}

scope.addEventListener('install', (event) => event.waitUntil(install()));
scope.addEventListener('activate', (event) => event.waitUntil(activate()));
scope.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== scope.location.origin || !urls.has(pathname)) return;
  event.respondWith(caches.match(pathname, { cacheName }).then((kept) => kept ?? fetch(request)));
});
