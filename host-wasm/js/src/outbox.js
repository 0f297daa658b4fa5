// The outbox: rows are safe on this device first, and in the store when the network allows.

import { ColdpressError } from './error.js'
import { Appender } from './outbox-append.js'
import { openDatabase } from './outbox-db.js'
import { drain } from './outbox-drain.js'
import { alone } from './outbox-lock.js'
import { checked } from './outbox-options.js'
import { OutboxStore } from './outbox-store.js'

/** @import { OutboxOptions } from '../outbox.js' */
/** @import { Settled } from './outbox-options.js' */
/** @import { Batch } from './outbox-store.js' */

/**
 * `openOutbox` on the package of one runtime.
 *
 * @param {{ Encoder: new (options: object) => any, init: () => Promise<void>, parseObjectKey: Function, upload: any }} coldpress
 */
export function outboxes({ Encoder, init, parseObjectKey, upload }) {
  /** @type {Package} */
  const pack = {
    upload,
    async encode(texts, options) {
      const encoder = new Encoder(options)
      try {
        for (const text of texts) await encoder.push(text)
        return await encoder.finish()
      } finally {
        encoder.dispose()
      }
    },
    load: () => init(),
    async targetOf(grant) {
      const { tenant } = await parseObjectKey(grant.key, { prefix: grant.prefix })
      return { tenant: String(tenant) }
    },
  }
  return (/** @type {OutboxOptions} */ options) => openOutbox(pack, options)
}

/**
 * What the outbox stands on: functions of the package, for the runtime it was loaded in.
 *
 * @typedef {object} Package
 * @property {() => Promise<void>} load
 * @property {(texts: Uint8Array[], options: object) => Promise<{ bytes: Uint8Array, key: string, sha256(): Promise<string> }>} encode
 * @property {(grants: any, file: any, options: object) => Promise<{ key: string, created: boolean }>} upload
 * @property {(grant: any) => Promise<{ tenant: string }>} targetOf
 */

/**
 * @param {Package} pack
 * @param {OutboxOptions} options
 */
export async function openOutbox(pack, options) {
  const settled = checked(options)
  /** @type {Outbox | undefined} */
  let outbox
  const database = await openDatabase(settled.name, settled.indexedDB, (error) => void outbox?.lost(error))
  const store = new OutboxStore(database)
  try {
    await store.bind(settled.collection, settled.tenant)
  } catch (error) {
    store.close()
    throw error
  }
  // Now, while there may be a network: rows that are appended offline want the encoder too.
  await pack.load().catch(() => {})
  const persisted = settled.persist ? await globalThis.navigator?.storage?.persist?.() : undefined
  outbox = new Outbox(pack, settled, store, persisted)
  outbox.wake()
  return outbox
}

export class Outbox extends EventTarget {
  #pack
  #settled
  #world
  #store
  #appender
  #persisted
  #ending = new AbortController()
  /** @type {any} */
  #timer
  /** @type {Set<Promise<unknown>>} */
  #passes = new Set()
  #looking = false
  #lookAgain = false
  #failures = 0
  /** @type {unknown} */
  #error
  /** @type {number | undefined} */
  #nextAttempt
  #stopListening

