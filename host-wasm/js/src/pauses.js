// Work that never waits keeps an abort from being heard: from time to time it must let others run.

import { stopIfAborted } from './error.js'

/**
 * After so many bytes of text, or as much other work, there is a pause. They take some twenty
 * milliseconds, and a pause some hundredths of one.
 */
const UNITS = 1 << 21

const scope = /** @type {any} */ (globalThis)

/** Lets others run while much is done, where there is a signal that could be aborted. */
export class Pauses {
  #signal
  #units = 0

  /** @param {AbortSignal | undefined} signal */
  constructor(signal) {
    this.#signal = signal
  }

  /**
   * So much has been done.
   *
   * @param {number} units
   * @returns {Promise<void> | undefined} what to wait for before going on; mostly nothing
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
    await othersRun()
    stopIfAborted(this.#signal)
  }
}

/**
 * Ends when events that wait have had their turn. `setTimeout` alone would do, but browsers make it
 * last four milliseconds.
 */
function othersRun() {
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
