// Work that never waits keeps an abort from being heard: from time to time it must let others run.

import { stopIfAborted } from './error.js'

/** So many bytes of text, or as much work, take some twenty milliseconds: a pause costs next to nothing then. */
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
    return this.#units < UNITS ? undefined : this.afterMuch()
  }

  /** Enough has been done for a pause. */
  afterMuch() {
    if (this.#signal === undefined) return undefined
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
 * Ends when events that wait have had their turn. `setTimeout` alone would do, but browsers make it last four
 * milliseconds.
 */
function othersRun() {
  if (typeof scope.setImmediate === 'function') return new Promise((resolve) => scope.setImmediate(resolve))
  if (typeof MessageChannel !== 'function') return new Promise((resolve) => setTimeout(resolve))
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  }))
}
