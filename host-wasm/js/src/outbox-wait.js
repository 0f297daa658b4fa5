// Waits by the machine's clock, which people and networks set forward and back.

/** @import { World } from './upload-world.js' */

/** Two pages, or the clock's own corrections, may disagree by so much. */
const SLACK_MS = 1_000

/**
 * The rest of a wait, in milliseconds. A wait that seems to begin in the future is over: somebody
 * set the clock back, and nothing may wait until the clock has caught up.
 *
 * @param {number} from when the wait began
 * @param {number} waitMs how long it is
 * @param {number} now
 */
export function msLeft(from, waitMs, now) {
  return now < from - SLACK_MS ? 0 : Math.max(from + waitMs - now, 0)
}

/**
 * Resolves after `ms`, or at an event before. Rejects with the signal's reason where it is aborted.
 *
 * @param {World} world
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {(end: () => void) => () => void} listen calls `end` at the event; gives the way to stop
 *   that
 * @returns {Promise<void>}
 */
export function pause(world, ms, signal, listen) {
  return new Promise((resolve, reject) => {
    const end = () => {
      world.clearTimer(timer)
      stopListening()
      signal.removeEventListener('abort', end)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    const timer = world.setTimer(end, ms)
    const stopListening = listen(end)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}

/**
 * Resolves once the signal is aborted.
 *
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function aborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/**
 * A signal of its own that is aborted together with `signal`.
 *
 * @param {AbortSignal} signal
 * @returns {{ controller: AbortController, release: () => void }} call `release` when it is no
 *   longer needed
 */
export function following(signal) {
  const controller = new AbortController()
  const follow = () => controller.abort(signal.reason)
  if (signal.aborted) follow()
  else signal.addEventListener('abort', follow)
  return { controller, release: () => signal.removeEventListener('abort', follow) }
}
