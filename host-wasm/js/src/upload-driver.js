// Performs the actions that core's upload machine asks for: requests, grants, waits. The machine
// decides about retries; this file does not.

import { ColdpressError, fullMessage } from './error.js'
import { CorsWatch } from './upload-cors.js'
import { askFailure } from './upload-grants.js'

/** @import { SentRequest } from './upload-cors.js' */
/** @import { Runtime } from './runtime.js' */

// Every error of a store is shorter. Of a longer body, only the beginning is read.
const BODY_BYTES_MAX = 64 * 1024

/**
 * The machine as host-wasm/src/upload.rs binds it.
 *
 * @typedef {object} Machine
 * @property {(now: number) => Action | undefined} poll
 * @property {() => number | undefined} nextTimeout
 * @property {(id: number, status: number, headers: string[], body: Uint8Array, now: number) =>
 *   void} handleResponse
 * @property {(id: number, message: string, now: number) => void} handleFailure
 * @property {(grant: string, now: number) => void} handleGrant
 * @property {(code: string, message: string, retryAfterMs: number | undefined, now: number) =>
 *   void} handleGrantFailure
 * @property {(now: number) => void} abort
 * @property {() => Progress} progress
 * @property {() => Outcome | undefined} outcome
 *
 * @typedef {import('../index.js').UploadProgress} Progress
 * @typedef {{ key: string, bytes: number, created: boolean } | { error: any }} Outcome
 * @typedef {{ type: 'request', id: number, method: string, url: string, headers: [string,
 *   string][], start?: number, end?: number, body?: Uint8Array }} RequestAction
 * @typedef {RequestAction | { type: 'grant', id: number, uploadId?: string } | { type: 'cancel',
 *   id: number }} Action
 */

/**
 * @typedef {object} UploadJob what a driver needs to store one file
 * @property {Machine} machine
 * @property {Uint8Array} bytes
 * @property {(uploadId: string | undefined, signal: AbortSignal) => Promise<object>} ask
 * @property {() => string | undefined} key the key of the latest grant
 * @property {Runtime} runtime
 * @property {AbortSignal} [signal]
 * @property {(progress: Progress) => void} [onProgress]
 * @property {() => void} [onRequest] called before a request that could store bytes
 */

/**
 * Runs a machine to its end.
 *
 * @param {UploadJob} job
 * @returns {Promise<{ key: string, bytes: number, created: boolean }>}
 */
export function drive(job) {
  return new Driver(job).run()
}

class Driver {
  /** @param {UploadJob} job */
  constructor(job) {
    this.job = job
    this.machine = job.machine
    this.runtime = job.runtime
    this.cors = new CorsWatch(job.runtime)
    /** @type {Map<number, AbortController>} */
    this.running = new Map()
    /** @type {any} */
    this.timer = undefined
    /** @type {unknown} why the driver aborted the machine, which itself would have gone on */
    this.giveUpReason = undefined
    this.shown = ''
    this.ended = false
  }

  /** @returns {Promise<{ key: string, bytes: number, created: boolean }>} */
  async run() {
    const { signal } = this.job
    const onAbort = () => this.#giveUp(
      new ColdpressError('Aborted', 'the upload was aborted', { cause: signal?.reason }),
    )
    const stopListening = this.runtime.onOnline(() => this.#step())
    try {
      return await new Promise((resolve, reject) => {
        this.resolve = resolve
        this.reject = reject
        signal?.addEventListener('abort', onAbort)
        if (signal?.aborted) onAbort()
        else this.#step()
      })
    } finally {
      this.ended = true
      signal?.removeEventListener('abort', onAbort)
      stopListening()
      this.runtime.clearTimer(this.timer)
      for (const controller of this.running.values()) controller.abort()
    }
  }

