// What an outbox stores, and each step on it. A step is one transaction, so it happens completely
// or not at all.
//
// A step first awaits all that it reads. Then it makes all its writes, with no `await` between
// them. Firefox commits what a transaction holds if its page is left while the transaction waits;
// so a transaction that waits must hold no write, or all of them. The tests check every one.
//
//   rows     chunks of NDJSON, as they were appended
//   batches  the chunks of one object; sealed batches have a file
//   files    the final bytes of a sealed batch, by its id
//   meta     'bound', 'tenant', 'lastLsn', 'lastBatch', 'schema', 'totals', 'lease', 'flushTo';
//            'schema' is that of the last sealed file, as JSON
//
// Several pages may drain at the same time. So a step does nothing if its batch is gone or was
// sealed again meanwhile.

import { ColdpressError } from './error.js'
import {
  allFree,
  chunksInBatches,
  chunksInOrder,
  contentOf,
  firstFree,
  flushToOf,
  keepsLast,
  nextBatchId,
  runs,
  sum,
  totalsOf,
} from './outbox-contents.js'
import { resultOf } from './outbox-db.js'
import { isHeld } from './outbox-wait.js'

/** @import { Batch, BatchTarget, Chunk, Frozen, Reason } from './outbox-contents.js' */
/** @import { Database, Stores } from './outbox-db.js' */

export class OutboxStore {
  /** @param {Database} database */
  constructor(database) {
    this.database = database
  }

  close() {
    this.database.close()
  }

  /**
   * Stores the collection and tenant of the rows: they must never go to other ones.
   *
   * @param {string} collection
   * @param {string | undefined} tenant
   */
  bind(collection, tenant) {
    return this.database.write(async (store) => {
      const bound = await resultOf(store('meta').get('bound'))
      if (bound !== undefined && (bound.collection !== collection || bound.tenant !== tenant)) {
        const { what } = this.database
        const whose = bound.tenant === undefined ? '' : ` of tenant ${bound.tenant}`
        throw new ColdpressError(
          'Misuse',
          `${what} is for the collection ${JSON.stringify(bound.collection)}${whose}; `
            + 'give this outbox another name',
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
      const totals = await totalsOf(store)
      for (const { text, rows } of pieces) {
        store('rows').add({ text, rows, at })
        totals.rows += rows
        totals.bytes += text.length
      }
      store('meta').put(totals, 'totals')
    })
  }

  /** @returns {Promise<{ rows: number, bytes: number, batches: Batch[] }>} */
  contents() {
    return this.database.read(async (store) => {
      const batches = await resultOf(store('batches').getAll())
      return { ...(await totalsOf(store)), batches }
    })
  }

  /**
   * The oldest chunks that are in no batch: as many as one batch may have, and at least one.
   *
   * @param {number} rowsMax
   * @param {number} bytesMax
   * @returns {Promise<{ chunks: Chunk[], full: boolean, flushTo: number }>} full: the batch cannot
   *   become larger; a flush wants all chunks up to `flushTo`
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
   * What decides when the next batch is due. `oldest` is the oldest chunk that is in no batch.
   *
   * @returns {Promise<{ rows: number, bytes: number, batches: Batch[], oldest?: Chunk, flushTo:
   *   number }>}
   */
  outlook() {
    return this.database.read(async (store) => {
      const batches = await resultOf(store('batches').getAll())
      const oldest = await firstFree(store, batches)
      return { ...(await totalsOf(store)), batches, oldest, flushTo: await flushToOf(store) }
    })
  }

  /** Makes all present rows due, for any page that can upload them. */
  flushAll() {
    return this.database.write(async (store) => {
      const newest = await resultOf(store('rows').openKeyCursor(null, 'prev'))
      if (newest !== null) store('meta').put(newest.primaryKey, 'flushTo')
    })
  }

  /**
   * The NDJSON of a batch, in chunks.
   *
   * @param {Batch} batch
   * @returns {Promise<Uint8Array[]>}
   */
  texts({ chunks }) {
    return this.database.read(async (store) => {
      const found = await Promise.all(chunks.map((seq) => resultOf(store('rows').get(seq))))
      return found.filter((chunk) => chunk !== undefined).map(({ text }) => text)
    })
  }

  /**
   * Takes the file of a batch to send it, and notes that. From now on the store may have its bytes,
   * and all pages know it.
   *
   * @param {Batch} batch
   * @returns {Promise<{ batch: Batch, bytes: Uint8Array } | undefined>}
   */
  open(batch) {
    return this.#onBatch(batch, async (store, stored) => {
      const bytes = await resultOf(store('files').get(batch.id))
      const opened = { ...stored, opens: (stored.opens ?? 0) + 1 }
      store('batches').put(opened)
      return { batch: opened, bytes }
    })
  }

