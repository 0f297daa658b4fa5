// Carries out what the upload machine of core asks for: requests, grants, waiting. Decides nothing about retries.

import { ColdpressError } from './error.js'
import { CorsWatch } from './upload-cors.js'
import { askFailure } from './upload-grants.js'

/** @import { Trial } from './upload-cors.js' */
/** @import { World } from './upload-world.js' */

// The whole of an error a store answers with; what is longer is not one.
const BODY_BYTES_MAX = 64 * 1024

/**
 * The machine as host-wasm/src/upload.rs binds it.
 *
 * @typedef {object} Machine
 * @property {(now: number) => Action | undefined} poll
 * @property {() => number | undefined} nextTimeout
 * @property {(id: number, status: number, headers: string[], body: Uint8Array, now: number) => void} handleResponse
 * @property {(id: number, message: string, now: number) => void} handleFailure
 * @property {(grant: string, now: number) => void} handleGrant
 * @property {(code: string, message: string, retryAfterMs: number | undefined, now: number) => void} handleGrantFailure
 * @property {(now: number) => void} abort
 * @property {() => Progress} progress
 * @property {() => Outcome | undefined} outcome
 *
 * @typedef {import('../index.js').UploadProgress} Progress
 * @typedef {{ key: string, bytes: number, created: boolean } | { error: any }} Outcome
 * @typedef {{ type: 'request', id: number, method: string, url: string, headers: [string, string][],
 *   start?: number, end?: number, body?: Uint8Array }} RequestAction
 * @typedef {RequestAction | { type: 'grant', id: number, uploadId?: string } | { type: 'cancel', id: number }} Action
 */

/**
 * @typedef {object} Errand
 * @property {Machine} machine
 * @property {Uint8Array} bytes
 * @property {(uploadId: string | undefined, signal: AbortSignal) => Promise<object>} ask
 * @property {() => string | undefined} key that of the latest grant
 * @property {World} world
 * @property {AbortSignal} [signal]
 * @property {(progress: Progress) => void} [onProgress]
 * @property {() => void} [onRequest] called before a request that could store bytes
 */

/**
 * Runs a machine to its end.
 *
 * @param {Errand} errand
 * @returns {Promise<{ key: string, bytes: number, created: boolean }>}
 */
export function drive(errand) {
  return new Driver(errand).run()
}

class Driver {
  /** @param {Errand} errand */
  constructor(errand) {
    this.errand = errand
    this.machine = errand.machine
    this.world = errand.world
    this.cors = new CorsWatch(errand.world)
    /** @type {Map<number, AbortController>} */
    this.running = new Map()
    /** @type {any} */
    this.timer = undefined
    /** @type {unknown} why it was given up, where the machine itself would have gone on */
    this.verdict = undefined
    this.shown = ''
    this.ended = false
  }

  /** @returns {Promise<{ key: string, bytes: number, created: boolean }>} */
  async run() {
    const { signal } = this.errand
    const onAbort = () => this.#giveUp(new ColdpressError('Aborted', 'the upload was aborted', { cause: signal?.reason }))
    const stopListening = this.world.onOnline(() => this.#turn())
    try {
      return await new Promise((resolve, reject) => {
        this.resolve = resolve
        this.reject = reject
        signal?.addEventListener('abort', onAbort)
        if (signal?.aborted) onAbort()
        else this.#turn()
      })
    } finally {
      this.ended = true
      signal?.removeEventListener('abort', onAbort)
      stopListening()
      this.world.clearTimer(this.timer)
      for (const controller of this.running.values()) controller.abort()
    }
  }

  /** Gives the machine its turn: it may have new wishes after every answer and every timeout. */
  #turn() {
    if (this.ended) return
    this.world.clearTimer(this.timer)
    // Without a network every try would fail at once: the machine sleeps until the runtime wakes us.
    if (!this.world.online() && this.verdict === undefined) return this.#report()
    try {
      for (let action; (action = this.machine.poll(this.world.now())) !== undefined; ) this.#perform(action)
      const outcome = this.machine.outcome()
      if (outcome !== undefined) return this.#end(outcome)
      const next = this.machine.nextTimeout()
      if (next !== undefined) this.timer = this.world.setTimer(() => this.#turn(), Math.max(next - this.world.now(), 0))
    } catch (error) {
      return this.reject?.(error)
    }
    this.#report()
  }

  /** @param {Outcome} outcome */
  #end(outcome) {
    if ('key' in outcome) {
      // All bytes were confirmed before an abort could reach the store.
      this.#report()
      return this.resolve?.(outcome)
    }
    const { error } = outcome
    // A caller may build on it: the store was seen to hold other content there.
    if (error?.code === 'Conflict') error.key = this.errand.key()
    this.reject?.(this.#ending(error))
  }

  /** @param {any} error the machine's own */
  #ending(error) {
    const { verdict } = this
    const isAbort = verdict instanceof ColdpressError && verdict.code === 'Aborted'
    // Only the machine knows whether the file may be in the store all the same.
    if (isAbort && error?.code === 'Aborted') {
      return new ColdpressError('Aborted', error.message, { cause: verdict.cause })
    }
    return verdict ?? error
  }

