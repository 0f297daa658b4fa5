// Stores rows, or an encoded file, by a grant.

import { ColdpressError, stopIfAborted } from './error.js'
import { lsnsOf } from './lsn.js'
import { runtimeWith } from './runtime.js'
import { checkFunctions, checkNames, checkSignal } from './settings.js'
import { grantsFrom } from './upload-grants.js'
import { RepeatableUpload } from './upload-repeatable.js'

/** @import { Engine } from './engine.js' */
/** @import { EncodedFile, EncodeOptions, GetGrant, Grant } from '../index.js' */
/** @import { UploadOptions, UploadResult } from '../index.js' */
/** @import { FileTarget, Run, Source } from './upload-repeatable.js' */
/** @import { Runtime } from './runtime.js' */

/** How a file is sent. These options change neither the bytes nor the key. */
const RUN_OPTIONS = ['signal', 'onProgress', 'concurrency', 'retries', 'timeoutMs', 'fetch']
const RETRY_OPTIONS = [...RUN_OPTIONS, 'grant']
/** Only the outbox and tests pass these. */
const INTERNAL = ['onRequest', 'runtime']

/** @typedef {UploadOptions & { runtime?: Runtime, onRequest?: () => void }} Options */

/**
 * Makes `upload` and `grantsFrom`.
 *
 * @param {Engine} engine
 * @param {{ Encoder: new (options?: EncodeOptions) => any }} encoding
 */
export function uploads(engine, { Encoder }) {
  const tools = { engine, targetOfKey, runAgain }

  /**
   * Stores rows, or an encoded file, as one object.
   *
   * @param {Grant | GetGrant} grant
   * @param {unknown} rows
   * @param {Options} [options]
   * @returns {Promise<UploadResult>}
   */
  async function upload(grant, rows, options = {}) {
    const source = sourceOf(grant)
    if (isFile(rows)) checkOptionsOfFile(options)
    else checkNames(options, { more: RUN_OPTIONS, internal: INTERNAL })
    const run = runOf(source, options)
    stopIfAborted(options.signal)
    const repeatable = isFile(rows)
      ? new RepeatableUpload(tools, await targetOfKey(rows.key), { file: rows })
      : await encodeRows(run, rows, options)
    return repeatable.send(run)
  }

  /**
   * Reads all rows, and chooses their target. The tenant may come later, with the first grant.
   *
   * @param {Run} run
   * @param {unknown} rows
   * @param {Options} options
   * @returns {Promise<RepeatableUpload>}
   */
  async function encodeRows({ source, runtime, onProgress }, rows, options) {
    const { fixed } = source
    const granted = fixed && { ...(await targetOfKey(fixed.key)), encodings: fixed.encodings }
    const { collection = '', tenant, lsns, lsnWidth } = options
    if (!granted && options.collection === undefined) {
      throw new ColdpressError('Misuse', 'upload needs the option collection, to ask for a grant')
    }
    const encoder = new Encoder(encodeOptionsOf(options))
    try {
      onProgress?.({ sentBytes: 0, underWayBytes: 0, totalBytes: 0, phase: 'encoding' })
      await encoder.push(rows)
      const count = await encoder.count()
      // Without rows there is no file. Then `finish` throws, and nobody is asked for a grant.
      if (count === 0) await encoder.finish()
      const chosen = granted
        ?? { collection, tenant, lsns: lsnsOf(lsns ?? 'time', count, runtime), lsnWidth }
      return new RepeatableUpload(tools, chosen, { encoder })
    } catch (error) {
      encoder.dispose()
      throw error
    }
  }

  /**
   * What the key of a data file says. Its last three parts say all but the prefix.
   *
   * @param {unknown} key
   * @returns {Promise<FileTarget>}
   */
  async function targetOfKey(key) {
    const tail = String(key).split('/').slice(-3).join('/')
    return engine.run((raw) => {
      const parsed = raw.parseObjectKey('', tail)
      const [tenant, collection] = [parsed.tenant(), parsed.collection()]
      const lsns = { min: parsed.minLsn(), max: parsed.maxLsn() }
      parsed.free()
      if (tenant !== undefined) return { tenant, collection, lsns }
      throw new ColdpressError('Key', `${JSON.stringify(key)} is no key of a data file`)
    })
  }

  return { upload, grantsFrom, targetOfKey }
}

/**
 * How the file is sent.
 *
 * @param {Source} source
 * @param {Options} options
 * @returns {Run}
 */
function runOf(source, options) {
  const { signal, onProgress, onRequest, concurrency, retries, timeoutMs, fetch } = options
  checkSignal(signal)
  checkFunctions({ onProgress, fetch })
  const runtime = options.runtime ?? runtimeWith(fetch)
  return { source, runtime, signal, onProgress, onRequest, concurrency, retries, timeoutMs }
}

/**
 * How the same file is sent again: as before, except for the new options.
 *
 * @param {Run} run
 * @param {Record<string, any>} options
 * @returns {Run}
 */
function runAgain(run, options) {
  const unknown = unknownOf(options, [...RETRY_OPTIONS, ...INTERNAL])
  if (unknown !== undefined) {
    const no = `retry sends the very same file, so there is no option ${JSON.stringify(unknown)}`
    throw new ColdpressError('Settings', `${no}; there are ${RETRY_OPTIONS.join(', ')}`)
  }
  const { grant, fetch, runtime = fetch && runtimeWith(fetch), ...others } = options
  checkSignal(others.signal)
  checkFunctions({ onProgress: others.onProgress, fetch })
  return {
    ...run,
    ...others,
    ...(runtime && { runtime }),
    ...(grant && { source: sourceOf(grant) }),
  }
}

/**
 * An encoded file has its target and its settings already: other ones would have no effect.
 *
 * @param {Options} options
 */
function checkOptionsOfFile(options) {
  if (typeof options !== 'object' || options === null) checkNames(options)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const unknown = unknownOf(Object.fromEntries(given), [...RUN_OPTIONS, ...INTERNAL])
  if (unknown === undefined) return
  const no = `upload of an encoded file has no option ${JSON.stringify(unknown)}`
  const why = `the file keeps what encode chose; there are ${RUN_OPTIONS.join(', ')}`
  throw new ColdpressError('Settings', `${no}: ${why}`)
}

/**
 * @param {object} options
 * @param {string[]} known
 */
function unknownOf(options, known) {
  return Object.keys(options).find((name) => !known.includes(name))
}

/** @param {Options} options */
function encodeOptionsOf(options) {
  const others = new Set([...RUN_OPTIONS, ...INTERNAL])
  others.delete('signal')
  return Object.fromEntries(Object.entries(options).filter(([name]) => !others.has(name)))
}

/**
 * @param {unknown} grant
 * @returns {Source}
 */
function sourceOf(grant) {
  if (typeof grant === 'function') {
    return { ask: async (request, signal) => grant(request, { signal }) }
  }
  if (typeof grant !== 'object' || grant === null) {
    throw new ColdpressError(
      'Misuse',
      'upload needs a grant, or a function that gets one, such as grantsFrom(url, { token })',
    )
  }
  return {
    fixed: /** @type {Grant} */ (grant),
    ask: async () => {
      throw new ColdpressError(
        'Expired',
        'the grant has expired; call error.retry({ grant }) with a new one, or pass upload a '
          + 'function that gets grants: then it asks for a new one itself',
      )
    },
  }
}

/**
 * @param {any} rows
 * @returns {rows is EncodedFile}
 */
function isFile(rows) {
  const { bytes, key, sha256 } = rows ?? {}
  return bytes instanceof Uint8Array && typeof key === 'string' && typeof sha256 === 'function'
}
