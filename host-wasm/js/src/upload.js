// Rows or a finished file, by a grant, into the store.

import { ColdpressError, stopIfAborted } from './error.js'
import { lsnsOf } from './lsn.js'
import { grantsFrom } from './upload-grants.js'
import { Shipment } from './upload-shipment.js'
import { worldWith } from './upload-world.js'

/** @import { Engine } from './engine.js' */
/** @import { EncodedFile, EncodeOptions, GetGrant, Grant, UploadOptions, UploadResult } from '../index.js' */
/** @import { FileTarget, Run, Source } from './upload-shipment.js' */
/** @import { World } from './upload-world.js' */

/** What `retry` of an error takes: all that does not change which bytes go where. */
const RUN_OPTIONS = ['signal', 'onProgress', 'onRequest', 'concurrency', 'retries', 'timeoutMs']
const RETRY_OPTIONS = [...RUN_OPTIONS, 'grant', 'fetch', 'world']

/** @typedef {UploadOptions & { world?: World, onRequest?: () => void }} Options */

/**
 * The upload half of the package, on one engine.
 *
 * @param {Engine} engine
 * @param {{ Encoder: new (options?: EncodeOptions) => any }} encoding
 */
export function uploads(engine, { Encoder }) {
  const tools = { engine, targetOfKey, runAgain }

  /**
   * Stores rows, or a file that was encoded before, as one object.
   *
   * @param {Grant | GetGrant} grant
   * @param {unknown} rows
   * @param {Options} [options]
   * @returns {Promise<UploadResult>}
   */
  async function upload(grant, rows, options = {}) {
    const run = { source: sourceOf(grant), world: options.world ?? worldWith(options.fetch) }
    for (const name of RUN_OPTIONS) run[name] = options[name]
    stopIfAborted(options.signal)
    const shipment = isFile(rows)
      ? new Shipment(tools, await targetOfKey(rows.key), { file: rows })
      : await packed(run, rows, options)
    return shipment.send(run)
  }

  /**
   * Reads all rows, and chooses whose they are; the tenant may be found out later.
   *
   * @param {Run} run
   * @param {unknown} rows
   * @param {Options} options
   * @returns {Promise<Shipment>}
   */
  async function packed({ source, world, onProgress }, rows, options) {
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
      // No file is made of no rows: that is said before anybody is asked.
      if (count === 0) await encoder.finish()
      const chosen = granted
        ?? { collection, tenant, lsns: lsnsOf(lsns ?? 'time', count, world), lsnWidth }
      return new Shipment(tools, chosen, { encoder })
    } catch (error) {
      encoder.dispose()
      throw error
    }
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
 * How the same file is sent once more: as before, but for what the caller has given anew.
 *
 * @param {Run} run
 * @param {Record<string, any>} options
 * @returns {Run}
 */
function runAgain(run, options) {
  for (const name of Object.keys(options)) {
    if (RETRY_OPTIONS.includes(name)) continue
    const message = `retry sends the very same file, so there is no option ${JSON.stringify(name)}`
    throw new ColdpressError('Settings', `${message}; there are ${RETRY_OPTIONS.slice(0, -1).join(', ')}`)
  }
  const { grant, fetch, world = fetch && worldWith(fetch), ...others } = options
  return {
    ...run,
    ...others,
    ...(world && { world }),
    ...(grant && { source: sourceOf(grant) }),
  }
}

/** @param {Options} options */
function encodeOptionsOf(options) {
  const others = new Set([...RUN_OPTIONS.filter((name) => name !== 'signal'), 'fetch', 'world'])
  return Object.fromEntries(Object.entries(options).filter(([name]) => !others.has(name)))
}

/**
 * @param {unknown} grant
 * @returns {Source}
 */
function sourceOf(grant) {
  if (typeof grant === 'function') return { ask: async (request, signal) => grant(request, { signal }) }
  if (typeof grant !== 'object' || grant === null) {
    throw new ColdpressError(
      'Misuse',
      'upload needs a grant, or a function such as grantsFrom(url, { token }) that gets one',
    )
  }
  return {
    fixed: /** @type {Grant} */ (grant),
    ask: async () => {
      throw new ColdpressError(
        'Expired',
        'the grant has expired; pass upload a function that gets grants, and it asks for a fresh '
          + 'one, or call error.retry({ grant }) with another',
      )
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
