// The options of `open`, of `rows` and of `scanCollection`.

import { ColdpressError } from './error.js'
import { u64 } from './lsn.js'
import { checkFunctions, checkSignal } from './settings.js'
import { isWellFormed, kindOf } from './values.js'

/** How requests are made. */
const FETCHING = ['concurrency', 'fetch', 'retries', 'signal', 'timeoutMs']
const OPENING = ['byteLength', 'headers', ...FETCHING]
const QUERY = ['as', 'columns', 'dates', 'id', 'ids', 'limit', 'signal', 'where']
const COLLECTION = [...new Set([...QUERY, ...FETCHING, 'lsns', 'readAhead'])]

const TIMEOUT_MS = 60_000
const CONCURRENCY = 6
const READ_AHEAD = 4

/**
 * @typedef {object} Query what a scan is asked for
 * @property {readonly string[]} [columns]
 * @property {string | object} [where]
 * @property {string} [id]
 * @property {number} [limit]
 * @property {boolean} ids
 * @property {boolean} dates
 * @property {boolean} ndjson
 * @property {AbortSignal} [signal]
 * @property {{ min: bigint, max: bigint }} [lsns]
 */

/**
 * @param {any} options
 * @returns {{ byteLength?: number, headers: [string, string][], concurrency: number, retries?:
 *   number, timeoutMs: number, fetch?: any, signal?: AbortSignal, runtime?: any }}
 */
export function openOptions(options) {
  checkKnown(options, OPENING)
  const { byteLength, headers } = options
  if (byteLength !== undefined) whole(byteLength, 'byteLength', 1)
  return { ...fetchOptions(options), byteLength, headers: pairsOf(headers) }
}

/** @param {any} options */
export function fetchOptions(options) {
  const { concurrency = CONCURRENCY, retries, timeoutMs = TIMEOUT_MS, fetch, signal } = options
  whole(concurrency, 'concurrency', 1)
  whole(timeoutMs, 'timeoutMs', 1)
  if (retries !== undefined) whole(retries, 'retries', 0)
  checkFunctions({ fetch })
  checkSignal(signal)
  return { concurrency, retries, timeoutMs, fetch, signal, runtime: options.runtime }
}

/**
 * @param {any} options
 * @returns {Query}
 */
export function queryOptions(options) {
  checkKnown(options, QUERY)
  return queryOf(options)
}

/**
 * @param {any} options
 * @returns {Query & { readAhead: number }}
 */
export function collectionOptions(options) {
  checkKnown(options, COLLECTION)
  const { readAhead = READ_AHEAD, lsns } = options
  whole(readAhead, 'readAhead', 0)
  const query = queryOf(options)
  if (lsns !== undefined) query.lsns = lsnsOf(lsns)
  return { ...query, readAhead }
}

/**
 * @param {any} options
 * @returns {Query}
 */
function queryOf({ as = 'rows', columns, dates = false, id, ids = false, limit, signal, where }) {
  if (as !== 'rows' && as !== 'ndjson') throw wrong(`as is ${shown(as)}; choose "rows" or "ndjson"`)
  if (typeof dates !== 'boolean' || (dates && as === 'ndjson')) {
    throw wrong('dates must be true or false, and text has no Dates; leave it out with "ndjson"')
  }
  if (typeof ids !== 'boolean') throw wrong(`ids is ${kindOf(ids)}; pass true or false`)
  const areNames = Array.isArray(columns) && columns.every((name) => typeof name === 'string')
  if (columns !== undefined && !areNames) {
    throw wrong('columns must be an array of the paths of fields, such as ["title", "size.height"]')
  }
  if (id !== undefined) text(id, 'id')
  if (limit !== undefined) whole(limit, 'limit', 0, Number.MAX_SAFE_INTEGER)
  if (typeof where === 'string') text(where, 'where')
  else if (where !== undefined && (typeof where !== 'object' || where === null)) {
    throw wrong(`where is ${kindOf(where)}; pass a text such as "year >= 2005", or its JSON form`)
  }
  checkSignal(signal)
  return { columns, where, id, limit, ids, dates, ndjson: as === 'ndjson', signal }
}

/**
 * The query, as the module takes it.
 *
 * @param {any} raw
 * @param {Query} query
 */