  /**
   * Makes a sealed batch of chunks. Returns none if another page took a chunk first, or sealed a
   * file whose columns this one does not keep.
   *
   * @param {Chunk[]} chunks
   * @param {Frozen} frozen
   * @param {number} at
   * @returns {Promise<Batch | undefined>}
   */
  seal(chunks, frozen, at) {
    const { bytes, key, sha256, target } = frozen
    return this.database.write(async (store) => {
      if (!(await allFree(store, chunks))) return undefined
      if (!(await keepsLast(store, frozen))) return undefined
      const id = await nextBatchId(store)
      const file = { key, sha256, target, revision: 0, opens: 0 }
      /** @type {Batch} */
      const batch = { id, state: 'sealed', ...contentOf(chunks), at, ...file }
      store('batches').add(batch)
      store('files').put(bytes, id)
      store('meta').put(id, 'lastBatch')
      store('meta').put(target.max, 'lastLsn')
      store('meta').put(frozen.schema, 'schema')
      return batch
    })
  }

  /**
   * Gives a batch another key and file, because other content is at its key.
   *
   * @param {Batch} batch
   * @param {Frozen} frozen
   * @returns {Promise<Batch | undefined>}
   */
  sealAnew(batch, frozen) {
    const { bytes, key, sha256, target } = frozen
    return this.#onBatch(batch, async (store) => {
      if (!(await keepsLast(store, frozen))) return undefined
      const anew = { ...batch, revision: batch.revision + 1, opens: 0, key, sha256, target }
      store('batches').put(anew)
      store('files').put(bytes, batch.id)
      store('meta').put(target.max, 'lastLsn')
      store('meta').put(frozen.schema, 'schema')
      return anew
    })
  }

  /**
   * Deletes a batch that the store has, even if another page parked it.
   *
   * @param {Batch} batch
   */
  removeStored(batch) {
    return this.#onBatch(batch, (store) => removeFrom(store, batch), { inAnyState: true })
  }

  /**
   * Deletes a batch without storing it.
   *
   * @param {Batch} batch
   */
  discard(batch) {
    return this.#onBatch(batch, (store) => removeFrom(store, batch))
  }

  /**
   * Parks a sealed batch, with the error that stopped it. Its file stays, because the store may
   * have it.
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
   * Parks chunks that cannot be encoded.
   *
   * @param {Chunk[]} chunks
   * @param {Reason} error
   * @param {number} at
   * @returns {Promise<Batch | undefined>}
   */
  parkRows(chunks, error, at) {
    return this.database.write(async (store) => {
      if (!(await allFree(store, chunks))) return undefined
      const id = await nextBatchId(store)
      /** @type {Batch} */
      const batch = { id, state: 'parked', ...contentOf(chunks), at, revision: 0, error }
      store('batches').add(batch)
      store('meta').put(id, 'lastBatch')
      return batch
    })
  }

  /**
   * Puts a parked batch back. If it has a file, that file is sent; if not, its rows are free again.
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
   * Takes a batch apart if no byte of it was sent: its rows are free again. Returns none if another
   * page has opened it.
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
   * Replaces a free chunk by smaller ones.
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
    return this.database.read((store) => resultOf(store('meta').get(name)))
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  setMeta(name, value) {
    return this.database.write((store) => void store('meta').put(value, name))
  }

  /**
   * Takes or renews the lease, if no other owner has it.
   *
   * @param {string} owner
   * @param {() => number} now
   * @param {number} leaseMs
   * @returns {Promise<boolean>}
   */
  takeLease(owner, now, leaseMs) {
    return this.database.write(async (store) => {
      const lease = await resultOf(store('meta').get('lease'))
      // The clock is read inside the transaction, one page after the other. So no page sees a lease
      // that begins in its future.
      const held = lease?.owner !== owner && isHeld(lease, now, leaseMs)
      if (!held) store('meta').put({ owner, until: now() + leaseMs }, 'lease')
      return !held
    })
  }

  /**
   * Whether a page has the lease.
   *
   * @param {() => number} now
   * @param {number} leaseMs
   */
  isLeased(now, leaseMs) {
    return this.database.read(async (store) => {
      return isHeld(await resultOf(store('meta').get('lease')), now, leaseMs)
    })
  }

  /** @param {string} owner */
  endLease(owner) {
    return this.database.write(async (store) => {
      const lease = await resultOf(store('meta').get('lease'))
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
      const stored = await resultOf(store('batches').get(batch.id))
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
  const { rows, bytes } = await totalsOf(store)
  for (const [first, last] of runs(batch.chunks)) {
    store('rows').delete(IDBKeyRange.bound(first, last))
  }
  store('batches').delete(batch.id)
  store('files').delete(batch.id)
  store('meta').put({ rows: rows - batch.rows, bytes: bytes - batch.bytes }, 'totals')
  return batch
}