  /** Performs the machine's next actions: it may have new ones after each answer and timeout. */
  #step() {
    if (this.ended) return
    this.runtime.clearTimer(this.timer)
    // Without a network every attempt would fail at once. So the machine is not polled until the
    // runtime says that the network is back.
    if (!this.runtime.online() && this.giveUpReason === undefined) return this.#report()
    try {
      const next = () => this.machine.poll(this.runtime.now())
      for (let action; (action = next()) !== undefined; ) this.#perform(action)
      const outcome = this.machine.outcome()
      if (outcome !== undefined) return this.#end(outcome)
      this.#setTimer(this.machine.nextTimeout())
    } catch (error) {
      return this.reject?.(error)
    }
    this.#report()
  }

  /** @param {number | undefined} atMs */
  #setTimer(atMs) {
    if (atMs === undefined) return
    const waitMs = Math.max(atMs - this.runtime.now(), 0)
    this.timer = this.runtime.setTimer(() => this.#step(), waitMs)
  }

  /** @param {Outcome} outcome */
  #end(outcome) {
    if ('key' in outcome) {
      // The object is stored, even if the caller aborted meanwhile.
      this.#report()
      return this.resolve?.(outcome)
    }
    const { error } = outcome
    // The outbox relies on this: with a key, the store is known to hold other content there.
    if (error?.code === 'Conflict') error.key = this.job.key()
    this.reject?.(this.#ending(error))
  }

  /** @param {any} error the error of the machine */
  #ending(error) {
    const { giveUpReason } = this
    const isAbort = giveUpReason instanceof ColdpressError && giveUpReason.code === 'Aborted'
    // The machine's message also says whether the file may be in the store.
    if (isAbort && error?.code === 'Aborted') {
      return new ColdpressError('Aborted', error.message, { cause: giveUpReason.cause })
    }
    return giveUpReason ?? error
  }

  #report() {
    const { onProgress } = this.job
    if (onProgress === undefined || this.giveUpReason !== undefined) return
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
    // The machine does not know that the network is gone.
    const sleeps = progress.phase !== 'over' && this.running.size === 0 && !this.runtime.online()
    if (!sleeps) return progress
    const attempt = progress.retry?.attempt ?? 1
    return { ...progress, phase: 'waiting', retry: { attempt, reason: 'this device is offline' } }
  }

  /**
   * Aborts the machine, which first cleans up.
   *
   * @param {unknown} reason the error of the upload
   */
  #giveUp(reason) {
    if (this.ended) return
    this.giveUpReason ??= reason
    this.machine.abort(this.runtime.now())
    this.#step()
  }

  /** @param {Action} action */
  #perform(action) {
    if (action.type === 'cancel') {
      this.running.get(action.id)?.abort()
      this.running.delete(action.id)
    } else {
      const controller = new AbortController()
      this.running.set(action.id, controller)
      const done = action.type === 'grant'
        ? this.#ask(action, controller)
        : this.#request(action, controller)
      done.catch((error) => this.reject?.(error))
    }
  }

  /**
   * @param {{ id: number, uploadId?: string }} question
   * @param {AbortController} controller
   */
  async #ask({ id, uploadId }, controller) {
    /** @type {{ grant: object } | { error: unknown }} */
    const answer = await this.#granted(uploadId, controller.signal)
      .then((grant) => ({ grant }), (error) => ({ error }))
    if (!this.#ends(id, controller)) return
    if ('error' in answer) {
      this.#refused(answer.error)
    } else {
      try {
        // `JSON.stringify(undefined)` is undefined.
        this.machine.handleGrant(JSON.stringify(answer.grant) ?? 'null', this.runtime.now())
      } catch (error) {
        this.#refused(error)
      }
    }
    this.#step()
  }

  /** @param {unknown} error */
  #refused(error) {
    const { code, message, retryAfterMs } = askFailure(error)
    // This error ends the upload: the caller gets it unchanged.
    if (code !== 'Unavailable') this.giveUpReason ??= error
    this.machine.handleGrantFailure(code, message, retryAfterMs, this.runtime.now())
  }

  /**
   * @param {string | undefined} uploadId
   * @param {AbortSignal} signal
   */
  async #granted(uploadId, signal) {
    try {
      return await this.job.ask(uploadId, signal)
    } catch (error) {
      // That multipart upload was completed or aborted meanwhile. The machine begins another one.
      const isGone = error instanceof ColdpressError && error.code === 'NotFound'
      if (uploadId === undefined || !isGone) throw error
      return this.job.ask(undefined, signal)
    }
  }

  /**
   * @param {RequestAction} action
   * @param {AbortController} controller
   */
  async #request(action, controller) {
    const { id, method, url } = action
    const headers = sendable(action.headers)
    this.job.onRequest?.()
    const sent = this.cors.sent(method, url, headers.map(([name]) => name))
    try {
      const { signal } = controller
      const init = { method, headers, body: this.#body(action), signal }
      const response = await this.runtime.fetch(url, init)
      this.cors.answered(sent)
      const body = await bodyOf(response)
      if (!this.#ends(id, controller)) return
      const pairs = [...response.headers].flat()
      this.machine.handleResponse(id, response.status, pairs, body, this.runtime.now())
    } catch (error) {
      if (!(await this.#failed(action, sent, controller, error))) return
    }
    this.#step()
  }

  /** @param {RequestAction} action */
  #body({ start, end, body }) {
    const bytes = start === undefined ? body : this.job.bytes.subarray(start, end)
    return /** @type {BodyInit | undefined} */ (bytes)
  }

  /**
   * @param {RequestAction} action
   * @param {SentRequest} sent
   * @param {AbortController} controller
   * @param {unknown} error
   */
  async #failed({ id }, sent, controller, error) {
    const isOpen = this.running.get(id) === controller && this.giveUpReason === undefined
    const missing = isOpen && this.runtime.online() ? await this.cors.failed(sent) : undefined
    if (!this.#ends(id, controller)) return false
    const message = `${sent.server}: ${fullMessage(error)}`
    this.machine.handleFailure(id, message, this.runtime.now())
    if (missing) this.#giveUp(missing)
    return true
  }

  /**
   * Removes a request from those that run. Returns false if it was cancelled before: then its
   * answer is ignored.
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
 * The headers without `content-length`: the runtime sets it, and forbids others to.
 *
 * @param {[string, string][]} headers
 * @returns {[string, string][]}
 */
function sendable(headers) {
  return headers.filter(([name]) => name.toLowerCase() !== 'content-length')
}

/**
 * The body of an answer, which the machine looks at: even a 200 may carry an error. After a body
 * that was read to its end, the next request can use the connection.
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
