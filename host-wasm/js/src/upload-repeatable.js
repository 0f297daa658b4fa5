// An upload that can be repeated: it keeps the file, its LSNs and its tenant, and sends them again.

import { ColdpressError, stopIfAborted } from './error.js'
import { drive } from './upload-driver.js'
import { withFirstGrant, withUpload } from './upload-machine.js'

/** @import { EncodedFile, Grant, GrantRequest, UploadProgress, UploadResult } from '../index.js' */
/** @import { Runtime } from './runtime.js' */

/**
 * @typedef {object} FileTarget
 * @property {bigint | number | string} [tenant] undefined until the first grant says it
 * @property {string} collection
 * @property {{ min: bigint, max: bigint }} lsns
 * @property {0 | 20} [lsnWidth]
 * @property {string} [encodings] as the grant says
 *
 * @typedef {object} Source where grants come from
 * @property {Grant} [fixed] the grant that the caller passed, instead of a function
 * @property {(request: GrantRequest, signal: AbortSignal) => Promise<Grant>} ask
 *
 * @typedef {object} Run how the file is sent this time
 * @property {Source} source
 * @property {Runtime} runtime
 * @property {AbortSignal} [signal]
 * @property {(progress: UploadProgress) => void} [onProgress]
 * @property {() => void} [onRequest]
 * @property {number} [concurrency]
 * @property {number} [retries]
 * @property {number} [timeoutMs]
 *
 * @typedef {object} Tools
 * @property {import('./engine.js').Engine} engine
 * @property {(key: unknown) => Promise<FileTarget>} targetOfKey
 * @property {(run: Run, options: object) => Run} runAgain
 */

/**
 * Rows that are never sent hold memory of the module, which the garbage collector does not see. So
 * the encoder of a lost upload is disposed of here.
 */
const abandoned = typeof FinalizationRegistry === 'function'
  ? new FinalizationRegistry((/** @type {any} */ encoder) => encoder.dispose())
  : undefined

/** One file, its LSNs and its tenant. They stay the same in every attempt. */
export class RepeatableUpload {
  #tools
  #target
  /** @type {any} the encoder with the rows, until there is a file */
  #encoder
  /** @type {Promise<EncodedFile> | EncodedFile | undefined} */
  #file
  /** The rows cannot be encoded, so no retry can help. */
  #cannotEncode = false

  /**
   * @param {Tools} tools
   * @param {FileTarget} target
   * @param {{ file?: EncodedFile, encoder?: any }} contents
   */
  constructor(tools, target, { file, encoder }) {
    this.#tools = tools
    this.#target = target
    this.#file = file
    this.#encoder = encoder
    if (encoder) abandoned?.register(this, encoder, this)
  }

  /**
   * Stores the file. If that fails, the error has a `retry` that sends the same file again.
   *
   * @param {Run} run
   * @returns {Promise<UploadResult>}
   */
  async send(run) {
    try {
      stopIfAborted(run.signal)
      const file = await this.#encoded(run)
      return await this.#sent(file, run)
    } catch (error) {
      throw this.#cannotEncode ? error : this.#withRetry(error, run)
    }
  }

  /** @param {Run} run */
  async #encoded(run) {
    if (this.#file === undefined && this.#target.tenant === undefined) {
      const { tenant, encodings } = await this.#askTenant(run)
      // Another attempt may have set it meanwhile. It must never change: the file is the tenant's.
      if (this.#target.tenant === undefined) Object.assign(this.#target, { tenant, encodings })
    }
    this.#file ??= this.#finish()
    return this.#file
  }