  /**
   * @param {Package} pack
   * @param {Settled} settled
   * @param {OutboxStore} store
   * @param {boolean | undefined} persisted
   */
  constructor(pack, settled, store, persisted) {
    super()
    this.#pack = pack
    this.#settled = settled
    this.#world = settled.world
    this.#store = store
    this.#persisted = persisted
    this.#appender = new Appender(store, settled, (text) =>
      pack.encode([text], { ...settled.encoding, collection: settled.collection, codec: 'none' }),
    )
    this.#stopListening = this.#world.onOnline(() => {
      this.#failures = 0
      this.#nextAttempt = undefined
      this.wake()
    })
  }

  /** @param {unknown} rows */
  async append(rows) {
    this.#checkOpen()
    const count = await this.#appender.append(rows)
    this.#tell('change', {})
    this.wake()
    return { rows: count }
  }

  async flush() {
    this.#checkOpen()
    await this.#appender.idle()
    if (!this.#world.online()) {
      throw new ColdpressError('Unavailable', 'there is no network; the rows wait here, and go when it is back')
    }
    return this.#pass(true)
  }

  async state() {
    this.#checkOpen()
    const { rows, bytes, batches } = await this.#store.contents()
    const sealed = batches.filter(({ state }) => state === 'sealed')
    const parked = batches.filter(({ state }) => state === 'parked')
    const failedRows = total(parked, 'rows')
    return {
      rows: rows - failedRows,
      bytes: bytes - total(parked, 'bytes'),
      batches: sealed.length,
      failed: { batches: parked.length, rows: failedRows },
      draining: this.#passes.size > 0,
      online: this.#world.online(),
      persisted: this.#persisted,
      error: this.#error,
      nextAttemptMs: this.#nextAttempt,
    }
  }

  async failed() {
    this.#checkOpen()
    const { batches } = await this.#store.contents()
    return batches.filter(({ state }) => state === 'parked').map((batch) => this.#failedBatch(batch))
  }

  async close() {
    if (this.#ending.signal.aborted) return
    await this.#appender.idle()
    this.#end()
    await Promise.allSettled(this.#passes)
    this.#store.close()
  }

  /** @param {ColdpressError} error */
  lost(error) {
    this.#error = error
    this.#tell('error', { error })
    this.#end()
  }

  /** Looks whether a batch is due, and when to look again where none is. */
  wake() {
    if (this.#ending.signal.aborted) return
    this.#lookAgain = this.#looking
    if (this.#looking) return
    this.#looking = true
    this.#world.clearTimer(this.#timer)
    void this.#look()
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#looking = false
        if (this.#lookAgain) this.wake()
      })
  }

  async #look() {
    // The runtime wakes us when the network is back.
    if (!this.#world.online() || this.#passes.size > 0) return
    const due = Math.max((await this.#dueAt()) ?? Infinity, this.#nextAttempt ?? 0)
    if (due === Infinity || this.#ending.signal.aborted) return
    const wait = due - this.#world.now()
    if (wait > 0) this.#timer = this.#world.setTimer(() => this.wake(), wait)
    else void this.#pass(false).catch(() => {})
  }

  /** @returns {Promise<number | undefined>} */
  async #dueAt() {
    const { rows, bytes, batches } = await this.#store.contents()
    const { rowsMax, bytesMax, ageMs } = this.#settled.limits
    if (batches.some(({ state }) => state === 'sealed')) return 0
    const free = rows - total(batches, 'rows')
    if (free === 0) return undefined
    if (free >= rowsMax || bytes - total(batches, 'bytes') >= bytesMax) return 0
    const oldest = await this.#store.oldest()
    return oldest === undefined ? undefined : oldest + ageMs
  }

  /** @param {boolean} all */
  async #pass(all) {
    const { signal } = this.#ending
    const { name, locks } = this.#settled
    const pass = alone(name, this.#store, { locks, now: this.#world.now, signal }, () => drain(this.#tools(), { all, signal }))
    this.#passes.add(pass)
    try {
      const done = await pass
      this.#failures = 0
      this.#nextAttempt = undefined
      this.#error = undefined
      return done
    } catch (error) {
      if (signal.aborted) throw new ColdpressError('Aborted', 'the outbox was closed; its rows wait for the next time', { cause: error })
      this.#failed(error)
      throw error
    } finally {
      this.#passes.delete(pass)
      this.#tell('change', {})
      this.wake()
    }
  }

  /** @returns {import('./outbox-drain.js').Tools} */
  #tools() {
    const { grants, limits, tenant, collection, encoding, concurrency } = this.#settled
    return {
      store: this.#store,
      world: this.#world,
      grants,
      limits: { ...limits, tenant, collection },
      encode: (texts, target) => this.#pack.encode(texts, { ...encoding, ...target }),
      send: (file, options) => this.#pack.upload(grants, file, { ...options, concurrency, world: this.#world }),
      targetOf: this.#pack.targetOf,
      tell: (type, detail) => this.#tell(type, detail),
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    const { backoffMsMin, backoffMsMax } = this.#settled
    const longest = Math.min(backoffMsMin * 2 ** this.#failures, backoffMsMax)
    const random = Number(this.#world.seed() & 0xffffffffn) / 2 ** 32
    const asked = /** @type {any} */ (error)?.retryAfterMs ?? 0
    this.#failures += 1
    this.#nextAttempt = this.#world.now() + Math.max(asked, backoffMsMin / 2 + random * longest)
    this.#error = error
    this.#tell('error', { error })
    this.#timer = this.#world.setTimer(() => this.wake(), this.#nextAttempt - this.#world.now())
  }

  /** @param {Batch} batch */
  #failedBatch(batch) {
    const { id, rows, bytes, at, error, key } = batch
    const gone = new ColdpressError('Misuse', `the failed batch ${id} is no longer there: it was retried or discarded`)
    /** @param {Promise<Batch | undefined>} step */
    const changed = async (step) => {
      if ((await step) === undefined) throw gone
      this.#tell('change', {})
      this.wake()
    }
    return {
      id,
      rows,
      bytes,
      at: new Date(at),
      key,
      error: new ColdpressError(error?.code ?? 'Internal', error?.message ?? ''),
      ndjson: async () => decoded(await this.#store.texts(batch)),
      retry: () => changed(this.#store.retry(batch)),
      discard: () => changed(this.#store.remove(batch)),
    }
  }

  #checkOpen() {
    if (this.#ending.signal.aborted) throw new ColdpressError('Misuse', 'this outbox is closed; open it again')
  }

  #end() {
    this.#ending.abort()
    this.#stopListening()
    this.#world.clearTimer(this.#timer)
  }

  /**
   * @param {string} type
   * @param {object} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}

/**
 * @param {Batch[]} batches
 * @param {'rows' | 'bytes'} what
 */
function total(batches, what) {
  return batches.reduce((sum, batch) => sum + batch[what], 0)
}

/** @param {Uint8Array[]} texts */
function decoded(texts) {
  const decoder = new TextDecoder()
  return texts.map((text) => decoder.decode(text)).join('')
}
