// One page at a time drains an outbox. This saves work and requests; without it, nothing would
// break.
//
// If the holder of the lock dies, is frozen or hangs, another page gets the lock. A Web Lock is
// free when its holder dies, and is taken from a holder that answers no questions. A lease is free
// if it was not renewed for LEASE_MS.

import { randomId } from './outbox-peers.js'
import { aborted, linkedController, pause } from './outbox-wait.js'

/** @import { Peers } from './outbox-peers.js' */
/** @import { OutboxStore } from './outbox-store.js' */
/** @import { Runtime } from './runtime.js' */

// A page that waits for the Web Lock asks its holder whether it still runs. After two questions
// without an answer it takes the lock: at most three intervals after the holder's last answer.
// Messages also reach pages whose timers the browser slows down.
const ASK_MS = 2_000
const QUESTIONS_MAX = 2
/** After its holder dies, a lease lasts this long. */
const LEASE_MS = 6_000
const RENEW_MS = 2_000
const LOOK_MS = 1_000

/** Another page has taken the lock, because this page seemed to be dead. */
export const TAKEN = new Error('another page has taken over')

/**
 * @typedef {object} DrainLock
 * @property {string} name
 * @property {OutboxStore} store
 * @property {LockManager} [locks]
 * @property {Peers} peers
 * @property {Runtime} runtime
 * @property {AbortSignal} signal ends the wait for the lock, or the work
 */

/** @param {string} name of the outbox */
function lockOf(name) {
  return `coldpress-outbox/${name}`
}

/**
 * Whether any page holds the lock now.
 *
 * @param {DrainLock} lock
 * @returns {Promise<boolean>}
 */
export async function isTaken({ name, store, locks, runtime }) {
  if (locks === undefined) return store.isLeased(runtime.now, LEASE_MS)
  const { held = [] } = (await locks.query?.()) ?? {}
  return held.some((lock) => lock.name === lockOf(name))
}

/**
 * Runs `work` while this page holds the lock of the outbox. `work` gets a signal. It is aborted
 * together with the signal of `lock`, and if another page takes the lock (TAKEN). Then the lock is
 * released at once, even if `work` takes longer to end.
 *
 * @template T
 * @param {DrainLock} lock
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withDrainLock(lock, work) {
  const { controller, release } = linkedController(lock.signal)
  try {
    // Insecure origins and old browsers have no Web Locks: there the lock is a lease in the
    // database.
    const { locks } = lock
    if (locks === undefined) return await withLease(lock, controller, work)
    return await withWebLock(lock, locks, controller, work)
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    release()
  }
}

/**
 * @template T
 * @param {DrainLock} lock
 * @param {LockManager} locks
 * @param {AbortController} own
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withWebLock(lock, locks, own, work) {
  /** @type {Promise<T> | undefined} */
  let working
  let isSilent = false
  /** @type {(options: LockOptions, begun?: () => void) => Promise<unknown>} */
  const request = (options, begun = () => {}) =>
    locks.request(lockOf(lock.name), options, async () => {
      begun()
      working = worked(lock, own.signal, work)
      await Promise.race([working.catch(() => {}), aborted(own.signal)])
    })
  const queue = linkedController(own.signal)
  const stopAsking = whenSilent(lock, () => {
    isSilent = true
    queue.controller.abort(TAKEN)
  })
  try {
    await request({ signal: queue.controller.signal }, stopAsking)
  } catch (error) {
    // The lock was granted and then taken away: the work ends first.
    if (working !== undefined) own.abort(TAKEN)
    else if (own.signal.aborted || !isSilent) throw error
    else await request({ steal: true }).catch(() => own.abort(TAKEN))
  } finally {
    stopAsking()
    queue.release()
  }
  own.signal.throwIfAborted()
  return /** @type {Promise<T>} */ (working)
}

/**
 * Calls `run` once if the page that uploads answers no questions.
 *
 * @param {DrainLock} lock
 * @param {() => void} run
 * @returns {() => void} ends the questions
 */
function whenSilent({ peers, runtime }, run) {
  if (!peers.talking) return () => {}
  let unanswered = 0
  /** @type {any} */
  let timer
  const ask = () => {
    if (unanswered === QUESTIONS_MAX) return stop(), run()
    unanswered += 1
    peers.tell({ type: 'ask' })
    timer = runtime.setTimer(ask, ASK_MS)
  }
  const deaf = peers.on('here', () => (unanswered = 0))
  const stop = () => {
    deaf()
    runtime.clearTimer(timer)
  }
  ask()
  return stop
}

/**
 * @template T
 * @param {DrainLock} lock
 * @param {AbortController} own
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withLease(lock, own, work) {
  const { store, runtime, peers } = lock
  const owner = randomId()
  const take = () => store.takeLease(owner, runtime.now, LEASE_MS)
  const whenFree = (/** @type {() => void} */ run) => peers.on('free', run)
  while (!(await take())) await pause(runtime, LOOK_MS, own.signal, whenFree)
  let ended = false
  /** @type {any} */
  let timer
  const renew = async () => {
    // One failure of the database does not end the lease; only time does.
    const renewed = await take().catch(() => true)
    if (!renewed) own.abort(TAKEN)
    if (renewed && !ended) timer = runtime.setTimer(renew, RENEW_MS)
  }
  timer = runtime.setTimer(renew, RENEW_MS)
  const working = worked(lock, own.signal, work)
  await Promise.race([working.catch(() => {}), aborted(own.signal)])
  ended = true
  runtime.clearTimer(timer)
  await store.endLease(owner).catch(() => {})
  peers.free()
  return working
}

/**
 * @template T
 * @param {DrainLock} lock
 * @param {AbortSignal} signal
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function worked({ peers }, signal, work) {
  const end = peers.uploads()
  try {
    signal.throwIfAborted()
    return await work(signal)
  } finally {
    end()
  }
}
