// Work that never waits blocks the thread, so that no abort can arrive. From time to time it must
// let other tasks run.

import { stopIfAborted } from './error.js'

/**
 * The work between two pauses, in bytes of text. It takes about 20 ms; a pause takes some
 * hundredths of a millisecond.
 */
const UNITS = 1 << 21

const scope = /** @type {any} */ (globalThis)

/** Lets other tasks run during long work, if there is a signal that could be aborted. */
export class Pauses {
  #signal
  #units = 0

  /** @param {AbortSignal | null | undefined} signal */
  constructor(signal) {
    this.#signal = signal ?? undefined
  }

  /**
   * Counts work that was done.
   *
   * @param {number} units
   * @returns {Promise<void> | undefined} a pause to wait for before going on; mostly none
   */
  after(units) {
    if (this.#signal === undefined) return undefined
    this.#units += units
    if (this.#units < UNITS) return undefined
    this.#units = 0
    return this.#pause()
  }

  async #pause() {
    stopIfAborted(this.#signal)
    await otherTasks()
    stopIfAborted(this.#signal)
  }
}

/**
 * Lets the events that wait run. `setTimeout` alone would do, but in browsers it takes 4 ms.
 */
function otherTasks() {
  const { setImmediate, MessageChannel } = scope
  if (setImmediate) return new Promise((resolve) => setImmediate(resolve))
  if (!MessageChannel) return new Promise((resolve) => setTimeout(resolve))
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  }))
}
