// One page at a time drains an outbox. That saves work and requests; nothing would break without
// it.
//
// Another page gets the right to drain where its holder dies, is frozen or hangs: a Web Lock at the
// holder's death, or when the holder leaves questions unanswered; a lease when it was not renewed
// for LEASE_MS.

import { randomId } from './outbox-peers.js'
import { aborted, following, pause } from './outbox-wait.js'

/** @import { Peers } from './outbox-peers.js' */
/** @import { OutboxStore } from './outbox-store.js' */
/** @import { World } from './upload-world.js' */

// Who waits for a Web Lock asks its holder whether it still runs, and takes the lock after two
// questions without an answer: at most three intervals after the last sign of life. Messages reach
// pages whose timers the browser slows down.
const ASK_MS = 2_000
const QUESTIONS_MAX = 2
/** A page that dies keeps its lease for so long. */
const LEASE_MS = 6_000
const RENEW_MS = 2_000
const LOOK_MS = 1_000

/** Another page has taken the right to drain, because this one seemed to be dead. */
export const TAKEN = new Error('another page has taken over')

/**
 * @typedef {object} Place
 * @property {string} name
 * @property {OutboxStore} store
 * @property {LockManager} [locks]
 * @property {Peers} peers
 * @property {World} world
 * @property {AbortSignal} signal ends the wait or the work
 */

/** @param {string} name of the outbox */
function lockOf(name) {
  return `coldpress-outbox/${name}`
}

/**
 * Whether any page has the right to drain now.
 *
 * @param {Place} place
 * @returns {Promise<boolean>}
 */
export async function isTaken({ name, store, locks, world }) {
  if (locks === undefined) return store.isLeased(world.now, LEASE_MS)
  const { held = [] } = (await locks.query?.()) ?? {}
  return held.some((lock) => lock.name === lockOf(name))
}

/**
 * Runs `work` while no other page, worker or tab does so for the same outbox. The signal that
 * `work` is given is aborted where the place's own is, and where another page takes over (TAKEN).
 * The right is given back at once then, though `work` may take its time to end.
 *
 * @template T
 * @param {Place} place
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(place, work) {
  const { controller, release } = following(place.signal)
  try {
    // Web Locks are missing on insecure origins and in old browsers: a lease in the database stands
    // in.
    const { locks } = place
    return await (locks ? locked(place, locks, controller, work) : leased(place, controller, work))
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    release()
  }
}

/**
 * @template T
 * @param {Place} place
 * @param {LockManager} locks
 * @param {AbortController} own
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function locked(place, locks, own, work) {
  /** @type {Promise<T> | undefined} */
  let working
  let isSilent = false
  /** @type {(options: LockOptions, begun?: () => void) => Promise<unknown>} */
  const request = (options, begun = () => {}) =>
    locks.request(lockOf(place.name), options, async () => {
      begun()
      working = during(place, own.signal, work)
      await Promise.race([working.catch(() => {}), aborted(own.signal)])
    })
  const queue = following(own.signal)
  const stopAsking = whenSilent(place, () => {
    isSilent = true
    queue.controller.abort(TAKEN)
  })
  try {
    await request({ signal: queue.controller.signal }, stopAsking)
  } catch (error) {
    // Granted and then taken from us: the work ends before this does.
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
 * Calls back once where the page that uploads leaves questions unanswered.
 *
 * @param {Place} place
 * @param {() => void} run
 * @returns {() => void} stops that
 */
function whenSilent({ peers, world }, run) {
  if (!peers.talking) return () => {}
  let unanswered = 0
  /** @type {any} */
  let timer
  const ask = () => {
    if (unanswered === QUESTIONS_MAX) return stop(), run()
    unanswered += 1
    peers.tell({ type: 'ask' })
    timer = world.setTimer(ask, ASK_MS)
  }
  const deaf = peers.on('here', () => (unanswered = 0))
  const stop = () => {
    deaf()
    world.clearTimer(timer)
  }
  ask()
  return stop
}

/**
 * @template T
 * @param {Place} place
 * @param {AbortController} own
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function leased(place, own, work) {
  const { store, world, peers } = place
  const owner = randomId()
  const take = () => store.takeLease(owner, world.now, LEASE_MS)
  const whenFree = (/** @type {() => void} */ run) => peers.on('free', run)
  while (!(await take())) await pause(world, LOOK_MS, own.signal, whenFree)
  let ended = false
  /** @type {any} */
  let timer
  const renew = async () => {
    // A database that fails now and then does not end the lease; the clock does.
    const renewed = await take().catch(() => true)
    if (!renewed) own.abort(TAKEN)
    if (renewed && !ended) timer = world.setTimer(renew, RENEW_MS)
  }
  timer = world.setTimer(renew, RENEW_MS)
  const working = during(place, own.signal, work)
  await Promise.race([working.catch(() => {}), aborted(own.signal)])
  ended = true
  world.clearTimer(timer)
  await store.endLease(owner).catch(() => {})
  peers.free()
  return working
}

/**
 * @template T
 * @param {Place} place
 * @param {AbortSignal} signal
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function during({ peers }, signal, work) {
  const end = peers.uploads()
  try {
    signal.throwIfAborted()
    return await work(signal)
  } finally {
    end()
  }
}
