// What an upload takes from the runtime: fetch, clock, randomness, timers, the network's state.
// Tests pass another object in its place.

const scope = /** @type {any} */ (globalThis)
// Browsers count timers in 32 bits. A longer timer would fire at once.
const TIMER_MS_MAX = 2 ** 31 - 1
// Only a browser sends cookies, caches answers and names the page, so only a browser gets these
// fields. workerd refuses some of them.
const IN_BROWSER = {
  mode: 'cors', credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer',
}

/**
 * @typedef {object} Runtime
 * @property {(url: string, init: RequestInit) => Promise<Response>} fetch
 * @property {() => number} now milliseconds since 1970
 * @property {() => bigint} seed 64 random bits
 * @property {(run: () => void, ms: number) => any} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {() => boolean} online false only if the runtime knows that there is no network
 * @property {(run: () => void) => () => void} onOnline calls `run` whenever the network returns;
 *   returns a function that ends this
 * @property {() => string | undefined} origin the origin of the page; undefined outside a browser
 */

/** @type {Runtime} */
export const runtime = {
  fetch: (url, init) =>
    scope.fetch(url, runtime.origin() === undefined ? init : { ...IN_BROWSER, ...init }),
  now: () => Date.now(),
  seed: () => scope.crypto.getRandomValues(new BigUint64Array(1))[0],
  setTimer: (run, ms) => scope.setTimeout(run, Math.min(ms, TIMER_MS_MAX)),
  clearTimer: (timer) => scope.clearTimeout(timer),
  online: () => scope.navigator?.onLine !== false,
  onOnline(run) {
    scope.addEventListener?.('online', run)
    return () => scope.removeEventListener?.('online', run)
  },
  origin() {
    const isBrowser = scope.document !== undefined || scope.WorkerGlobalScope !== undefined
    const hasOrigin = scope.location !== undefined && typeof scope.origin === 'string'
    return isBrowser && hasOrigin ? scope.origin : undefined
  },
}

/**
 * This runtime, with the caller's own `fetch` if there is one.
 *
 * @param {((url: string, init: RequestInit) => Promise<Response>) | undefined} fetch
 * @returns {Runtime}
 */
export function runtimeWith(fetch) {
  return fetch === undefined ? runtime : { ...runtime, fetch }
}
