// Appends rows to an outbox: makes text of them at once, tries to encode it, and writes all or
// nothing.

import { ColdpressError } from './error.js'
import { rowLines } from './lines.js'

/** @import { OutboxStore } from './outbox-store.js' */
/** @import { OutboxSettings } from './outbox-options.js' */

/**
 * @typedef {object} Write
 * @property {string[]} lines
 * @property {() => void} resolve
 * @property {(error: unknown) => void} reject
 */

export class Appender {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve()
  /** @type {Write[]} */
  #waiting = []
  /** @type {Promise<void> | undefined} */
  #writing

  /**
   * @param {OutboxStore} store
   * @param {OutboxSettings} settings
   * @param {(text: Uint8Array) => Promise<unknown>} tryOut rejects rows that cannot be encoded
   */
  constructor(store, settings, tryOut) {
    this.store = store
    this.limits = settings.limits
    this.runtime = settings.runtime
    this.tryOut = tryOut
  }

  /**
   * @param {unknown} rows
   * @returns {Promise<number>} the number of rows; they are durable when this resolves
   */
  append(rows) {
    // Before anything is awaited: the caller may change its objects after the call.
    const lines = isAsync(rows) ? collected(rows) : linesNow(rows)
    // A row that cannot be encoded would stop its whole batch later. So it is an error now, and no
    // row of this call is stored.
    const tried = Promise.resolve(lines).then(async (ready) => {
      if (ready.length > 0) await this.tryOut(encoded(ready)).catch(unlessUnavailable)
      return ready
    })
    tried.catch(() => {})
    // Calls are written in their order, even if a later one passed the try first.
    const queued = this.#last.then(async () => {
      const ready = await tried
      return { written: ready.length > 0 ? this.#write(ready) : undefined, rows: ready.length }
    })
    this.#last = queued.catch(() => {})
    return queued.then(async ({ written, rows: count }) => {
      await written
      return count
    })
  }

  /** Resolves when all calls before are written or refused. */
  async idle() {
    await this.#last
    await this.#writing
  }

  /** @param {string[]} lines */
  #write(lines) {
    return /** @type {Promise<void>} */ (
      new Promise((resolve, reject) => {
        this.#waiting.push({ lines, resolve, reject })
        this.#writing ??= this.#writeAll()
      })
    )
  }

  /** All calls that come while the disk is busy share one transaction: each one costs a sync. */
  async #writeAll() {
    while (this.#waiting.length > 0) await this.#writeGroup(this.#waiting.splice(0))
    this.#writing = undefined
  }

  /** @param {Write[]} group */
  async #writeGroup(group) {
    try {
      await this.store.append(this.#pieces(group.flatMap(({ lines }) => lines)), this.runtime.now())
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length === 1) return group[0].reject(error)
      // One call may be too large for the space that is left: the others must not fail with it.
      for (const write of group) await this.#writeGroup([write])
    }
  }

  /**
   * @param {string[]} lines
   * @returns {{ text: Uint8Array, rows: number }[]} each fits into a batch, except a single row
   *   that is larger
   */
  #pieces(lines) {
    const { rowsMax, bytesMax } = this.limits
    const pieces = []
    /** @type {string[]} */
    let taken = []
    let units = 0
    const cut = () => {
      if (taken.length > 0) pieces.push({ text: encoded(taken), rows: taken.length })
      taken = []
      units = 0
    }
    for (const line of lines) {
      if (taken.length >= rowsMax || units + line.length > bytesMax) cut()
      taken.push(line)
      units += line.length
    }
    cut()
    return pieces
  }
}

/**
 * A device that is offline and never loaded the module cannot try rows. It stores them all the
 * same, and finds rows that cannot be encoded when it seals their batch.
 *
 * @param {unknown} error
 */
function unlessUnavailable(error) {
  if (!(error instanceof ColdpressError && error.code === 'Unavailable')) throw error
}

/** @param {unknown} rows */
function linesNow(rows) {
  if (rows === null || typeof rows !== 'object' || ArrayBuffer.isView(rows)) {
    const found = rows === null ? 'null' : typeof rows
    throw new ColdpressError('Misuse', `an outbox takes a row or rows as objects, not ${found}`)
  }
  return [...rowLines(Symbol.iterator in rows ? /** @type {Iterable<unknown>} */ (rows) : [rows])]
}

/** @param {AsyncIterable<unknown>} rows */
async function collected(rows) {
  const all = []
  for await (const row of rows) all.push(row)
  return [...rowLines(all)]
}

/**
 * @param {unknown} rows
 * @returns {rows is AsyncIterable<unknown>}
 */
function isAsync(rows) {
  return typeof rows === 'object' && rows !== null && Symbol.asyncIterator in rows
}

/** @param {string[]} lines */
function encoded(lines) {
  return new TextEncoder().encode(lines.join(''))
}
