// Waits by the clock of the machine, which people and networks set forward and back.

/** @import { Runtime } from './runtime.js' */

/** The clocks of two pages may differ by this much, also because of small corrections. */
const SLACK_MS = 1_000

/**
 * The rest of a wait, in milliseconds. A wait that begins in the future is over: the clock was set
 * back, and nothing may wait until the clock reaches that time again.
 *
 * @param {number} from when the wait began
 * @param {number} waitMs how long it is
 * @param {number} now
 */
export function msLeft(from, waitMs, now) {
  return now < from - SLACK_MS ? 0 : Math.max(from + waitMs - now, 0)
}

/**
 * Resolves after `ms`, or earlier at an event. If the signal is aborted, rejects with its reason.
 *
 * @param {Runtime} runtime
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {(end: () => void) => () => void} listen calls `end` at the event; returns a function that
 *   ends this
 * @returns {Promise<void>}
 */
export function pause(runtime, ms, signal, listen) {
  return new Promise((resolve, reject) => {
    const end = () => {
      runtime.clearTimer(timer)
      stopListening()
      signal.removeEventListener('abort', end)
      if (signal.aborted) reject(signal.reason)
      else resolve()
    }
    const timer = runtime.setTimer(end, ms)
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
 * A new controller whose signal is also aborted when `signal` is.
 *
 * @param {AbortSignal} signal
 * @returns {{ controller: AbortController, release: () => void }} call `release` when it is no
 *   longer needed
 */
export function linkedController(signal) {
  const controller = new AbortController()
  const follow = () => controller.abort(signal.reason)
  if (signal.aborted) follow()
  else signal.addEventListener('abort', follow)
  return { controller, release: () => signal.removeEventListener('abort', follow) }
}

/**
 * Whether a page still has this lease.
 *
 * @param {{ owner: string, until: number } | undefined} lease
 * @param {() => number} now
 * @param {number} leaseMs
 */
export function isHeld(lease, now, leaseMs) {
  return lease !== undefined && msLeft(lease.until - leaseMs, leaseMs, now()) > 0
}
