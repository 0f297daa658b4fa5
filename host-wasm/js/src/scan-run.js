// One scan of one file: drives core's machine, and gives its rows some thousands at a time.

import { makeDates } from './dates.js'
import { ColdpressError, REPORT, stopIfAborted } from './error.js'
import { unmarked } from './marks.js'
import { Pauses } from './pauses.js'
import { rawQuery } from './scan-options.js'

/** @import { Engine } from './engine.js' */
/** @import { HeldEnds } from './scan-held.js' */
/** @import { Query } from './scan-options.js' */

/** The most bytes that a scan may ask for before it has used what it had asked for. */
const BYTES_AT_ONCE_MAX = 256 << 20

/** What core says in `RawScan.progress`, in its order. */
const PROGRESS = [
  'requests', 'bytesAsked', 'bytes', 'tailBytes', 'rowGroups', 'byLsns', 'byStatistics',
  'byBloomFilters', 'byPageIndex', 'rowGroupsRead', 'rowsRead', 'rows',
]

/**
 * @typedef {Record<string, number>} ScanProgress
 *
 * @typedef {object} ScanJob
 * @property {Engine} engine
 * @property {HeldEnds} ends
 * @property {number} bytes
 * @property {string} name
 * @property {Query} query
 * @property {AbortSignal | undefined} signal of the file, beside that of the query
 * @property {(progress: ScanProgress) => void} onProgress
 * @property {(columns: string[]) => void} [onUnknown] called with the columns that the query names
 *   and that the file does not have, before the first rows or the end
 * @property {(raw: any) => void} [onFooter] called at the end of the scan, in its instance
 */

/**
 * The rows of a scan. Whoever ends it early stops its requests and frees its memory.
 *
 * @param {ScanJob} job
 * @returns {AsyncGenerator<any[] | string>} arrays of rows, or NDJSON
 */
export async function* batchesOf(job) {
  const { engine, query } = job
  const stop = new AbortController()
  const unlink = [query.signal, job.signal].map((signal) => linked(signal, stop))
  /** @type {any} */
  let raw
  let instance
  try {
    stopIfAborted(stop.signal)
    instance = await engine.instance()
    instance.hold()
    raw = instance.run((module) => machineOf(module, job))
    yield* driven(job, instance, raw, stop.signal)
  } catch (error) {
    stopIfAborted(stop.signal)
    throw named(error, job.name)
  } finally {
    unlink.forEach((end) => end())
    // Requests that still run bring what nobody waits for.
    stop.abort()
    // If the instance has stopped, the machine is gone with it.
    if (instance && instance.memoryBytes > 0) raw?.free()
    instance?.release()
  }
}

/**
 * @param {any} module
 * @param {ScanJob} job
 */
function machineOf(module, { bytes, ends, query }) {
  const asked = rawQuery(module, query)
  try {
    const tail = ends.tailBytes || undefined
    return new module.RawScan(bytes, tail, asked, query.ids, query.ndjson)
  } finally {
    asked.free()
  }
}

/**
 * @param {ScanJob} job
 * @param {import('./engine.js').Instance} instance
 * @param {any} raw
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<any[] | string>}
 */
async function* driven(job, instance, raw, signal) {
  const { ends, query } = job
  const pauses = new Pauses(signal)
  const answers = new Answers(signal)
  let columns
  let isKnown = false
  for (;;) {
    stopIfAborted(signal)
    const state = instance.run(() => raw.poll())
    const progress = instance.run(() => progressOf(raw))
    ends.tailBytes = Math.max(ends.tailBytes, progress.tailBytes)
    job.onProgress(progress)
    if (state !== 'wait' && !isKnown) {
      isKnown = true
      job.onUnknown?.(instance.run(() => raw.unknownColumns()))
    }
    if (state === 'done') break
    if (state === 'rows') {
      if (query.dates) columns ??= JSON.parse(instance.run(() => raw.schema())).columns
      const [marked, text] = instance.run(() => [raw.isMarked(), raw.takeRows()])
      yield query.ndjson ? text : rowsOf(text, marked, columns)
      const pause = pauses.after(text.length)
      if (pause) await pause
      continue
    }
    for (const { id, start, end } of instance.run(() => rangesOf(raw))) {
      answers.expect(id, (own) => ends.read(start, end, own))
    }
    const { id, bytes } = await answers.next(signal)
    instance.run(() => raw.handleBytes(id, bytes))
  }
  instance.run(() => job.onFooter?.(raw))
}