  async #finish() {
    try {
      return await this.#encoder.finish(this.#target, { signal: undefined })
    } catch (error) {
      this.#cannotEncode = true
      throw error
    } finally {
      abandoned?.unregister(this)
      this.#encoder.dispose()
      this.#encoder = undefined
    }
  }

  /**
   * The tenant of the caller's token. Only the grant server knows it, so the key of a first grant
   * tells it.
   *
   * @param {Run} run
   */
  async #askTenant(run) {
    const { engine, targetOfKey } = this.#tools
    const { source, runtime, signal } = run
    // The end of this first request is not the end of the upload.
    const onProgress = (/** @type {UploadProgress} */ progress) => {
      if (progress.phase !== 'over') run.onProgress?.(progress)
    }
    let encodings
    const ask = async (/** @type {unknown} */ _, /** @type {AbortSignal} */ asking) => {
      const grant = await source.ask(this.#question(), asking)
      encodings = grant?.encodings
      return grant
    }
    const job = { bytes: new Uint8Array(0), ask, key: () => undefined, runtime, signal, onProgress }
    const { key } = await withFirstGrant(engine, run, runtime, (machine) =>
      drive({ machine, ...job }))
    return { ...(await targetOfKey(key)), encodings }
  }

  /**
   * @param {EncodedFile} file
   * @param {Run} run
   */
  async #sent(file, run) {
    const { engine, targetOfKey } = this.#tools
    const { source, runtime, signal, onProgress, onRequest } = run
    const sha256 = await file.sha256()
    const about = { bytes: file.bytes.length, sha256 }
    const ours = await targetOfKey(file.key)
    let key = source.fixed?.key
    const check = async (/** @type {Grant} */ given) => {
      agreed(ours, await targetOfKey(given?.key))
      key = given.key
      return given
    }
    if (source.fixed) await check(source.fixed)
    /** @param {string | undefined} uploadId @param {AbortSignal} asking */
    const ask = async (uploadId, asking) => {
      const more = uploadId === undefined ? about : { ...about, upload_id: uploadId }
      return check(await source.ask({ ...this.#question(), ...more }, asking))
    }
    const job = { bytes: file.bytes, ask, key: () => key, runtime, signal, onProgress, onRequest }
    const what = { ...run, ...about, grant: source.fixed }
    const outcome = await withUpload(engine, what, runtime, (machine) => drive({ machine, ...job }))
    return { ...outcome, rows: file.rows, sha256 }
  }

  /** @returns {GrantRequest} */
  #question() {
    const { collection, lsns } = this.#target
    return { collection, min_lsn: String(lsns.min), max_lsn: String(lsns.max) }
  }

  /**
   * Gives an error its `lsns` and its `retry`. Neither is enumerable: `JSON.stringify` in a logger
   * would fail at a BigInt.
   *
   * @param {any} error
   * @param {Run} run
   */
  #withRetry(error, run) {
    const { min, max } = this.#target.lsns
    const hidden = (/** @type {unknown} */ value) =>
      ({ value, enumerable: false, configurable: true, writable: true })
    const retry = async (/** @type {object} */ options = {}) =>
      this.send(this.#tools.runAgain(run, options))
    const isOpen = typeof error === 'object' && error !== null && Object.isExtensible(error)
    const carrier = isOpen ? error : new ColdpressError(
      'Misuse',
      `a function that was passed to upload threw ${String(error)}; throw an Error, and call `
        + 'error.retry() to send the same file again',
      { cause: error },
    )
    return Object.defineProperties(carrier, { lsns: hidden({ min, max }), retry: hidden(retry) })
  }
}

/**
 * Checks that the grant is for this file. The file's metadata names its target, so it must not be
 * stored under the key of another one.
 *
 * @param {FileTarget} file
 * @param {FileTarget} granted
 */
function agreed(file, granted) {
  const [ours, theirs] = [file, granted].map(
    ({ tenant, collection, lsns }) =>
      `tenant ${tenant}, collection ${JSON.stringify(collection)}, LSNs ${lsns.min} to ${lsns.max}`,
  )
  if (ours === theirs) return
  const message = `the grant is for ${theirs}, but the file was encoded for ${ours}`
  throw new ColdpressError('Denied', message)
}
