// One file on its way: what must stay the same when it is sent again, and the sending.

import { ColdpressError, stopIfAborted } from './error.js'
import { drive } from './upload-driver.js'
import { withFirstGrant, withUpload } from './upload-machine.js'

/** @import { EncodedFile, Grant, GrantRequest, UploadProgress, UploadResult } from '../index.js' */
/** @import { World } from './upload-world.js' */

/**
 * @typedef {object} FileTarget
 * @property {bigint | number | string} [tenant] unknown until the first grant tells it
 * @property {string} collection
 * @property {{ min: bigint, max: bigint }} lsns
 * @property {0 | 20} [lsnWidth]
 * @property {string} [encodings] what the grant says
 *
 * @typedef {object} Source where grants come from
 * @property {Grant} [fixed] the only one
 * @property {(request: GrantRequest, signal: AbortSignal) => Promise<Grant>} ask
 *
 * @typedef {object} Run how the file is sent, this time
 * @property {Source} source
 * @property {World} world
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

/** Rows that nobody will ever send hold memory of the module, which no collector sees. */
const abandoned = typeof FinalizationRegistry === 'function'
  ? new FinalizationRegistry((/** @type {any} */ encoder) => encoder.dispose())
  : undefined

/** One file, its LSNs and its tenant, however often it is sent. */
export class Shipment {
  #tools
  #target
  /** @type {any} the rows, until there is a file */
  #encoder
  /** @type {Promise<EncodedFile> | EncodedFile | undefined} */
  #file
  /** No file can be made of these rows. */
  #isVoid = false

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
   * Stores the file. Where that fails, the error can send the same file again.
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
      throw this.#isVoid ? error : this.#repeatable(error, run)
    }
  }

  /** @param {Run} run */
  async #encoded(run) {
    if (this.#file === undefined && this.#target.tenant === undefined) {
      const { tenant, encodings } = await this.#askTenant(run)
      // Another try may have found it meanwhile; a file of one tenant never becomes another's.
      if (this.#target.tenant === undefined) Object.assign(this.#target, { tenant, encodings })
    }
    this.#file ??= this.#finish()
    return this.#file
  }

  async #finish() {
    try {
      return await this.#encoder.finish(this.#target, { signal: undefined })
    } catch (error) {
      this.#isVoid = true
      throw error
    } finally {
      abandoned?.unregister(this)
      this.#encoder.dispose()
      this.#encoder = undefined
    }
  }

  /**
   * Only who grants knows the tenant that a token stands for; the key of a grant tells.
   *
   * @param {Run} run
   */
  async #askTenant(run) {
    const { engine, targetOfKey } = this.#tools
    const { source, world, signal } = run
    // That this question is over is not that the upload is.
    const onProgress = (/** @type {UploadProgress} */ progress) => {
      if (progress.phase !== 'over') run.onProgress?.(progress)
    }
    let encodings
    const ask = async (/** @type {unknown} */ _, /** @type {AbortSignal} */ asking) => {
      const grant = await source.ask(this.#question(), asking)
      encodings = grant?.encodings
      return grant
    }
    const { key } = await withFirstGrant(engine, run, world, (machine) =>
      drive({ machine, bytes: new Uint8Array(0), ask, key: () => undefined, world, signal, onProgress }))
    return { ...(await targetOfKey(key)), encodings }
  }

  /**
   * @param {EncodedFile} file
   * @param {Run} run
   */
  async #sent(file, run) {
    const { engine, targetOfKey } = this.#tools
    const { source, world, signal, onProgress, onRequest } = run
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
    const ask = async (/** @type {string | undefined} */ uploadId, /** @type {AbortSignal} */ asking) => {
      const more = uploadId === undefined ? about : { ...about, upload_id: uploadId }
      return check(await source.ask({ ...this.#question(), ...more }, asking))
    }
    const errand = { ...run, ...about, grant: source.fixed }
    const outcome = await withUpload(engine, errand, world, (machine) =>
      drive({ machine, bytes: file.bytes, ask, key: () => key, world, signal, onProgress, onRequest }))
    return { ...outcome, rows: file.rows, sha256 }
  }

  /** @returns {GrantRequest} */
  #question() {
    const { collection, lsns } = this.#target
    return { collection, min_lsn: String(lsns.min), max_lsn: String(lsns.max) }
  }

  /**
   * Gives an error the LSNs and the way to send the same file again. Both are hidden from loggers:
   * JSON has no BigInt.
   *
   * @param {any} error
   * @param {Run} run
   */
  #repeatable(error, run) {
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
 * A file says in its metadata whose it is, so it may lie under no other key.
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
  throw new ColdpressError('Denied', `the grant is for ${theirs}, but the file was encoded for ${ours}`)
}
