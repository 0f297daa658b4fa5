// What an outbox keeps, and every step it can take: each is one transaction, so it happens whole or
// not at all.
//
//   rows     pieces of NDJSON as they were appended
//   batches  which pieces make one object; sealed ones have a file
//   files    the frozen bytes of a sealed batch, by its id
//   meta     'bound', 'tenant', 'lastLsn', 'totals', 'lease', 'flushTo'
//
// Nothing here trusts that only one page drains: a step on a batch that is gone or was sealed anew
// meanwhile does nothing.

import { ColdpressError } from './error.js'
import {
  addToTotals,
  allFree,
  chunksInBatches,
  chunksInOrder,
  contentOf,
  firstFree,
  flushToOf,
  runs,
  sum,
  totalsOf,
} from './outbox-contents.js'
import { answer } from './outbox-db.js'
import { msLeft } from './outbox-wait.js'

/** @import { Database, Stores } from './outbox-db.js' */

/**
 * @typedef {{ seq: number, text: Uint8Array, rows: number, at: number }} Chunk
 * @typedef {{ tenant: string, collection: string, min: string, max: string }} BatchTarget
 * @typedef {{ bytes: Uint8Array, key: string, sha256: string, target: BatchTarget }} Frozen
 * @typedef {{ code: string, message: string }} Reason
 * @typedef {object} Batch
 * @property {number} id
 * @property {'sealed' | 'parked'} state
 * @property {number[]} chunks their seqs
 * @property {number} rows
 * @property {number} bytes of NDJSON
 * @property {number} at when it was sealed or parked
 * @property {number} revision how often it was sealed anew
 * @property {number} [opens] how often a page took its file to send it
 * @property {BatchTarget} [target] target, key and sha256 where there is a file
 * @property {string} [key]
 * @property {string} [sha256]
 * @property {Reason} [error] why it is parked
 */

export class OutboxStore {
  /** @param {Database} database */
  constructor(database) {
    this.database = database
  }

  close() {
    this.database.close()
  }

  /**
   * Remembers whose rows these are: rows of one collection or tenant must never go to another.
   *
   * @param {string} collection
   * @param {string | undefined} tenant
   */
  bind(collection, tenant) {
    return this.database.write(async (store) => {
      const bound = await answer(store('meta').get('bound'))
      if (bound !== undefined && (bound.collection !== collection || bound.tenant !== tenant)) {
        const whose = bound.tenant === undefined ? '' : ` of tenant ${bound.tenant}`
        throw new ColdpressError(
          'Misuse',
          `${this.database.what} is for the collection ${JSON.stringify(bound.collection)}${whose}: give this one another name`,
        )
      }
      store('meta').put({ collection, tenant }, 'bound')
    })
  }

  /**
   * @param {{ text: Uint8Array, rows: number }[]} pieces
   * @param {number} at
   */
  append(pieces, at) {
    return this.database.write(async (store) => {
      for (const { text, rows } of pieces) store('rows').add({ text, rows, at })
      await addToTotals(store, sum(pieces.map(({ rows }) => rows)), sum(pieces.map(({ text }) => text.length)))
    })
  }

  /** @returns {Promise<{ rows: number, bytes: number, batches: Batch[] }>} */
  contents() {
    return this.database.read(async (store) => {
      const batches = await answer(store('batches').getAll())
      return { ...(await totalsOf(store)), batches }
    })
  }

  /**
   * The pieces that no batch holds, oldest first, as many as one batch may have and at least one.
   *
   * @param {number} rowsMax
   * @param {number} bytesMax
   * @returns {Promise<{ chunks: Chunk[], full: boolean, flushTo: number }>} full where waiting for
   *   more would not make it larger; pieces up to `flushTo` were asked for by a flush
   */
  free(rowsMax, bytesMax) {
    return this.database.read(async (store) => {
      const taken = await chunksInBatches(store)
      const flushTo = await flushToOf(store)
      const chunks = []
      let [rows, bytes] = [0, 0]
      for await (const chunk of chunksInOrder(store)) {
        if (taken.has(chunk.seq)) continue
        const fits = rows + chunk.rows <= rowsMax && bytes + chunk.text.length <= bytesMax
        if (!fits && chunks.length > 0) return { chunks, full: true, flushTo }
        chunks.push(chunk)
        rows += chunk.rows
        bytes += chunk.text.length
      }
      return { chunks, full: rows >= rowsMax || bytes >= bytesMax, flushTo }
    })
  }

