// Drains an outbox: makes sealed batches of rows, and uploads each batch as one object, exactly
// once.
//
// A batch is sealed before its first byte is sent: one transaction stores its bytes, key and hash.
// So every retry sends the same bytes to the same create-only key. A batch is deleted here only
// after the store has confirmed it. It gets another key only if the store holds other content at
// its key.

import { ColdpressError } from './error.js'
import { timeRange } from './lsn.js'
import { aborted, linkedController, msLeft } from './outbox-wait.js'

/** @import { Batch, Chunk, Frozen, Reason } from './outbox-contents.js' */
/** @import { OutboxStore } from './outbox-store.js' */
/** @import { Runtime } from './runtime.js' */
/** @import { GetGrant } from '../index.js' */

/** These errors are not about one batch: it waits in its place, and the others behind it. */
const WAITS = new Set([
  'Unavailable', 'Denied', 'NotFound', 'Cors', 'Expired', 'Aborted', 'Quota', 'Misuse',
])
/** More conflicts than this in one pass have another cause than two devices with the same key. */
const CONFLICTS_MAX = 5
/** As long as `upload` waits for a grant. */
const GRANT_MS_MAX = 120_000

/**
 * What a drain uses: the functions of the package, and the settings.
 *
 * @typedef {object} Tools
 * @property {OutboxStore} store
 * @property {Runtime} runtime
 * @property {GetGrant} grants
 * @property {{ tenant?: string, collection: string, rowsMax: number, bytesMax: number, ageMs:
 *   number }} limits
 * @property {boolean} keepsColumns each file keeps the columns of the last one
 * @property {(texts: Uint8Array[], options: object) => Promise<{ bytes: Uint8Array, key: string,
 *   schema: object, sha256(): Promise<string> }>} encode
 * @property {(file: object, options: object) => Promise<{ key: string, created: boolean }>} send
 * @property {(grant: object) => Promise<{ tenant: string }>} targetOf
 * @property {(type: string, detail: object) => void} tell
 */

/**
 * One pass: uploads all sealed batches, then seals and uploads the rows that are due, or with `all`
 * every row. After an error nothing is lost: the next pass goes on.
 *
 * @param {Tools} tools
 * @param {{ all: boolean, signal: AbortSignal }} how
 * @returns {Promise<{ objects: number, rows: number }>}
 */
export async function drain(tools, { all, signal }) {
  const done = { objects: 0, rows: 0 }
  const sealer = new Sealer(tools)
  for (;;) {
    signal.throwIfAborted()
    const { batches } = await tools.store.contents()
    const waiting = batches.find(({ state }) => state === 'sealed')
    const batch = waiting ?? (await sealer.next(all, signal))
    if (batch === undefined) return done
    const sent = await new Sending(tools, sealer, batch, waiting === undefined, signal).run()
    if (sent) {
      done.objects += 1
      done.rows += batch.rows
    }
  }
}

/** Makes batches of free rows. */
class Sealer {
  /** @param {Tools} tools */
  constructor(tools) {
    this.tools = tools
    this.rowsMax = tools.limits.rowsMax
  }

  /**
   * @param {boolean} all
   * @param {AbortSignal} signal
   * @returns {Promise<Batch | undefined>} undefined if nothing is due
   */
  async next(all, signal) {
    const { store, runtime, limits } = this.tools
    for (;;) {
      signal.throwIfAborted()
      const { chunks, full, flushTo } = await store.free(this.rowsMax, limits.bytesMax)
      if (chunks.length === 0) return undefined
      const [{ seq, at }] = chunks
      const due = all || full || seq <= flushTo || msLeft(at, limits.ageMs, runtime.now()) === 0
      if (!due) return undefined
      if (chunks[0].rows > this.rowsMax) {
        await store.split(chunks[0], halves(chunks[0].text, this.rowsMax))
        continue
      }
      const batch = await this.#seal(chunks, signal)
      if (batch !== undefined) return batch
    }
  }

