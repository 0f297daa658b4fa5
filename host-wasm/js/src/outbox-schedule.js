// When an outbox uploads next: what is due by the rows that wait, and the pause after a failure.

import { msLeft } from './outbox-wait.js'

/** @import { Settled } from './outbox-options.js' */
/** @import { OutboxStore } from './outbox-store.js' */
/** @import { World } from './upload-world.js' */

/** A longer wait is looked at again in between: machines sleep, and timers with them. */
const TIMER_MS_MAX = 60_000
/** Where nothing tells of another page's death, each page looks for its rows so often. */
const LOOK_MS = 5_000

/**
 * @typedef {object} Calls
 * @property {() => boolean} idle whether nothing uploads now, and may
 * @property {() => boolean} told whether this page would be told of another one's death
 * @property {() => void} pass uploads what is due
 * @property {(error: unknown) => void} failed the database could not be looked at
 */

export class Schedule {
  /** @type {any} */
  #timer
  #armed = false
  #looking = false
  #lookAgain = false
  #failures = 0
  /** @type {{ from: number, ms: number } | undefined} the pause after a failure */
  #rest

  /**
   * @param {Settled} settled
   * @param {OutboxStore} store
   * @param {Calls} calls
   */
  constructor(settled, store, calls) {
    this.settled = settled
    /** @type {World} */
    this.world = settled.world
    this.store = store
    this.calls = calls
  }

  /** When the next attempt after a failure is due, in milliseconds since 1970. */
  get nextAttempt() {
    return this.#rest && this.#rest.from + this.#rest.ms
  }

  /** Milliseconds until the pause after a failure is over. */
  get restLeft() {
    return this.#rest === undefined ? 0 : msLeft(this.#rest.from, this.#rest.ms, this.world.now())
  }

  /**
   * Whether a timer runs for rows that are known to wait: newer ones are due no earlier, unless
   * they fill a batch.
   */
  get armed() {
    return this.#armed
  }

  /** Looks whether a batch is due, and when to look again where none is. */
  wake() {
    this.#lookAgain = this.#looking
    if (this.#looking) return
    this.#looking = true
    this.stop()
    void this.#look()
      .catch((error) => this.calls.failed(error))
      .finally(() => {
        this.#looking = false
        if (this.#lookAgain) this.wake()
      })
  }

  /** No timer of this schedule runs any more. */
  stop() {
    this.world.clearTimer(this.#timer)
    this.#timer = undefined
    this.#armed = false
  }

  /** The next attempt need not wait. */
  clear() {
    this.#failures = 0
    this.#rest = undefined
  }

  /**
   * Chooses the pause after a failure.
   *
   * @param {unknown} error
   * @returns {number} its milliseconds
   */
  failed(error) {
    const { backoffMsMin, backoffMsMax } = this.settled
    const longest = Math.min(backoffMsMin * 2 ** this.#failures, backoffMsMax)
    const random = Number(this.world.seed() & 0xffffffffn) / 2 ** 32
    const asked = /** @type {any} */ (error)?.retryAfterMs ?? 0
    const ms = Math.max(asked, backoffMsMin / 2 + random * longest)
    this.pause(ms)
    return ms
  }

  /**
   * Pauses as after a failure: this page's, or that of another which spoke to the same servers.
   *
   * @param {number} ms
   */
  pause(ms) {
    this.#failures += 1
    this.#rest = { from: this.world.now(), ms }
  }

  async #look() {
    if (!this.calls.idle()) return
    // A database that fails is left in peace for the pause as well.
    const wait = this.restLeft || (await this.#dueIn())
    if (!this.calls.idle()) return
    if (wait === 0) this.calls.pass()
    else if (wait !== undefined || !this.calls.told()) this.#wait(wait)
  }

  /** @param {number} [ms] none where nothing is known to wait */
  #wait(ms) {
    this.#armed = ms !== undefined
    const most = this.calls.told() ? TIMER_MS_MAX : LOOK_MS
    this.#timer = this.world.setTimer(() => this.wake(), Math.min(ms ?? most, most))
    // A program in Node ends where nothing waits.
    if (!this.#armed) this.#timer?.unref?.()
  }

  /** @returns {Promise<number | undefined>} milliseconds; none where nothing waits */
  async #dueIn() {
    const { rows, bytes, batches, oldest, flushTo } = await this.store.outlook()
    const { rowsMax, bytesMax, ageMs } = this.settled.limits
    if (batches.some(({ state }) => state === 'sealed')) return 0
    if (oldest === undefined) return undefined
    const free = { rows: rows - total(batches, 'rows'), bytes: bytes - total(batches, 'bytes') }
    const full = free.rows >= rowsMax || free.bytes >= bytesMax
    return full || oldest.seq <= flushTo ? 0 : msLeft(oldest.at, ageMs, this.world.now())
  }
}

/**
 * @param {import('./outbox-store.js').Batch[]} batches
 * @param {'rows' | 'bytes'} what
 */
export function total(batches, what) {
  return batches.reduce((sum, batch) => sum + batch[what], 0)
}
