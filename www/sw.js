/**
 * Keeps the files of the page for use without a network. `precache.js` (written by assemble.mjs)
 * lists them, with a version made from their contents. A new version is fetched completely, and
 * then replaces the old one.
 */
importScripts('./precache.js')

const { version, files } = self.precache
const CACHE = `coldpress-${version}`
// On a development server, the network comes first and the cache second: the policy in its answers
// names the port of its store, which changes at each start.
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

self.addEventListener('install', event => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE)
    // Without the HTTP cache: an old file in a new version would stay for ever.
    await cache.addAll(files.map(file => new Request(file, { cache: 'reload' })))
    await self.skipWaiting()
  })())
})

self.addEventListener('activate', event => {
  event.waitUntil((async () => {
    const names = await caches.keys()
    const old = names.filter(name => name.startsWith('coldpress-') && name !== CACHE)
    await Promise.all(old.map(name => caches.delete(name)))
    await self.clients.claim()
  })())
})

self.addEventListener('fetch', event => {
  const { request } = event
  const url = new URL(request.url)
  // Grants, uploads and the answers of a development server are never cached.
  if (request.method !== 'GET' || url.origin !== location.origin) return
  const path = './' + url.href.slice(self.registration.scope.length).replace(/[?#].*$/, '')
  const file = path === './' ? './index.html' : path
  if (files.includes(file)) event.respondWith(answer(file, request))
})

async function answer(file, request) {
  const cache = await caches.open(CACHE)
  const kept = await cache.match(file)
  if (!kept) return fetch(request)
  if (!LOOPBACK.test(location.hostname)) return kept
  return fetch(request).catch(() => kept)
}
