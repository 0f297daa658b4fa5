// Reads the database of an outbox for the steps of outbox-store.js, in the transaction of the step.

import { resultOf } from './outbox-db.js'

/** @import { Stores } from './outbox-db.js' */

/**
 * @typedef {{ seq: number, text: Uint8Array, rows: number, at: number }} Chunk
 * @typedef {{ tenant: string, collection: string, min: string, max: string }} BatchTarget
 * @typedef {object} Frozen
 * @property {Uint8Array} bytes
 * @property {string} key
 * @property {string} sha256
 * @property {BatchTarget} target
 * @property {string} schema of the file, as JSON
 * @property {string} [keeps] the schema of the last file, whose columns it keeps; absent: none
 * @typedef {{ code: string, message: string }} Reason
 * @typedef {object} Batch
 * @property {number} id
 * @property {'sealed' | 'parked'} state
 * @property {number[]} chunks their seqs
 * @property {number} rows
 * @property {number} bytes of NDJSON
 * @property {number} at when it was sealed or parked
 * @property {number} revision how often it was sealed again
 * @property {number} [opens] how often a page took its file to send it
 * @property {BatchTarget} [target] target, key and sha256: only with a file
 * @property {string} [key]
 * @property {string} [sha256]
 * @property {Reason} [error] why it is parked
 */

const PAGE_CHUNKS = 256
const PAGE_KEYS = 4096

/** @param {Stores} store */
export async function totalsOf(store) {
  return (await resultOf(store('meta').get('totals'))) ?? { rows: 0, bytes: 0 }
}

/**
 * The id of the next batch. No id is used twice, so a page never takes a new batch for an old one.
 *
 * @param {Stores} store
 * @returns {Promise<number>}
 */
export async function nextBatchId(store) {
  const last = (await resultOf(store('meta').get('lastBatch'))) ?? 0
  const newest = await resultOf(store('batches').openKeyCursor(null, 'prev'))
  return Math.max(last, Number(newest?.primaryKey ?? 0)) + 1
}

/** @param {Stores} store */
export async function flushToOf(store) {
  return (await resultOf(store('meta').get('flushTo'))) ?? 0
}

/**
 * @param {Stores} store
 * @param {Batch[]} batches
 * @returns {Promise<Chunk | undefined>}
 */
export async function firstFree(store, batches) {
  const taken = new Set(batches.flatMap(({ chunks }) => chunks))
  let after = 0
  for (;;) {
    const behind = IDBKeyRange.lowerBound(after, true)
    /** @type {number[]} */
    const page = await resultOf(store('rows').getAllKeys(behind, PAGE_KEYS))
    const free = page.find((seq) => !taken.has(seq))
    if (free !== undefined) return resultOf(store('rows').get(free))
    if (page.length < PAGE_KEYS) return undefined
    after = page[page.length - 1]
  }
}

/** @param {Stores} store */
export async function chunksInBatches(store) {
  /** @type {Batch[]} */
  const batches = await resultOf(store('batches').getAll())
  return new Set(batches.flatMap(({ chunks }) => chunks))
}

/**
 * @param {Stores} store
 * @returns {AsyncGenerator<Chunk>}
 */
export async function* chunksInOrder(store) {
  let after = 0
  for (;;) {
    const behind = IDBKeyRange.lowerBound(after, true)
    const page = await resultOf(store('rows').getAll(behind, PAGE_CHUNKS))
    yield* page
    if (page.length < PAGE_CHUNKS) return
    after = page[page.length - 1].seq
  }
}

/**
 * @param {Stores} store
 * @param {Chunk[]} chunks
 */
export async function allFree(store, chunks) {
  const taken = await chunksInBatches(store)
  const keys = await Promise.all(chunks.map(({ seq }) => resultOf(store('rows').getKey(seq))))
  return keys.every((key, index) => key !== undefined && !taken.has(chunks[index].seq))
}

/** @param {Chunk[]} chunks */
export function contentOf(chunks) {
  return {
    chunks: chunks.map(({ seq }) => seq),
    rows: sum(chunks.map(({ rows }) => rows)),
    bytes: sum(chunks.map(({ text }) => text.length)),
  }
}

/** @param {number[]} numbers */
export function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}

/**
 * The runs without gaps in ascending numbers: the first and the last number of each.
 *
 * @param {number[]} seqs
 * @returns {[number, number][]}
 */
export function runs(seqs) {
  /** @type {[number, number][]} */
  const found = []
  for (const seq of seqs) {
    const last = found[found.length - 1]
    if (last !== undefined && last[1] === seq - 1) last[1] = seq
    else found.push([seq, seq])
  }
  return found
}

/**
 * Whether a file keeps the columns of the last one, if it is to keep any: another page may have
 * sealed a file with new columns in the meantime.
 *
 * @param {Stores} store
 * @param {Frozen} frozen
 */
export async function keepsLast(store, { keeps }) {
  return keeps === undefined || keeps === ((await resultOf(store('meta').get('schema'))) ?? '')
}