/** The answers to requests that run side by side, in the order in which they come. */
class Answers {
  /** @type {Map<number, Promise<{ id: number, bytes: Uint8Array }>>} */
  #running = new Map()
  /** @type {Set<AbortController>} */
  #stops = new Set()

  /** @param {AbortSignal} signal stops all requests */
  constructor(signal) {
    const stopAll = () => this.#stops.forEach((stop) => stop.abort(signal.reason))
    signal.addEventListener('abort', stopAll, { once: true })
  }

  /**
   * @param {number} id
   * @param {(signal: AbortSignal) => Promise<Uint8Array>} read
   */
  expect(id, read) {
    // Each request has a signal of its own: Node warns of a leak where many listen to one.
    const stop = new AbortController()
    this.#stops.add(stop)
    const answer = read(stop.signal).then((bytes) => ({ id, bytes }))
      .finally(() => this.#stops.delete(stop))
    // The first failure ends the scan; those of the other requests are nobody's then.
    answer.catch(() => {})
    this.#running.set(id, answer)
  }

  /** @param {AbortSignal} signal */
  async next(signal) {
    if (this.#running.size === 0) {
      throw new ColdpressError('Internal', `a scan waits for nothing; ${REPORT}`)
    }
    const answer = await firstOf(this.#running.values(), signal)
    this.#running.delete(answer.id)
    return answer
  }
}

/**
 * @template T
 * @param {Iterable<Promise<T>>} promises
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
function firstOf(promises, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    const end = (/** @type {(value: any) => void} */ settle) => (/** @type {any} */ value) => {
      signal.removeEventListener('abort', stop)
      settle(value)
    }
    for (const promise of promises) promise.then(end(resolve), end(reject))
  })
}

/**
 * @param {string} text
 * @param {boolean} marked
 * @param {readonly any[] | undefined} columns
 * @returns {any[]}
 */
function rowsOf(text, marked, columns) {
  const rows = JSON.parse(text)
  if (marked) rows.forEach(unmarked)
  if (columns !== undefined) makeDates(rows, columns)
  return rows
}

/**
 * What the scan wants next. A hostile file can claim row groups of any size, and a hostile server
 * can fill them: nobody asks for more than memory should hold.
 *
 * @param {any} raw
 * @returns {{ id: number, start: number, end: number }[]}
 */
function rangesOf(raw) {
  const ranges = []
  let bytes = 0
  for (let fetch; (fetch = raw.pollFetch()) !== undefined; ) {
    const range = { id: fetch.id(), start: fetch.start(), end: fetch.end() }
    fetch.free()
    ranges.push(range)
    bytes += range.end - range.start
  }
  if (bytes <= BYTES_AT_ONCE_MAX) return ranges
  const what = `${bytes} bytes of it would have to be read at once; at most ${BYTES_AT_ONCE_MAX}`
  throw new ColdpressError('Limit', `${what}; ask for fewer columns, or read it with the command`)
}

/**
 * @param {any} raw
 * @returns {ScanProgress}
 */
function progressOf(raw) {
  const numbers = raw.progress()
  return Object.fromEntries(PROGRESS.map((name, at) => [name, numbers[at]]))
}

/**
 * @param {AbortSignal | undefined} signal
 * @param {AbortController} stop
 */
function linked(signal, stop) {
  const onAbort = () => stop.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted) onAbort()
  return () => signal?.removeEventListener('abort', onAbort)
}

/**
 * Says which file an error is about.
 *
 * @param {any} error
 * @param {string} name
 */
function named(error, name) {
  const isOfFile = error instanceof ColdpressError && ['Corrupt', 'Limit'].includes(error.code)
  if (isOfFile && !error.message.startsWith(name)) error.message = `${name}: ${error.message}`
  return error
}
