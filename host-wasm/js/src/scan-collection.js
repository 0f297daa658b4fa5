// Rows of many files, in the order of their LSNs.

import { stopIfAborted } from './error.js'
import { ofQuery, rowsOf } from './scan-file.js'

/** @import { ScanFile } from './scan-file.js' */
/** @import { Granted } from './scan-pages.js' */
/** @import { Query } from './scan-options.js' */

/**
 * @typedef {object} CollectionJob
 * @property {Query & { readAhead: number }} query
 * @property {(signal: AbortSignal) => AsyncGenerator<Granted>} files
 * @property {(source: unknown, signal: AbortSignal) => Promise<ScanFile>} open
 */

/**
 * @param {CollectionJob} job
 */
export function collectionRows(job) {
  const scan = new CollectionScan(job)
  const rows = rowsOf(scan.batches())
  return Object.defineProperty(rows, 'stats', { get: () => scan.stats, enumerable: true })
}

/** The files whose rows are read now: the first one, and some ahead of it. */
class CollectionScan {
  #job
  #stop = new AbortController()
  /** @type {OneFile[]} in the order of their LSNs */
  #ahead = []
  #all = 0
  #byLsns = 0
  /** @type {ReturnType<typeof statsOf>[]} of the files that are done */
  #done = []
  #given = 0

  /** @param {CollectionJob} job */
  constructor(job) {
    this.#job = job
  }

  get stats() {
    const files = [...this.#done, ...this.#ahead.map((file) => statsOf(file.opened))]
    const read = files.filter((file) => file !== undefined)
    return {
      files: { all: this.#all, pruned: { lsns: this.#byLsns }, read: read.length },
      ...sumOf(read),
      rows: this.#given,
    }
  }

  /** @returns {AsyncGenerator<any[] | string>} */
  async* batches() {
    const { query, files } = this.#job
    const onAbort = () => this.#stop.abort(query.signal?.reason)
    query.signal?.addEventListener('abort', onAbort)
    if (query.signal?.aborted) onAbort()
    const granted = files(this.#stop.signal)
    let left = query.limit ?? Infinity
    try {
      while (left > 0) {
        stopIfAborted(query.signal)
        await this.#fill(granted)
        const file = this.#ahead[0]
        if (file === undefined) return
        for (let batch; left > 0 && (batch = await file.next()) !== undefined; ) {
          const given = typeof batch === 'string' ? cutText(batch, left) : batch.slice(0, left)
          const count = typeof given === 'string' ? linesOf(given) : given.length
          left -= count
          this.#given += count
          yield given
        }
        await file.end()
        this.#ahead.shift()
        this.#done.push(statsOf(file.opened))
      }
    } catch (error) {
      stopIfAborted(query.signal)
      throw error
    } finally {
      query.signal?.removeEventListener('abort', onAbort)
      this.#stop.abort()
      await Promise.all(this.#ahead.map((file) => file.end()))
      await granted.return(undefined)
    }
  }

  /**
   * Begins the next files. With a limit and nothing to test, the first one is likely enough.
   *
   * @param {AsyncGenerator<Granted>} granted
   */
  async #fill(granted) {
    const { query, open } = this.#job
    const { limit, where, id } = query
    const isEnough = limit !== undefined && where === undefined && id === undefined
    const ahead = isEnough ? 0 : query.readAhead
    while (this.#ahead.length <= ahead) {
      const { done, value } = await granted.next()
      if (done) return
      this.#all += 1
      if (isApart(value.address.lsns, query.lsns)) {
        this.#byLsns += 1
        continue
      }
      this.#ahead.push(new OneFile(() => open(value.source, this.#stop.signal), query))
    }
  }
}

/** One file, whose first rows are read before somebody asks for them. */
class OneFile {
  /** @type {ScanFile | undefined} */
  opened
  /** @type {AsyncGenerator<any[] | string> | undefined} */
  #batches
  /** @type {Promise<IteratorResult<any[] | string>> | undefined} */
  #first

  /**
   * @param {() => Promise<ScanFile>} open
   * @param {Query} query
   */
  constructor(open, query) {
    this.#batches = this.#read(open, query)
    this.#first = this.#batches.next()
    // Whoever comes to this file gets the error; nobody may.
    this.#first.catch(() => {})
  }

  /**
   * @param {() => Promise<ScanFile>} open
   * @param {Query} query
   */
  async* #read(open, query) {
    this.opened = await open()
    // The signal of all files is that of the file.
    yield* this.opened.batches({ ...query, signal: undefined })
  }

  /** @returns {Promise<any[] | string | undefined>} undefined at the end */
  async next() {
    const first = this.#first
    this.#first = undefined
    const { done, value } = await (first ?? /** @type {any} */ (this.#batches).next())
    return done ? undefined : value
  }

  async end() {
    await this.#first?.catch(() => {})
    await this.#batches?.return(undefined)
  }
}

/**
 * @param {{ min: bigint, max: bigint } | undefined} found
 * @param {{ min: bigint, max: bigint } | undefined} wanted
 */
function isApart(found, wanted) {
  if (found === undefined || wanted === undefined) return false
  return found.max < wanted.min || wanted.max < found.min
}

/** @param {ScanFile | undefined} file */
const statsOf = (file) => file?.stats

/** @param {any[]} all */
function sumOf(all) {
  /** @param {(stats: any) => number} of */
  const sum = (of) => all.reduce((total, stats) => total + of(stats), 0)
  const { rowGroups } = ofQuery(undefined)
  const pruned = Object.keys(rowGroups.pruned).map((by) => {
    return [by, sum((stats) => stats.rowGroups.pruned[by])]
  })
  return {
    requests: sum((stats) => stats.requests),
    bytesMoved: sum((stats) => stats.bytesMoved),
    bytesInFiles: sum((stats) => stats.bytesInFile),
    rowGroups: {
      all: sum((stats) => stats.rowGroups.all),
      pruned: Object.fromEntries(pruned),
      read: sum((stats) => stats.rowGroups.read),
    },
    rowsRead: sum((stats) => stats.rowsRead),
    columnsUnknown: unknownOf(all),
  }
}

/**
 * The columns that no file has. A file without row groups has not been looked at.
 *
 * @param {any[]} all
 * @returns {string[]}
 */
function unknownOf(all) {
  const [first, ...others] = all.filter((stats) => stats.rowGroups.all > 0)
  const unknown = first?.columnsUnknown ?? []
  return unknown.filter((/** @type {string} */ name) => {
    return others.every((stats) => stats.columnsUnknown.includes(name))
  })
}

/** @param {string} text */
const linesOf = (text) => text.split('\n').length - 1

/**
 * @param {string} text
 * @param {number} lines
 */
function cutText(text, lines) {
  let at = 0
  for (let left = lines; left > 0 && at < text.length; left -= 1) at = text.indexOf('\n', at) + 1
  return text.slice(0, at)
}
