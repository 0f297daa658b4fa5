// How long tests wait, and gates instead of pauses. A test must not depend on how fast a machine
// is: where an order of events matters, a gate makes it; a limit of time only ends what hangs.
import { setTimeout as sleep } from 'node:timers/promises'

/** Anything that takes longer than this hangs. */
export const HANG_MS = 300_000

/** Holds back its callers until it is opened, and tells that a caller has come. */
export class Gate {
  #arrive
  #open
  /** Resolves when a caller waits at the gate. */
  reached = new Promise((resolve) => (this.#arrive = resolve))
  #opened = new Promise((resolve) => (this.#open = resolve))

  /** Waits until the gate is opened. */
  pass() {
    this.#arrive()
    return this.#opened
  }

  open() {
    this.#open()
  }
}

/**
 * Looks again and again until `holds` returns something true, and returns that.
 *
 * @template T
 * @param {() => T | Promise<T>} holds
 * @param {string} what is waited for
 * @param {{ everyMs?: number }} [options]
 * @returns {Promise<T>}
 */
export async function until(holds, what, { everyMs = 50 } = {}) {
  const end = Date.now() + HANG_MS
  for (;;) {
    const found = await holds()
    if (found) return found
    if (Date.now() > end) throw new Error(`this did not come about in ${HANG_MS / 1000} s: ${what}`)
    await sleep(everyMs)
  }
}

/** Waits until a grant has certainly expired, by the clock that the store shares with the test. */
export function untilExpired(grant) {
  // Stores count whole seconds.
  return sleep(Math.max(grant.expires_ms + 1_500 - Date.now(), 0))
}
