// One page at a time drains an outbox. That saves work and requests; nothing would break without it.

/** @import { OutboxStore } from './outbox-store.js' */

const LEASE_MS = 15_000
const RENEW_MS = 5_000
const LOOK_MS = 1_000

/**
 * Runs `work` while no other page, worker or tab does so for the same outbox.
 *
 * @template T
 * @param {string} name
 * @param {OutboxStore} store
 * @param {{ locks?: LockManager, now: () => number, signal: AbortSignal }} circumstances
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(name, store, { locks, now, signal }, work) {
  if (locks) return locks.request(`coldpress-outbox/${name}`, { signal }, work)
  // Web Locks are missing on insecure origins and in old browsers: a lease in the database stands in.
  const owner = Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16)).join('-')
  while (!(await store.takeLease(owner, now(), LEASE_MS))) await pause(LOOK_MS, signal)
  const renewal = setInterval(() => void store.takeLease(owner, now(), LEASE_MS).catch(() => {}), RENEW_MS)
  try {
    return await work()
  } finally {
    clearInterval(renewal)
    await store.endLease(owner).catch(() => {})
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
