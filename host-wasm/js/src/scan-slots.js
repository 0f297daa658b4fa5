// At most so many requests at a time.

export class Slots {
  /** @type {(() => void)[]} */
  #waiting = []
  #free

  /** @param {number} count */
  constructor(count) {
    this.#free = count
  }

  /**
   * Runs `work` when there is a free slot. Work that is aborted while it waits never begins.
   *
   * @template T
   * @param {AbortSignal} signal
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async run(signal, work) {
    await this.#slot(signal)
    try {
      return await work()
    } finally {
      this.#free += 1
      this.#waiting.shift()?.()
    }
  }

  /** @param {AbortSignal} signal */
  async #slot(signal) {
    while (this.#free === 0) {
      signal.throwIfAborted()
      await /** @type {Promise<void>} */ (new Promise((resolve) => {
        const stop = () => {
          this.#waiting = this.#waiting.filter((waiting) => waiting !== go)
          resolve()
        }
        const go = () => {
          signal.removeEventListener('abort', stop)
          resolve()
        }
        signal.addEventListener('abort', stop, { once: true })
        this.#waiting.push(go)
      }))
    }
    signal.throwIfAborted()
    this.#free -= 1
  }
}