  /**
   * @param {Chunk[]} chunks
   * @param {AbortSignal} signal
   * @returns {Promise<Batch | undefined>} undefined: try again, with other rows
   */
  async #seal(chunks, signal) {
    const { store, runtime } = this.tools
    const rows = chunks.reduce((total, chunk) => total + chunk.rows, 0)
    const tenant = await this.#tenant(rows, signal)
    try {
      const frozen = await this.freeze(chunks.map(({ text }) => text), rows, tenant)
      const batch = await store.seal(chunks, frozen, runtime.now())
      if (batch === undefined) return undefined
      this.rowsMax = this.tools.limits.rowsMax
      this.tools.tell('change', {})
      return batch
    } catch (error) {
      // The file needs space in addition to its rows. Fewer rows need less.
      const fewerMayFit = codeOf(error) === 'Quota' && rows > 1
      if (WAITS.has(codeOf(error)) && !fewerMayFit) throw error
      await this.#isolate(chunks, rows, error)
      return undefined
    }
  }

  /**
   * The bytes, key and hash of a batch.
   *
   * @param {Uint8Array[]} texts
   * @param {number} rows
   * @param {string} tenant
   * @returns {Promise<Frozen>}
   */
  async freeze(texts, rows, tenant) {
    const { store, runtime, limits, encode } = this.tools
    const lastLsn = await store.meta('lastLsn')
    const lsns = timeRange(rows, runtime, lastLsn === undefined ? undefined : BigInt(lastLsn))
    const { collection } = limits
    // Engines that read several files together take the types of one for all.
    const keeps = this.tools.keepsColumns ? ((await store.meta('schema')) ?? '') : undefined
    const columns = keeps ? { schema: keeps, newFields: 'column' } : {}
    const file = await encode(texts, { tenant, collection, lsns, ...columns })
    const target = { tenant, collection, min: String(lsns.min), max: String(lsns.max) }
    const { bytes, key } = file
    const schema = JSON.stringify(file.schema)
    return { bytes, key, sha256: await file.sha256(), target, schema, keeps }
  }

  /**
   * Halves rows that cannot be encoded until the bad row is alone. That row is parked.
   *
   * @param {Chunk[]} chunks
   * @param {number} rows
   * @param {unknown} error
   */
  async #isolate(chunks, rows, error) {
    const { store, runtime, tell } = this.tools
    if (rows <= 1) {
      const parked = await store.parkRows(chunks, reasonOf(error), runtime.now())
      if (parked !== undefined) tell('failed', { id: parked.id, rows: parked.rows, error })
      this.rowsMax = this.tools.limits.rowsMax
      return
    }
    this.halve(rows)
  }

  /** @param {number} rows */
  halve(rows) {
    this.rowsMax = Math.ceil(rows / 2)
  }

  /**
   * The tenant of the rows. If the caller did not pass it, only a grant tells it.
   *
   * @param {number} rows
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  async #tenant(rows, signal) {
    const { store, runtime, grants, limits, targetOf } = this.tools
    if (limits.tenant !== undefined) return limits.tenant
    const known = await store.meta('tenant')
    if (known !== undefined) return known
    const { min, max } = timeRange(rows, runtime)
    const request = { collection: limits.collection, min_lsn: String(min), max_lsn: String(max) }
    const ask = (/** @type {AbortSignal} */ asking) => grants(request, { signal: asking })
    const { tenant } = await targetOf(await inTime(runtime, signal, ask))
    await store.setMeta('tenant', tenant)
    return tenant
  }
}

/** The upload of one sealed batch. */
class Sending {
  /**
   * @param {Tools} tools
   * @param {Sealer} sealer
   * @param {Batch} batch
   * @param {boolean} fresh sealed in this pass, so the store cannot have it
   * @param {AbortSignal} signal
   */
  constructor(tools, sealer, batch, fresh, signal) {
    this.tools = tools
    this.sealer = sealer
    this.batch = batch
    this.fresh = fresh
    this.untouched = fresh
    this.signal = signal
  }

