// What a caller can do with rows that were parked.

import { ColdpressError } from './error.js'

/** @import { Batch } from './outbox-contents.js' */
/** @import { OutboxStore } from './outbox-store.js' */

/**
 * A parked batch, as `failed()` gives it.
 *
 * @param {Batch} batch
 * @param {OutboxStore} store
 * @param {() => void} changed called when it is no longer parked
 */
export function failedBatch(batch, store, changed) {
  const { id, rows, bytes, at, error, key } = batch
  /** @param {Promise<Batch | undefined>} step */
  const done = async (step) => {
    if ((await step) === undefined) {
      const what = `the failed batch ${id} is no longer there`
      throw new ColdpressError('Misuse', `${what}: it was stored, retried or discarded meanwhile`)
    }
    changed()
  }
  return {
    id,
    rows,
    bytes,
    at: new Date(at),
    key,
    error: new ColdpressError(error?.code ?? 'Internal', error?.message ?? ''),
    ndjson: async () => decoded(await store.texts(batch)),
    retry: () => done(store.retry(batch)),
    discard: () => done(store.discard(batch)),
  }
}

/** @param {Uint8Array[]} texts */
function decoded(texts) {
  const decoder = new TextDecoder()
  return texts.map((text) => decoder.decode(text)).join('')
}