  /**
   * What tells when the next batch is due; `oldest` is the oldest piece that no batch holds.
   *
   * @returns {Promise<{ rows: number, bytes: number, batches: Batch[], oldest?: Chunk, flushTo:
   *   number }>}
   */
  outlook() {
    return this.database.read(async (store) => {
      const batches = await answer(store('batches').getAll())
      const oldest = await firstFree(store, batches)
      return { ...(await totalsOf(store)), batches, oldest, flushTo: await flushToOf(store) }
    })
  }

  /** Makes all rows due that are here now, for whichever page lives to upload them. */
  flushAll() {
    return this.database.write(async (store) => {
      const newest = await answer(store('rows').openKeyCursor(null, 'prev'))
      if (newest !== null) store('meta').put(newest.primaryKey, 'flushTo')
    })
  }

  /**
   * The NDJSON of a batch, in pieces.
   *
   * @param {Batch} batch
   * @returns {Promise<Uint8Array[]>}
   */
  texts({ chunks }) {
    return this.database.read(async (store) => {
      const found = await Promise.all(chunks.map((seq) => answer(store('rows').get(seq))))
      return found.filter((chunk) => chunk !== undefined).map(({ text }) => text)
    })
  }

  /**
   * Takes a batch's file to send it, and notes that: from then on bytes of it may be in the store,
   * whatever other pages know.
   *
   * @param {Batch} batch
   * @returns {Promise<{ batch: Batch, bytes: Uint8Array } | undefined>}
   */
  open(batch) {
    return this.#onBatch(batch, async (store, stored) => {
      const opened = { ...stored, opens: (stored.opens ?? 0) + 1 }
      store('batches').put(opened)
      return { batch: opened, bytes: await answer(store('files').get(batch.id)) }
    })
  }

  /**
   * Freezes pieces into a batch; none where another page was faster.
   *
   * @param {Chunk[]} chunks
   * @param {Frozen} frozen
   * @param {number} at
   * @returns {Promise<Batch | undefined>}
   */
  seal(chunks, { bytes, key, sha256, target }, at) {
    return this.database.write(async (store) => {
      if (!(await allFree(store, chunks))) return undefined
      const file = { key, sha256, target }
      const batch = { state: 'sealed', ...contentOf(chunks), at, revision: 0, opens: 0, ...file }
      const id = Number(await answer(store('batches').add(batch)))
      store('files').put(bytes, id)
      store('meta').put(target.max, 'lastLsn')
      return /** @type {Batch} */ ({ ...batch, id })
    })
  }

  /**
   * Gives a batch whose key is taken by other content another one.
   *
   * @param {Batch} batch
   * @param {Frozen} frozen
   * @returns {Promise<Batch | undefined>}
   */
  sealAnew(batch, { bytes, key, sha256, target }) {
    return this.#onBatch(batch, (store) => {
      const anew = { ...batch, revision: batch.revision + 1, opens: 0, key, sha256, target }
      store('batches').put(anew)
      store('files').put(bytes, batch.id)
      store('meta').put(target.max, 'lastLsn')
      return anew
    })
  }

  /**
   * The store has the object: its rows are no longer ours to keep, even where another page has set
   * them aside.
   *
   * @param {Batch} batch
   */
  removeStored(batch) {
    return this.#onBatch(batch, (store) => removeFrom(store, batch), { inAnyState: true })
  }

  /**
   * Deletes a batch that nobody wants any more.
   *
   * @param {Batch} batch
   */
  discard(batch) {
    return this.#onBatch(batch, (store) => removeFrom(store, batch))
  }

  /**
   * Sets a sealed batch aside with what stopped it. Its file stays: it may have arrived.
   *
   * @param {Batch} batch
   * @param {Reason} error
   */
  park(batch, error) {
    return this.#onBatch(batch, (store) => {
      const parked = { ...batch, state: /** @type {const} */ ('parked'), error }
      store('batches').put(parked)
      return parked
    })
  }

  /**
   * Sets pieces aside that no file can be made of.
   *
   * @param {Chunk[]} chunks
   * @param {Reason} error
   * @param {number} at
   * @returns {Promise<Batch | undefined>}
   */
  parkRows(chunks, error, at) {
    return this.database.write(async (store) => {
      if (!(await allFree(store, chunks))) return undefined
      const batch = { state: 'parked', ...contentOf(chunks), at, revision: 0, error }
      const id = Number(await answer(store('batches').add(batch)))
      return /** @type {Batch} */ ({ ...batch, id })
    })
  }

  /**
   * Puts a parked batch back: with its file it is sent as it is, without one its rows are free
   * again.
   *
   * @param {Batch} batch
   */
  retry(batch) {
    return this.#onBatch(batch, (store) => {
      if (batch.key === undefined) store('batches').delete(batch.id)
      else store('batches').put({ ...batch, state: 'sealed', error: undefined })
      return batch
    })
  }

  /**
   * Takes a batch apart of which surely no byte was sent: its rows are free again. None where
   * another page has opened it.
   *
   * @param {Batch} batch as `open` gave it
   */
  unseal(batch) {
    return this.#onBatch(batch, (store, stored) => {
      if (stored.opens !== batch.opens) return undefined
      store('batches').delete(batch.id)
      store('files').delete(batch.id)
      return batch
    })
  }

  /**
   * Puts smaller pieces in the place of a free one.
   *
   * @param {Chunk} chunk
   * @param {{ text: Uint8Array, rows: number }[]} pieces
   */
  split(chunk, pieces) {
    return this.database.write(async (store) => {
      if (!(await allFree(store, [chunk]))) return
      store('rows').delete(chunk.seq)
      for (const { text, rows } of pieces) store('rows').add({ text, rows, at: chunk.at })
    })
  }

  /** @param {string} name */
  meta(name) {
    return this.database.read((store) => answer(store('meta').get(name)))
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  setMeta(name, value) {
    return this.database.write((store) => void store('meta').put(value, name))
  }

  /**
   * Takes or renews the right to drain where no other owner has it.
   *
   * @param {string} owner
   * @param {() => number} now
   * @param {number} leaseMs
   * @returns {Promise<boolean>}
   */
  takeLease(owner, now, leaseMs) {
    return this.database.write(async (store) => {
      const lease = await answer(store('meta').get('lease'))
      // The clock is read here, where pages come one after the other: none sees a lease that begins
      // in its future.
      const held = lease?.owner !== owner && isHeld(lease, now, leaseMs)
      if (!held) store('meta').put({ owner, until: now() + leaseMs }, 'lease')
      return !held
    })
  }

  /**
   * Whether somebody has the right to drain.
   *
   * @param {() => number} now
   * @param {number} leaseMs
   */
  isLeased(now, leaseMs) {
    return this.database.read(async (store) => {
      return isHeld(await answer(store('meta').get('lease')), now, leaseMs)
    })
  }

  /** @param {string} owner */
  endLease(owner) {
    return this.database.write(async (store) => {
      const lease = await answer(store('meta').get('lease'))
      if (lease?.owner === owner) store('meta').delete('lease')
    })
  }

  /**
   * @template T
   * @param {Batch} batch
   * @param {(store: Stores, stored: Batch) => T | Promise<T>} step
   * @param {{ inAnyState?: boolean }} [options]
   * @returns {Promise<T | undefined>}
   */
  #onBatch(batch, step, { inAnyState = false } = {}) {
    return this.database.write(async (store) => {
      const stored = await answer(store('batches').get(batch.id))
      if (stored?.revision !== batch.revision) return undefined
      return inAnyState || stored.state === batch.state ? step(store, stored) : undefined
    })
  }
}

/**
 * @param {Stores} store
 * @param {Batch} batch
 */
async function removeFrom(store, batch) {
  for (const [first, last] of runs(batch.chunks)) {
    store('rows').delete(IDBKeyRange.bound(first, last))
  }
  store('batches').delete(batch.id)
  store('files').delete(batch.id)
  await addToTotals(store, -batch.rows, -batch.bytes)
  return batch
}

/**
 * @param {{ owner: string, until: number } | undefined} lease
 * @param {() => number} now
 * @param {number} leaseMs
 */
function isHeld(lease, now, leaseMs) {
  return lease !== undefined && msLeft(lease.until - leaseMs, leaseMs, now()) > 0
}
