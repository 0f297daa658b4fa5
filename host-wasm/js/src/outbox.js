// The outbox: stores rows on this device first, and uploads them when there is a network.

import { ColdpressError } from './error.js'
import { Appender } from './outbox-append.js'
import { openDatabase } from './outbox-db.js'
import { drain } from './outbox-drain.js'
import { failedBatch } from './outbox-failed.js'
import { isTaken, TAKEN, withDrainLock } from './outbox-lock.js'
import { checkedOptions } from './outbox-options.js'
import { Peers } from './outbox-peers.js'
import { Schedule, total } from './outbox-schedule.js'
import { OutboxStore } from './outbox-store.js'

/** @import { OutboxOptions } from '../outbox.js' */
/** @import { OutboxSettings } from './outbox-options.js' */

/** Events of one page that all pages get. */
const RELAYED = new Set(['uploaded', 'failed', 'error'])

/**
 * Makes `openOutbox` from the package of one runtime.
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
 * The functions of the package that an outbox uses.
 *
 * @typedef {object} Package
 * @property {() => Promise<void>} load
 * @property {(texts: Uint8Array[], options: object) => Promise<{ bytes: Uint8Array, key: string,
 *   schema: object, sha256(): Promise<string> }>} encode
 * @property {(grants: any, file: any, options: object) => Promise<{ key: string, created: boolean
 *   }>} upload
 * @property {(grant: any) => Promise<{ tenant: string }>} targetOf
 */

/**
 * @param {Package} pack
 * @param {OutboxOptions} options
 */
export async function openOutbox(pack, options) {
  const settings = checkedOptions(options)
  /** @type {Outbox | undefined} */
  let outbox
  const onLost = (/** @type {ColdpressError} */ error) => void outbox?.lost(error)
  const database = await openDatabase(settings.name, settings.indexedDB, onLost)
  const store = new OutboxStore(database)
  try {
    await store.bind(settings.collection, settings.tenant)
  } catch (error) {
    store.close()
    throw error
  }
  // Loads the module now, while there may be a network: offline appends need it too.
  await pack.load().catch(() => {})
  const persisted = settings.persist ? await globalThis.navigator?.storage?.persist?.() : undefined
  outbox = new Outbox(pack, settings, store, persisted)
  outbox.wake()
  return outbox
}

export class Outbox extends EventTarget {
  #pack
  #settings
  #runtime
  #store
  #appender
  #persisted
  #peers
  #schedule
  /** Aborted when the outbox is closed. */
  #ending = new AbortController()
  /** Aborted when the browser freezes this page; a new one is made when the page wakes up. */
  #awake = new AbortController()
  /** @type {Set<Promise<unknown>>} */
  #passes = new Set()
  /** @type {unknown} */
  #error
  #stopListening

  /**
   * @param {Package} pack
   * @param {OutboxSettings} settings
   * @param {OutboxStore} store
   * @param {boolean | undefined} persisted
   */
  constructor(pack, settings, store, persisted) {
    super()
    this.#pack = pack
    this.#settings = settings
    this.#runtime = settings.runtime
    this.#store = store
    this.#persisted = persisted
    this.#appender = new Appender(store, settings, (text) =>
      pack.encode([text], { ...settings.encoding, collection: settings.collection, codec: 'none' }),
    )
    this.#peers = new Peers(settings.name, settings.platform, {
      hear: (message) => this.#heard(message),
      died: () => this.wake(),
    })
    this.#schedule = new Schedule(settings, store, {
      idle: () => this.#mayRun && this.#runtime.online() && this.#passes.size === 0,
      told: () => this.#peers.watching,
      pass: () => void this.#pass(false).catch(() => {}),
      failed: (error) => this.#failed(error),
    })
    const stops = [
      this.#runtime.onOnline(() => {
        this.#schedule.clear()
        this.wake()
      }),
      settings.platform.onPage({ rest: () => this.#rest(), wake: () => this.#wakeUp() }),
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
    if (!this.#runtime.online()) {
      const message = 'there is no network; the rows wait here, and are uploaded when it is back'
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
      draining: this.#passes.size > 0 || (await isTaken(this.#drainLock(this.#ending.signal))),
      online: this.#runtime.online(),
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

  /** Starts a pass if a batch is due; if not, chooses when to look again. */
  wake() {
    if (this.#mayRun) this.#schedule.wake()
  }

  get #mayRun() {
    return !this.#ending.signal.aborted && !this.#awake.signal.aborted
  }

  /** A frozen page must hold no lock that other pages wait for. */
  #rest() {
    const message = 'the browser froze this page; its rows wait, or another page uploads them'
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
   * @returns {import('./outbox-lock.js').DrainLock}
   */
  #drainLock(signal) {
    const { name, platform, runtime } = this.#settings
    return { name, store: this.#store, locks: platform.locks, peers: this.#peers, runtime, signal }
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
   * @returns {Promise<{ objects: number, rows: number } | undefined>} undefined during the pause
   *   after a failure
   */
  async #inTurn(signal, all) {
    for (;;) {
      try {
        return await withDrainLock(this.#drainLock(signal), async (given) => {
          // The page that had the lock before may have failed, and chosen a pause.
          if (!all && this.#schedule.restLeft > 0) return undefined
          return drain(this.#tools(), { all, signal: given })
        })
      } catch (error) {
        // Another page has taken the lock, because this page seemed dead. This page waits again.
        if (error !== TAKEN) throw error
      }
    }
  }

  /** @returns {import('./outbox-drain.js').Tools} */
  #tools() {
    const { grants, limits, tenant, collection, encoding, concurrency } = this.#settings
    const { keepsColumns } = this.#settings
    return {
      store: this.#store,
      runtime: this.#runtime,
      grants,
      limits: { ...limits, tenant, collection },
      keepsColumns,
      encode: (texts, target) => this.#pack.encode(texts, { ...encoding, ...target }),
      send: (file, options) =>
        this.#pack.upload(grants, file, { ...options, concurrency, runtime: this.#runtime }),
      targetOf: this.#pack.targetOf,
      tell: (type, detail) => {
        // Progress stays in this page: it is too much for all pages.
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
      // All pages share the server and the network, so they share the pause. A wrong token may be
      // wrong in that page only.
      const ms = Number(pauseMs)
      if (error?.code === 'Unavailable' && ms > 0) this.#schedule.pause(ms)
    }
    if (name === undefined || !RELAYED.has(name)) return
    this.#dispatch(name, { ...told, ...(made && { error: made }), elsewhere: true })
  }

  #checkOpen() {
    if (!this.#ending.signal.aborted) return
    throw new ColdpressError('Misuse', 'this outbox is closed; open it again')
  }

  #end() {
    const message = 'the outbox was closed; its rows wait until it is opened again'
    const closed = new ColdpressError('Aborted', message)
    this.#ending.abort(closed)
    this.#awake.abort(closed)
    this.#stopListening()
    this.#schedule.stop()
    this.#peers.close()
  }

  /**
   * Sends an event to this page and to all others.
   *
   * @param {string} type
   * @param {{ error?: any }} detail
   * @param {number} [pauseMs] the pause after an error
   */
  #tell(type, detail, pauseMs) {
    if (type === 'change') {
      this.#peers.tell({ type })
      return this.#dispatch(type, detail)
    }
    const { error, ...told } = detail
    const { code = 'Unavailable', message = String(error) } = error ?? {}
    // An error that is copied to another page would lose its code.
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
