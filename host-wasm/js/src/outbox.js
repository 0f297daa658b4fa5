// The outbox: rows are safe on this device first, and in the store when the network allows.

import { ColdpressError } from './error.js'
import { Appender } from './outbox-append.js'
import { openDatabase } from './outbox-db.js'
import { drain } from './outbox-drain.js'
import { failedBatch } from './outbox-failed.js'
import { alone, isTaken, TAKEN } from './outbox-lock.js'
import { checked } from './outbox-options.js'
import { Peers } from './outbox-peers.js'
import { Schedule, total } from './outbox-schedule.js'
import { OutboxStore } from './outbox-store.js'

/** @import { OutboxOptions } from '../outbox.js' */
/** @import { Settled } from './outbox-options.js' */

/** What happened in one page and is told in all. */
const RELAYED = new Set(['uploaded', 'failed', 'error'])

/**
 * `openOutbox` on the package of one runtime.
 *
 * @param {{ Encoder: new (options: object) => any, init: () => Promise<void>, parseObjectKey:
 *   Function, upload: any }} coldpress
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
 * @property {(texts: Uint8Array[], options: object) => Promise<{ bytes: Uint8Array, key: string,
 *   sha256(): Promise<string> }>} encode
 * @property {(grants: any, file: any, options: object) => Promise<{ key: string, created: boolean
 *   }>} upload
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
  #peers
  #schedule
  /** Aborted when the outbox is closed. */
  #ending = new AbortController()
  /** Aborted when the browser lets this page rest; there is another once it wakes up. */
  #awake = new AbortController()
  /** @type {Set<Promise<unknown>>} */
  #passes = new Set()
  /** @type {unknown} */
  #error
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
    this.#peers = new Peers(settled.name, settled.scene, {
      hear: (message) => this.#heard(message),
      died: () => this.wake(),
    })
    this.#schedule = new Schedule(settled, store, {
      idle: () => this.#mayRun && this.#world.online() && this.#passes.size === 0,
      told: () => this.#peers.watching,
      pass: () => void this.#pass(false).catch(() => {}),
      failed: (error) => this.#failed(error),
    })
    const stops = [
      this.#world.onOnline(() => {
        this.#schedule.clear()
        this.wake()
      }),
      settled.scene.onPage({ rest: () => this.#rest(), wake: () => this.#wakeUp() }),
    ]
    this.#stopListening = () => stops.forEach((stop) => stop())
    this.#peers.open()
  }

  /** @param {unknown} rows */
  async append(rows) {
    this.#checkOpen()
    const count = await this.#appender.append(rows)
    this.#peers.tell({ type: 'rows' })
    this.#dispatch('change', {})
    this.wake()
    return { rows: count }
  }

  async flush() {
    this.#checkOpen()
    await this.#appender.idle()
    await this.#store.flushAll()
    this.#peers.tell({ type: 'flush' })
    if (!this.#world.online()) {
      const message = 'there is no network; the rows wait here, and go when it is back'
      throw new ColdpressError('Unavailable', message)
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
      draining: this.#passes.size > 0 || (await isTaken(this.#place(this.#ending.signal))),
      online: this.#world.online(),
      persisted: this.#persisted,
      error: this.#error,
      nextAttemptMs: this.#schedule.nextAttempt,
    }
  }

  async failed() {
    this.#checkOpen()
    const { batches } = await this.#store.contents()
    const changed = () => {
      this.#tell('change', {})
      this.wake()
    }
    const parked = batches.filter(({ state }) => state === 'parked')
    return parked.map((batch) => failedBatch(batch, this.#store, changed))
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
    this.#dispatch('error', { error, elsewhere: false })
    this.#end()
  }

  /** Looks whether a batch is due, and when to look again where none is. */
  wake() {
    if (this.#mayRun) this.#schedule.wake()
  }

  get #mayRun() {
    return !this.#ending.signal.aborted && !this.#awake.signal.aborted
  }

  /** A page that does not run must hold nothing that others wait for. */
  #rest() {
    const message = 'the browser put this page to rest; its rows wait, or go from another page'
    this.#awake.abort(new ColdpressError('Aborted', message))
    this.#schedule.stop()
    this.#peers.close()
  }

  #wakeUp() {
    if (this.#ending.signal.aborted) return
    if (this.#awake.signal.aborted) this.#awake = new AbortController()
    this.#peers.open()
    this.wake()
  }

  /**
   * @param {AbortSignal} signal
   * @returns {import('./outbox-lock.js').Place}
   */
  #place(signal) {
    const { name, scene, world } = this.#settled
    return { name, store: this.#store, locks: scene.locks, peers: this.#peers, world, signal }
  }

  /** @param {boolean} all */
  async #pass(all) {
    const { signal } = this.#awake
    const pass = this.#inTurn(signal, all)
    this.#passes.add(pass)
    try {
      const done = await pass
      if (done === undefined) return { objects: 0, rows: 0 }
      this.#schedule.clear()
      this.#error = undefined
      return done
    } catch (error) {
      if (!signal.aborted) this.#failed(error)
      throw error
    } finally {
      this.#passes.delete(pass)
      this.#tell('change', {})
      this.wake()
    }
  }

  /**
   * @param {AbortSignal} signal
   * @param {boolean} all
   * @returns {Promise<{ objects: number, rows: number } | undefined>} none where nothing may be
   *   tried now
   */
  async #inTurn(signal, all) {
    for (;;) {
      try {
        return await alone(this.#place(signal), async (given) => {
          // Whoever had the turn before may have met servers that want to be left in peace.
          if (!all && this.#schedule.restLeft > 0) return undefined
          return drain(this.#tools(), { all, signal: given })
        })
      } catch (error) {
        // Another page took this one for dead, and uploads now: this one waits for its turn again.
        if (error !== TAKEN) throw error
      }
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
      send: (file, options) =>
        this.#pack.upload(grants, file, { ...options, concurrency, world: this.#world }),
      targetOf: this.#pack.targetOf,
      tell: (type, detail) => {
        // Progress is for the page that makes it: too much to tell in all.
        if (type === 'progress') this.#dispatch(type, detail)
        else this.#tell(type, detail)
      },
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    const pauseMs = this.#schedule.failed(error)
    this.#error = error
    this.#tell('error', { error }, pauseMs)
    this.wake()
  }

  /** @param {import('./outbox-peers.js').Message} message of another page */
  #heard({ type, detail }) {
    if (!this.#mayRun) return
    if (type === 'event') this.#heardEvent(detail ?? {})
    if (type === 'rows' || type === 'change') this.#dispatch('change', {})
    if (type === 'flush' || (type === 'rows' && !this.#schedule.armed)) this.wake()
  }

  /** @param {{ name?: string, told?: any, error?: any, pauseMs?: number }} detail */
  #heardEvent({ name, told, error, pauseMs }) {
    const made = error && new ColdpressError(String(error.code), String(error.message))
    if (name === 'uploaded') {
      this.#schedule.clear()
      this.#error = undefined
    }
    if (name === 'error') {
      this.#error = made
      // A server or network that failed is the same for all pages; a wrong token may be that page's
      // own.
      const ms = Number(pauseMs)
      if (error?.code === 'Unavailable' && ms > 0) this.#schedule.pause(ms)
    }
    if (name === undefined || !RELAYED.has(name)) return
    this.#dispatch(name, { ...told, ...(made && { error: made }), elsewhere: true })
  }

  #checkOpen() {
    if (this.#ending.signal.aborted) throw new ColdpressError('Misuse', 'this outbox is closed; open it again')
  }

  #end() {
    const message = 'the outbox was closed; its rows wait for the next time'
    const closed = new ColdpressError('Aborted', message)
    this.#ending.abort(closed)
    this.#awake.abort(closed)
    this.#stopListening()
    this.#schedule.stop()
    this.#peers.close()
  }

  /**
   * Tells this page and all others.
   *
   * @param {string} type
   * @param {{ error?: any }} detail
   * @param {number} [pauseMs] how long everything waits after an error
   */
  #tell(type, detail, pauseMs) {
    if (type === 'change') {
      this.#peers.tell({ type })
      return this.#dispatch(type, detail)
    }
    const { error, ...told } = detail
    const { code = 'Unavailable', message = String(error) } = error ?? {}
    // Errors lose their code where they are copied to another page.
    const copy = error === undefined ? undefined : { code, message }
    this.#peers.tell({ type: 'event', detail: { name: type, told, error: copy, pauseMs } })
    this.#dispatch(type, { ...detail, elsewhere: false })
  }

  /**
   * @param {string} type
   * @param {object} detail
   */
  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
