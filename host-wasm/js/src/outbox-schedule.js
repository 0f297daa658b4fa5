// Decides when an outbox uploads next: by the rows that wait, and by the pause after a failure.

import { msLeft } from './outbox-wait.js'

/** @import { OutboxSettings } from './outbox-options.js' */
/** @import { OutboxStore } from './outbox-store.js' */
/** @import { Runtime } from './runtime.js' */

/** During a longer wait the schedule looks again: timers stop while a machine sleeps. */
const TIMER_MS_MAX = 60_000
/** If a page cannot notice the death of others, it looks for their rows at this interval. */
const LOOK_MS = 5_000

/**
 * @typedef {object} Calls
 * @property {() => boolean} idle whether no upload runs, and one may start
 * @property {() => boolean} told whether this page notices the death of another page
 * @property {() => void} pass uploads the rows that are due
 * @property {(error: unknown) => void} failed the database could not be read
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
   * @param {OutboxSettings} settings
   * @param {OutboxStore} store
   * @param {Calls} calls
   */
  constructor(settings, store, calls) {
    this.settings = settings
    /** @type {Runtime} */
    this.runtime = settings.runtime
    this.store = store
    this.calls = calls
  }

  /** When the next attempt after a failure is due, in milliseconds since 1970. */
  get nextAttempt() {
    return this.#rest && this.#rest.from + this.#rest.ms
  }

  /** The milliseconds that are left of the pause after a failure. */
  get restLeft() {
    return this.#rest === undefined ? 0 : msLeft(this.#rest.from, this.#rest.ms, this.runtime.now())
  }

  /**
   * Whether a timer runs for the rows that wait. Newer rows are not due earlier, unless they fill a
   * batch.
   */
  get armed() {
    return this.#armed
  }

  /** Starts a pass if a batch is due; if not, sets a timer to look again. */
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

  /** Stops the timer. */
  stop() {
    this.runtime.clearTimer(this.#timer)
    this.#timer = undefined
    this.#armed = false
  }

  /** Ends the pause after a failure. */
  clear() {
    this.#failures = 0
    this.#rest = undefined
  }

  /**
   * Chooses the pause after a failure.
   *
   * @param {unknown} error
   * @returns {number} the pause in milliseconds
   */
  failed(error) {
    const { backoffMsMin, backoffMsMax } = this.settings
    const longest = Math.min(backoffMsMin * 2 ** this.#failures, backoffMsMax)
    const random = Number(this.runtime.seed() & 0xffffffffn) / 2 ** 32
    const asked = /** @type {any} */ (error)?.retryAfterMs ?? 0
    const ms = Math.max(asked, backoffMsMin / 2 + random * longest)
    this.pause(ms)
    return ms
  }

  /**
   * Begins a pause, after a failure of this page or of another page with the same servers.
   *
   * @param {number} ms
   */
  pause(ms) {
    this.#failures += 1
    this.#rest = { from: this.runtime.now(), ms }
  }

  async #look() {
    if (!this.calls.idle()) return
    // The database is not read during the pause: it may be what failed.
    const wait = this.restLeft || (await this.#dueIn())
    if (!this.calls.idle()) return
    if (wait === 0) this.calls.pass()
    else if (wait !== undefined || !this.calls.told()) this.#wait(wait)
  }

  /** @param {number} [ms] undefined if no rows are known to wait */
  #wait(ms) {
    this.#armed = ms !== undefined
    const most = this.calls.told() ? TIMER_MS_MAX : LOOK_MS
    this.#timer = this.runtime.setTimer(() => this.wake(), Math.min(ms ?? most, most))
    // If no rows wait, a program in Node may end.
    if (!this.#armed) this.#timer?.unref?.()
  }

  /** @returns {Promise<number | undefined>} in milliseconds; undefined if no rows wait */
  async #dueIn() {
    const { rows, bytes, batches, oldest, flushTo } = await this.store.outlook()
    const { rowsMax, bytesMax, ageMs } = this.settings.limits
    if (batches.some(({ state }) => state === 'sealed')) return 0
    if (oldest === undefined) return undefined
    const free = { rows: rows - total(batches, 'rows'), bytes: bytes - total(batches, 'bytes') }
    const full = free.rows >= rowsMax || free.bytes >= bytesMax
    return full || oldest.seq <= flushTo ? 0 : msLeft(oldest.at, ageMs, this.runtime.now())
  }
}

/**
 * @param {import('./outbox-contents.js').Batch[]} batches
 * @param {'rows' | 'bytes'} what
 */
export function total(batches, what) {
  return batches.reduce((sum, batch) => sum + batch[what], 0)
}
