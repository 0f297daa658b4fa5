// A clock for tests of uploads. It stands still while a request is under way, and jumps to the next
// timer once none is: waiting costs a test nothing, and a slow machine changes nothing.

/** @import { Runtime } from '../../../host-wasm/js/src/runtime.js' */

/** The header by which a server can tell which request it will never answer. */
export const REQUEST_HEADER = 'x-test-request'

export class Clock {
  #nowMs
  #numbers = 0
  /** Requests that are not answered yet. */
  #underWay = new Set()
  /** @type {Map<number, { at: number, run: () => void }>} */
  #timers = new Map()
  #isLooking = false

  /**
   * @param {Runtime} runtime what the package itself uses
   * @param {number} [nowMs]
   */
  constructor(runtime, nowMs = Date.now()) {
    this.base = runtime
    this.#nowMs = nowMs
  }

  now() {
    return this.#nowMs
  }

  /** Moves the clock while requests are under way; timers that are due by then run once none is. */
  advance(ms) {
    this.#nowMs += ms
  }

  /**
   * Waits until the clock has moved on by `ms`. Meanwhile the request that waits does not hold the
   * clock.
   */
  sleep(ms) {
    return new Promise((resolve) => this.#setTimer(resolve, ms))
  }

  /** Request `number` gets no answer: the clock need not wait for it. */
  release(number) {
    this.#underWay.delete(Number(number))
    this.#look()
  }

  /**
   * The runtime, on this clock.
   *
   * @param {Partial<Runtime>} [other] replacements of a test; `fetch` gets the request's
   *   number as a third argument
   * @returns {Runtime}
   */
  runtime({ fetch = (url, init) => globalThis.fetch(url, init), ...other } = {}) {
    return {
      ...this.base,
      now: () => this.#nowMs,
      setTimer: (run, ms) => this.#setTimer(run, ms),
      clearTimer: (timer) => this.#timers.delete(timer),
      fetch: (url, init) => this.#fetched(fetch, url, init),
      ...other,
    }
  }

  async #fetched(fetch, url, init) {
    const number = ++this.#numbers
    this.#underWay.add(number)
    try {
      const headers = new Headers(init.headers)
      headers.set(REQUEST_HEADER, String(number))
      const response = await fetch(url, { ...init, headers }, number)
      // With its whole body, so that the clock does not move while that is read.
      const body = await response.arrayBuffer()
      const { status, statusText } = response
      return new Response(body.byteLength > 0 ? body : null, {
        status,
        statusText,
        headers: response.headers,
      })
    } finally {
      this.release(number)
    }
  }

  #setTimer(run, ms) {
    const timer = ++this.#numbers
    this.#timers.set(timer, { at: this.#nowMs + ms, run })
    this.#look()
    return timer
  }

  /**
   * Runs the next timer if no request runs, after the code that waited for an answer has run.
   */
  #look() {
    if (this.#isLooking) return
    this.#isLooking = true
    setImmediate(() =>
      setImmediate(() => {
        this.#isLooking = false
        if (this.#underWay.size > 0 || this.#timers.size === 0) return
        const [timer, { at, run }] = [...this.#timers].reduce((
          first,
          other,
        ) => (other[1].at < first[1].at ? other : first))
        this.#timers.delete(timer)
        this.#nowMs = Math.max(this.#nowMs, at)
        run()
        this.#look()
      })
    )
  }
}
