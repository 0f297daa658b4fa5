// The way of rows into an outbox: turned into text at once, tried on the encoder, written whole.

import { ColdpressError } from './error.js'
import { rowLines } from './lines.js'

/** @import { OutboxStore } from './outbox-store.js' */
/** @import { Settled } from './outbox-options.js' */

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
   * @param {Settled} settled
   * @param {(text: Uint8Array) => Promise<unknown>} tryOut refuses what no file can be made of
   */
  constructor(store, settled, tryOut) {
    this.store = store
    this.limits = settled.limits
    this.world = settled.world
    this.tryOut = tryOut
  }

  /**
   * @param {unknown} rows
   * @returns {Promise<number>} how many; they are durable when this resolves
   */
  append(rows) {
    // The text is taken before anything is awaited: the caller may change its objects after the call.
    const lines = isAsync(rows) ? collected(rows) : linesNow(rows)
    // A row that would spoil its batch later is refused now, and with it all of its append.
    const tried = Promise.resolve(lines).then(async (ready) => {
      if (ready.length > 0) await this.tryOut(encoded(ready)).catch(unlessUnavailable)
      return ready
    })
    tried.catch(() => {})
    // Rows are written in the order they were appended, whichever was tried first.
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

  /** When all that was appended before is written or refused. */
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

  /** Every append that comes while the disk is busy shares the next transaction: each one costs a sync. */
  async #writeAll() {
    while (this.#waiting.length > 0) await this.#writeGroup(this.#waiting.splice(0))
    this.#writing = undefined
  }

  /** @param {Write[]} group */
  async #writeGroup(group) {
    try {
      await this.store.append(this.#pieces(group.flatMap(({ lines }) => lines)), this.world.now())
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length === 1) return group[0].reject(error)
      // One that is too large for the space left must not take the others with it.
      for (const write of group) await this.#writeGroup([write])
    }
  }

  /**
   * @param {string[]} lines
   * @returns {{ text: Uint8Array, rows: number }[]} none of them too large for a batch, unless one row is
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
 * A device that is offline before it ever had the module takes rows untried: safe first, sorted out when they are sealed.
 *
 * @param {unknown} error
 */
function unlessUnavailable(error) {
  if (!(error instanceof ColdpressError && error.code === 'Unavailable')) throw error
}

/** @param {unknown} rows */
function linesNow(rows) {
  if (rows === null || typeof rows !== 'object' || ArrayBuffer.isView(rows)) {
    throw new ColdpressError('Misuse', `an outbox takes a row or rows as objects, not ${rows === null ? 'null' : typeof rows}`)
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
