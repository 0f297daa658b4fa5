// What an upload takes from the runtime it runs in. Tests put another world in its place.

const scope = /** @type {any} */ (globalThis)
// Timers of browsers count in 32 bits and fire at once beyond that.
const TIMER_MS_MAX = 2 ** 31 - 1
// Only a browser sends cookies, caches answers and names the page, so only there is it told not to; workerd
// refuses some of these fields.
const IN_BROWSER = { mode: 'cors', credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer' }

/**
 * @typedef {object} World
 * @property {(url: string, init: RequestInit) => Promise<Response>} fetch
 * @property {() => number} now
 * @property {() => bigint} seed 64 random bits
 * @property {(run: () => void, ms: number) => any} setTimer
 * @property {(timer: any) => void} clearTimer
 * @property {() => boolean} online false only where the runtime knows that there is no network
 * @property {(run: () => void) => () => void} onOnline calls back whenever the network returns; gives the way to stop that
 * @property {() => string | undefined} origin that of the page, where a browser guards it
 */

/** @type {World} */
export const world = {
  fetch: (url, init) => scope.fetch(url, world.origin() === undefined ? init : { ...IN_BROWSER, ...init }),
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
    const browser = scope.document !== undefined || scope.WorkerGlobalScope !== undefined
    return browser && scope.location !== undefined && typeof scope.origin === 'string' ? scope.origin : undefined
  },
}

/**
 * This world with the caller's own fetch, where one is given.
 *
 * @param {((url: string, init: RequestInit) => Promise<Response>) | undefined} fetch
 * @returns {World}
 */
export function worldWith(fetch) {
  return fetch === undefined ? world : { ...world, fetch }
}
