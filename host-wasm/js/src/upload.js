// Rows or a finished file, by a grant, into the store.

import { ColdpressError } from './error.js'
import { timeRange } from './lsn.js'
import { drive } from './upload-driver.js'
import { grantsFrom } from './upload-grants.js'
import { withMachine } from './upload-machine.js'
import { worldWith } from './upload-world.js'

/** @import { Engine } from './engine.js' */
/** @import { EncodedFile, EncodeOptions, GetGrant, Grant, UploadOptions, UploadResult } from '../index.js' */
/** @import { World } from './upload-world.js' */

/** @typedef {{ tenant: bigint, collection: string, lsns: { min: bigint, max: bigint } }} FileTarget */

/**
 * The upload half of the package, on one engine.
 *
 * @param {Engine} engine
 * @param {{ Encoder: new (options?: EncodeOptions) => any }} encoding
 */
export function uploads(engine, { Encoder }) {
  /**
   * Stores rows, or a file that was encoded before, as one object.
   *
   * @param {Grant | GetGrant} grant
   * @param {unknown} rows
   * @param {UploadOptions & { world?: World, onRequest?: () => void }} [options]
   * @returns {Promise<UploadResult>}
   */
  async function upload(grant, rows, options = {}) {
    const { signal, onProgress, onRequest, concurrency, retries, timeoutMs } = options
    const world = options.world ?? worldWith(options.fetch)
    if (signal?.aborted) throw new ColdpressError('Aborted', 'the upload was aborted', { cause: signal.reason })
    const source = sourceOf(grant)
    const file = isFile(rows) ? rows : await encoded(source, rows, options, world)
    const target = await targetOfKey(file.key)
    const sha256 = await file.sha256()
    let key = source.fixed?.key
    const check = async (/** @type {Grant} */ given) => {
      agreed(target, await targetOfKey(given?.key))
      key = given.key
      return given
    }
    if (source.fixed) await check(source.fixed)
    const errand = { bytes: file.bytes.length, sha256, grant: source.fixed, concurrency, retries, timeoutMs }
    const outcome = await withMachine(engine, errand, world, (machine) =>
      drive({
        machine,
        bytes: file.bytes,
        ask: async (uploadId, asking) => check(await source.ask(request(target, file.bytes.length, sha256, uploadId), asking)),
        key: () => key,
        world,
        signal,
        onProgress,
        onRequest,
      }),
    )
    return { ...outcome, rows: file.rows, sha256 }
  }

  /**
   * Encodes for whom the grant is, so that the file's own metadata agrees with its key.
   *
   * @param {Source} source
   * @param {unknown} rows
   * @param {UploadOptions & { world?: World, onRequest?: () => void }} options
   * @param {World} world
   * @returns {Promise<EncodedFile>}
   */
  async function encoded(source, rows, options, world) {
    const { onProgress, onRequest, concurrency, retries, timeoutMs, fetch, world: _, ...encodeOptions } = options
    const granted = source.fixed && (await targetOfKey(source.fixed.key))
    if (!granted && options.collection === undefined) {
      throw new ColdpressError('Misuse', 'upload needs the option collection, to ask for a grant')
    }
    const encoder = new Encoder(encodeOptions)
    try {
      await encoder.push(rows)
      return await encoder.finish((/** @type {number} */ count) => granted ?? chosenTarget(source, count, options, world))
    } finally {
      encoder.dispose()
    }
  }

  /**
   * @param {Source} source
   * @param {number} rows
   * @param {UploadOptions} options
   * @param {World} world
   */
  async function chosenTarget(source, rows, { collection = '', tenant, lsns, lsnWidth, signal }, world) {
    const range = lsns === undefined ? timeRange(rows, world) : { min: BigInt(lsns.min), max: BigInt(lsns.max) }
    if (tenant !== undefined) return { tenant, collection, lsns: range, lsnWidth }
    // Only who grants knows the tenant that a token stands for; the grant's key tells.
    const ask = { collection, min_lsn: String(range.min), max_lsn: String(range.max) }
    const first = await source.ask(ask, signal ?? new AbortController().signal)
    return { tenant: (await targetOfKey(first?.key)).tenant, collection, lsns: range, lsnWidth }
  }

  /**
   * The last three parts of a key tell all but the prefix.
   *
   * @param {unknown} key
   * @returns {Promise<FileTarget>}
   */
  async function targetOfKey(key) {
    const tail = String(key).split('/').slice(-3).join('/')
    return engine.run((raw) => {
      const parsed = raw.parseObjectKey('', tail)
      const target = { tenant: parsed.tenant(), collection: parsed.collection(), min: parsed.minLsn(), max: parsed.maxLsn() }
      parsed.free()
      if (target.tenant === undefined) throw new ColdpressError('Key', `${JSON.stringify(key)} is no key of a data file`)
      return { tenant: target.tenant, collection: target.collection, lsns: { min: target.min, max: target.max } }
    })
  }

  return { upload, grantsFrom, targetOfKey }
}

/**
 * Where grants come from.
 *
 * @typedef {{ fixed?: Grant, ask: (request: import('../index.js').GrantRequest, signal: AbortSignal) => Promise<Grant> }} Source
 */

/**
 * @param {unknown} grant
 * @returns {Source}
 */
function sourceOf(grant) {
  if (typeof grant === 'function') return { ask: async (request, signal) => grant(request, { signal }) }
  if (typeof grant !== 'object' || grant === null) {
    throw new ColdpressError('Misuse', 'upload needs a grant, or a function such as grantsFrom(url, { token }) that gets one')
  }
  return {
    fixed: /** @type {Grant} */ (grant),
    ask: async () => {
      throw new ColdpressError('Expired', 'the grant has expired; pass upload a function that gets grants, and it asks for a fresh one')
    },
  }
}

/**
 * @param {any} rows
 * @returns {rows is EncodedFile}
 */
function isFile(rows) {
  return rows?.bytes instanceof Uint8Array && typeof rows.key === 'string' && typeof rows.sha256 === 'function'
}

/**
 * @param {FileTarget} target
 * @param {number} bytes
 * @param {string} sha256
 * @param {string | undefined} uploadId
 */
function request({ collection, lsns }, bytes, sha256, uploadId) {
  const asked = { collection, min_lsn: String(lsns.min), max_lsn: String(lsns.max), bytes, sha256 }
  return uploadId === undefined ? asked : { ...asked, upload_id: uploadId }
}

/**
 * A file says in its metadata whose it is, so it may lie under no other key.
 *
 * @param {FileTarget} file
 * @param {FileTarget} granted
 */
function agreed(file, granted) {
  const [ours, theirs] = [file, granted].map(
    ({ tenant, collection, lsns }) => `tenant ${tenant}, collection ${JSON.stringify(collection)}, LSNs ${lsns.min} to ${lsns.max}`,
  )
  if (ours !== theirs) throw new ColdpressError('Denied', `the grant is for ${theirs}, but the file was encoded for ${ours}`)
}
