/**
 * The page's own files, kept for when there is no network. `precache.js` (written by assemble.mjs) names them and a
 * version over their contents: a new version is fetched whole, then takes the place of the old one.
 */
importScripts('./precache.js')

const { version, files } = self.precache
const CACHE = `coldpress-${version}`
// A development server's policy names its store, whose port is another after each start: there, what is kept is second choice.
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/

self.addEventListener('install', event => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE)
    // Past the HTTP cache: an old file under a new version would stay for ever.
    await cache.addAll(files.map(file => new Request(file, { cache: 'reload' })))
    await self.skipWaiting()
  })())
})

self.addEventListener('activate', event => {
  event.waitUntil((async () => {
    const names = await caches.keys()
    await Promise.all(names.filter(name => name.startsWith('coldpress-') && name !== CACHE).map(name => caches.delete(name)))
    await self.clients.claim()
  })())
})

self.addEventListener('fetch', event => {
  const { request } = event
  const url = new URL(request.url)
  // Grants, uploads and the development server's answers are never ours to keep.
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
