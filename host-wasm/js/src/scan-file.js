// A file that is open: what its footer says, and its rows.

import { batchesOf } from './scan-run.js'
import { queryOptions } from './scan-options.js'

/** @import { Engine } from './engine.js' */
/** @import { HeldEnds } from './scan-held.js' */
/** @import { ScanCount } from './scan-count.js' */
/** @import { Query } from './scan-options.js' */
/** @import { ScanProgress } from './scan-run.js' */

/**
 * @typedef {{ engine: Engine, codecs: Engine, ends: HeldEnds, count: ScanCount, bytes: number,
 *   name: string, signal: AbortSignal | undefined }} OpenParts
 * @typedef {{ rows: number, tenant_id: string, collection: string, min_lsn: string, max_lsn: string
 *   }} FooterFacts
 */

/** Reads the footer alone: no row of it is asked for. */
const FOOTER = { limit: 0, ids: false, dates: false, ndjson: false }

/**
 * @param {OpenParts} parts
 * @param {{ prefix: string, key: string } | undefined} place the key that the file must be for
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<ScanFile>}
 */
export async function openFile(parts, place, signal) {
  /** @type {{ facts: FooterFacts, schema: any } | undefined} */
  let read
  let needsAll = false
  const onFooter = (/** @type {any} */ raw) => {
    if (place !== undefined) raw.checkKey(place.prefix, place.key)
    needsAll = raw.needsAllCodecs()
    read = { facts: JSON.parse(raw.footer()), schema: JSON.parse(raw.schema()) }
  }
  await footerOf(parts, signal, onFooter)
  const engine = needsAll ? parts.codecs : parts.engine
  return new ScanFile({ ...parts, engine }, /** @type {any} */ (read))
}

/**
 * @param {OpenParts} parts
 * @param {AbortSignal | undefined} signal
 * @param {(raw: any) => void} onFooter
 */
async function footerOf({ engine, ends, bytes, name, signal: ofFile }, signal, onFooter) {
  const query = { ...FOOTER, signal }
  const job = { engine, ends, bytes, name, query, signal: ofFile, onProgress: () => {}, onFooter }
  for await (const _ of batchesOf(job)) break
}

/** A file that is open. */
export class ScanFile {
  #parts
  /** @type {ScanProgress | undefined} the scan that began last */
  #progress
  /** @type {string[]} of that scan */
  #unknown = []

  /**
   * @param {OpenParts} parts
   * @param {{ facts: FooterFacts, schema: any }} read
   */
  constructor(parts, { facts, schema }) {
    this.#parts = parts
    this.name = parts.name
    /** The columns. */
    this.schema = schema
    this.rowCount = facts.rows
    this.tenant = BigInt(facts.tenant_id)
    this.collection = facts.collection
    this.lsns = { min: BigInt(facts.min_lsn), max: BigInt(facts.max_lsn) }
    this.byteLength = parts.bytes
  }

  /** What reading it has cost since it was opened; of row groups and rows, the last query. */
  get stats() {
    const { count, bytes } = this.#parts
    const { requests, bytesMoved } = count
    const columnsUnknown = [...this.#unknown]
    return { requests, bytesMoved, bytesInFile: bytes, ...ofQuery(this.#progress), columnsUnknown }
  }

  /** The ranges of the file that have arrived. */
  get fetched() {
    return this.#parts.count.ranges
  }

  /**
   * The row groups, and where their columns lie.
   *
   * @param {{ signal?: AbortSignal }} [options]
   */
  async layout({ signal } = {}) {
    /** @type {any} */
    let layout
    await footerOf(this.#parts, signal, (raw) => { layout = JSON.parse(raw.layout()) })
    return layout
  }

  /**
   * The rows of a query.
   *
   * @param {object} [options]
   */
  rows(options = {}) {
    return rowsOf(this.batches(queryOptions(options)))
  }

  /**
   * The rows of a query, some thousands at a time.
   *
   * @param {Query} query
   */
  batches(query) {
    const { engine, ends, bytes, name, signal } = this.#parts
    const onProgress = (/** @type {ScanProgress} */ progress) => { this.#progress = progress }
    const onUnknown = (/** @type {string[]} */ columns) => { this.#unknown = columns }
    return batchesOf({ engine, ends, bytes, name, query, signal, onProgress, onUnknown })
  }
}

/**
 * Row by row. An async generator would do the same, but takes longer for a row than its decoding.
 *
 * @param {AsyncGenerator<any[] | string>} batches
 * @returns {RowIterator}
 */
export function rowsOf(batches) {
  return new RowIterator(batches)
}

/** The rows of batches, as an async generator gives them. */
class RowIterator {
  #batches
  /** @type {any[]} */
  #rows = []
  #at = 0
  /** Calls of `next` that wait for a batch, one behind the other. */
  #waiting = 0
  /** @type {Promise<unknown>} */
  #last = Promise.resolve()

  /** @param {AsyncGenerator<any[] | string>} batches */
  constructor(batches) {
    this.#batches = batches
  }

  [Symbol.asyncIterator]() {
    return this
  }

  /** @returns {Promise<IteratorResult<any>>} */
  next() {
    if (this.#waiting === 0 && this.#at < this.#rows.length) {
      return Promise.resolve({ done: false, value: this.#rows[this.#at++] })
    }
    this.#waiting += 1
    const next = this.#last.then(() => this.#more()).finally(() => { this.#waiting -= 1 })
    this.#last = next.catch(() => {})
    return next
  }

  async #more() {
    while (this.#at >= this.#rows.length) {
      const { done, value } = await this.#batches.next()
      if (done) return { done: true, value: undefined }
      this.#rows = typeof value === 'string' ? [value] : value
      this.#at = 0
    }
    return { done: false, value: this.#rows[this.#at++] }
  }

  /** @param {any} [value] */
  async return(value) {
    this.#rows = []
    this.#at = 0
    await this.#batches.return(undefined)
    return { done: true, value }
  }

  /**
   * @param {unknown} error
   * @returns {Promise<IteratorResult<any>>}
   */
  async throw(error) {
    await this.return()
    throw error
  }

  async [/** @type {any} */ (Symbol).asyncDispose ?? '@@asyncDispose']() {
    await this.return()
  }
}

/** @param {ScanProgress | undefined} progress */
export function ofQuery(progress) {
  const of = (/** @type {string} */ name) => progress?.[name] ?? 0
  return {
    rowGroups: {
      all: of('rowGroups'),
      pruned: {
        lsns: of('byLsns'),
        statistics: of('byStatistics'),
        bloomFilters: of('byBloomFilters'),
        pageIndex: of('byPageIndex'),
      },
      read: of('rowGroupsRead'),
    },
    rowsRead: of('rowsRead'),
    rows: of('rows'),
  }
}