  #report() {
    const { onProgress } = this.errand
    if (onProgress === undefined || this.verdict !== undefined) return
    try {
      const progress = this.#progress()
      const shown = JSON.stringify(progress)
      if (shown === this.shown) return
      this.shown = shown
      onProgress(progress)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /** @returns {Progress} */
  #progress() {
    const progress = this.machine.progress()
    // The machine is not told of this: it cannot know when the network returns.
    const sleeps = progress.phase !== 'over' && this.running.size === 0 && !this.world.online()
    if (!sleeps) return progress
    const attempt = progress.retry?.attempt ?? 1
    return { ...progress, phase: 'waiting', retry: { attempt, reason: 'this device is offline' } }
  }

  /** @param {unknown} reason what the caller is told once the machine has cleaned up */
  #giveUp(reason) {
    if (this.ended) return
    this.verdict ??= reason
    this.machine.abort(this.world.now())
    this.#turn()
  }

  /** @param {Action} action */
  #perform(action) {
    if (action.type === 'cancel') {
      this.running.get(action.id)?.abort()
      this.running.delete(action.id)
    } else {
      const controller = new AbortController()
      this.running.set(action.id, controller)
      const done = action.type === 'grant' ? this.#ask(action, controller) : this.#request(action, controller)
      done.catch((error) => this.reject?.(error))
    }
  }

  /**
   * @param {{ id: number, uploadId?: string }} question
   * @param {AbortController} controller
   */
  async #ask({ id, uploadId }, controller) {
    /** @type {{ grant: object } | { error: unknown }} */
    const answer = await this.#granted(uploadId, controller.signal).then((grant) => ({ grant }), (error) => ({ error }))
    if (!this.#ends(id, controller)) return
    if ('error' in answer) {
      this.#refused(answer.error)
    } else {
      try {
        // A function that gives nothing gives no JSON either.
        this.machine.handleGrant(JSON.stringify(answer.grant) ?? 'null', this.world.now())
      } catch (error) {
        this.#refused(error)
      }
    }
    this.#turn()
  }

  /** @param {unknown} error */
  #refused(error) {
    const { code, message, retryAfterMs } = askFailure(error)
    // What ends the upload is told in the words of whoever refused.
    if (code !== 'Unavailable') this.verdict ??= error
    this.machine.handleGrantFailure(code, message, retryAfterMs, this.world.now())
  }

  /**
   * @param {string | undefined} uploadId
   * @param {AbortSignal} signal
   */
  async #granted(uploadId, signal) {
    try {
      return await this.errand.ask(uploadId, signal)
    } catch (error) {
      // That upload was completed or aborted meanwhile: the machine begins again with another.
      const gone = uploadId !== undefined && error instanceof ColdpressError && error.code === 'NotFound'
      if (!gone) throw error
      return this.errand.ask(undefined, signal)
    }
  }

  /**
   * @param {RequestAction} action
   * @param {AbortController} controller
   */
  async #request(action, controller) {
    const { id, method, url } = action
    const headers = sendable(action.headers)
    this.errand.onRequest?.()
    const trial = this.cors.sent(method, url, headers.map(([name]) => name))
    try {
      const response = await this.world.fetch(url, { method, headers, body: this.#body(action), signal: controller.signal })
      this.cors.answered(trial)
      const body = await bodyOf(response)
      if (!this.#ends(id, controller)) return
      this.machine.handleResponse(id, response.status, [...response.headers].flat(), body, this.world.now())
    } catch (error) {
      if (!(await this.#failed(action, trial, controller, error))) return
    }
    this.#turn()
  }

  /** @param {RequestAction} action */
  #body({ start, end, body }) {
    const bytes = start === undefined ? body : this.errand.bytes.subarray(start, end)
    return /** @type {BodyInit | undefined} */ (bytes)
  }

  /**
   * @param {RequestAction} action
   * @param {Trial} trial
   * @param {AbortController} controller
   * @param {unknown} error
   */
  async #failed({ id }, trial, controller, error) {
    const looked = this.running.get(id) === controller && this.world.online() && this.verdict === undefined
    const missing = looked ? await this.cors.failed(trial) : undefined
    if (!this.#ends(id, controller)) return false
    const message = `${trial.server}: ${String(/** @type {any} */ (error)?.message ?? error)}`
    this.machine.handleFailure(id, message, this.world.now())
    if (missing) this.#giveUp(missing)
    return true
  }

  /**
   * Takes a request off the list; false where it was cancelled, so that nobody wants its answer.
   *
   * @param {number} id
   * @param {AbortController} controller
   */
  #ends(id, controller) {
    if (this.ended || this.running.get(id) !== controller) return false
    this.running.delete(id)
    return true
  }
}

/**
 * The runtime sets the length itself and refuses to be told.
 *
 * @param {[string, string][]} headers
 * @returns {[string, string][]}
 */
function sendable(headers) {
  return headers.filter(([name]) => name.toLowerCase() !== 'content-length')
}

/**
 * What the machine may look at: a 200 can carry an error. A body that is read to its end leaves the connection to the next
 * request; one that is cancelled takes it along.
 *
 * @param {Response} response
 */
async function bodyOf(response) {
  const taken = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    taken.push(value)
    length += value.length
    if (length >= BODY_BYTES_MAX) {
      await reader.cancel()
      break
    }
  }
  const body = new Uint8Array(length)
  let at = 0
  for (const piece of taken) {
    body.set(piece, at)
    at += piece.length
  }
  return body
}