export function rawQuery(raw, { columns, where, id, limit, lsns }) {
  const made = new raw.RawQuery()
  if (columns !== undefined) made.columns([...columns])
  if (typeof where === 'string') made.whereText(where)
  else if (where !== undefined) made.whereJson(jsonOf(where))
  if (id !== undefined) made.id(id)
  if (limit !== undefined) made.limit(limit)
  if (lsns !== undefined) made.lsns(lsns.min, lsns.max)
  return made
}

/** @param {object} where */
function jsonOf(where) {
  // A BigInt is a number of the filter, however long it is. JSON.stringify knows none.
  const mark = `${Math.random()}`.slice(2)
  /**
   * @this {any}
   * @param {string} key
   * @param {unknown} value
   */
  function marked(key, value) {
    // A Date has become a text by now.
    const own = this[key]
    if (own instanceof Date && !Number.isNaN(own.getTime())) return { timestamp: own.toISOString() }
    if (typeof own === 'bigint') return `${mark}${own}`
    if (own instanceof Date || ['symbol', 'function', 'undefined'].includes(typeof own) ||
      (typeof own === 'number' && !Number.isFinite(own))) {
      const what = `where has ${String(own)}, with which no value can be compared`
      throw wrong(`${what}; pass a number, a string, a boolean, a BigInt or a Date`)
    }
    return value
  }
  try {
    const json = JSON.stringify(where, marked) ?? 'null'
    return json.replace(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1')
  } catch (cause) {
    if (cause instanceof ColdpressError) throw cause
    if (cause instanceof RangeError) throw new ColdpressError('Limit', 'where nests too deep')
    throw wrong(`where cannot be written as JSON: ${/** @type {any} */ (cause)?.message ?? cause}`)
  }
}

/** @param {any} lsns */
function lsnsOf(lsns) {
  if (!Array.isArray(lsns) || lsns.length !== 2) {
    throw wrong('lsns is a pair, the first LSN and the last: [min, max]')
  }
  const [min, max] = [u64(lsns[0], 'lsns[0]'), u64(lsns[1], 'lsns[1]')]
  const what = `lsns ends at ${max}, before its beginning, ${min}`
  if (max < min) throw new ColdpressError('Key', what)
  return { min, max }
}

/**
 * @param {any} headers
 * @returns {[string, string][]}
 */
function pairsOf(headers) {
  if (headers === undefined) return []
  try {
    return [...new Headers(headers)]
  } catch (cause) {
    throw wrong(`headers cannot be sent: ${/** @type {any} */ (cause)?.message ?? cause}`)
  }
}

/**
 * Refuses an unknown option: a misspelt one would have no effect, and nobody would notice.
 *
 * @param {any} options
 * @param {string[]} known
 */
function checkKnown(options, known) {
  if (typeof options !== 'object' || options === null) {
    throw wrong(`the options are ${kindOf(options)}; they are an object, such as { ${known[0]} }`)
  }
  // Tests pass a runtime of their own.
  const unknown = Object.keys(options).find((name) => !known.includes(name) && name !== 'runtime')
  if (unknown === undefined) return
  throw wrong(`there is no option ${shown(unknown)}; there are ${known.join(', ')}`)
}

/**
 * @param {any} value
 * @param {string} name
 * @param {number} least
 * @param {number} [most]
 */
function whole(value, name, least, most = name === 'byteLength' ? 2 ** 53 : 0xffffffff) {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw wrong(`${name} is ${plain(value)}; pass a whole number of at least ${least}`)
}

/**
 * @param {any} value
 * @param {string} name
 */
function text(value, name) {
  if (typeof value !== 'string') throw wrong(`${name} is ${kindOf(value)}; pass a string`)
  if (!isWellFormed(value)) {
    const what = `${name} holds half a surrogate pair, which is no character`
    throw wrong(`${what}; repair it with toWellFormed()`)
  }
}

/** A number as it is; a text and a BigInt so that they are seen to be none. */
const plain = (/** @type {unknown} */ value) =>
  typeof value === 'bigint' ? `${value}n` : typeof value === 'string' ? shown(value) : String(value)
const shown = (/** @type {unknown} */ value) => JSON.stringify(value) ?? String(value)
const wrong = (/** @type {string} */ what) => new ColdpressError('Settings', what)