  /** @returns {Promise<boolean>} whether it is in the store */
  async run() {
    for (let conflicts = 0; ; conflicts += 1) {
      try {
        return await this.#send()
      } catch (error) {
        // Only with a key, the conflict was seen in the store itself.
        const taken = codeOf(error) === 'Conflict' && /** @type {any} */ (error).key !== undefined
        if (!taken || conflicts === CONFLICTS_MAX) return this.#setAside(error)
        if (!(await this.#sealAnew())) return false
      }
    }
  }

  /** @returns {Promise<boolean>} */
  async #send() {
    const { store, send, tell } = this.tools
    const opened = await store.open(this.batch)
    // Another page has uploaded it meanwhile.
    if (opened === undefined) return false
    this.batch = opened.batch
    this.untouched = this.fresh && opened.batch.opens === 1
    const { bytes } = opened
    const { id, key, rows, target, sha256 } = this.batch
    if (target === undefined) return false
    const file = { bytes, key, rows, sha256: async () => sha256 }
    const result = await send(file, {
      signal: this.signal,
      onRequest: () => (this.untouched = false),
      onProgress: (/** @type {object} */ progress) => tell('progress', { id, ...progress }),
    })
    const removed = await store.removeStored(this.batch)
    if (removed !== undefined) {
      const { created } = result
      tell('uploaded', { id, key: result.key, rows, bytes: bytes.length, created })
    }
    return removed !== undefined
  }

  /**
   * Seals the batch again, with another key. Other content is at its key, so the store certainly
   * does not have this batch.
   *
   * @returns {Promise<boolean>}
   */
  async #sealAnew() {
    const { store } = this.tools
    const texts = await store.texts(this.batch)
    const frozen = await this.sealer.freeze(texts, this.batch.rows, this.batch.target?.tenant ?? '')
    const batch = await store.sealAnew(this.batch, frozen)
    if (batch === undefined) return false
    this.batch = batch
    this.fresh = true
    return true
  }

  /**
   * @param {unknown} error
   * @returns {Promise<false>}
   */
  async #setAside(error) {
    const { store, tell } = this.tools
    const code = codeOf(error)
    // After `Internal` the instance has stopped, maybe because of another call: this batch waits.
    if (WAITS.has(code) || code === 'Internal') throw error
    if (code === 'Limit' && this.untouched && this.batch.rows > 1) {
      if ((await store.unseal(this.batch)) !== undefined) this.sealer.halve(this.batch.rows)
      return false
    }
    const parked = await store.park(this.batch, reasonOf(error))
    if (parked !== undefined) tell('failed', { id: parked.id, rows: parked.rows, error })
    return false
  }
}

/**
 * Ends a wait for the caller's own function, which may never answer: other pages wait meanwhile.
 *
 * @template T
 * @param {Runtime} runtime
 * @param {AbortSignal} signal
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @returns {Promise<T>}
 */
async function inTime(runtime, signal, ask) {
  const { controller, release } = linkedController(signal)
  const what = `the function that gets grants did not answer within ${GRANT_MS_MAX} ms`
  const late = new ColdpressError('Unavailable', what)
  const timer = runtime.setTimer(() => controller.abort(late), GRANT_MS_MAX)
  const ended = aborted(controller.signal).then(() => Promise.reject(controller.signal.reason))
  try {
    return await Promise.race([ask(controller.signal), ended])
  } finally {
    runtime.clearTimer(timer)
    release()
  }
}

/**
 * Splits NDJSON after `rows` lines.
 *
 * @param {Uint8Array} text
 * @param {number} rows
 * @returns {{ text: Uint8Array, rows: number }[]}
 */
export function halves(text, rows) {
  let end = 0
  for (let row = 0; row < rows; row += 1) end = text.indexOf(10, end) + 1
  const rest = text.slice(end)
  return [
    { text: text.slice(0, end), rows },
    { text: rest, rows: rest.reduce((lines, byte) => (byte === 10 ? lines + 1 : lines), 0) },
  ]
}

/** @param {unknown} error */
function codeOf(error) {
  // Another error comes from a function of the caller or from a bug: no reason to park rows.
  return error instanceof ColdpressError ? error.code : 'Unavailable'
}

/**
 * @param {unknown} error
 * @returns {Reason}
 */
function reasonOf(error) {
  const { message } = /** @type {Error} */ (error)
  return { code: codeOf(error), message }
}
