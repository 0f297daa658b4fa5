// Takes an outbox to the store: rows into sealed batches, sealed batches into objects, each exactly
// once.
//
// A batch is sealed (its bytes, key and hash frozen in one transaction) before its first byte is
// sent, so that every replay sends the very same bytes to the very same create-only key. It is gone
// from here only after the store has confirmed it, and gets another key only where the store holds
// other content at this one.

import { ColdpressError } from './error.js'
import { timeRange } from './lsn.js'
import { aborted, following, msLeft } from './outbox-wait.js'

/** @import { OutboxStore, Batch, Chunk, Frozen, Reason } from './outbox-store.js' */
/** @import { World } from './upload-world.js' */
/** @import { GetGrant } from '../index.js' */

/** What is wrong is not wrong with one batch: it waits in its place, and the others behind it. */
const WAITS = new Set([
  'Unavailable', 'Denied', 'NotFound', 'Cors', 'Expired', 'Aborted', 'Quota', 'Misuse',
])
/** So often may a key turn out to be taken in one pass before something else must be wrong. */
const CONFLICTS_MAX = 5
/** As long as an upload waits for a grant. */
const GRANT_MS_MAX = 120_000

/**
 * What a drain is done with: the package's own functions, and what the caller asked for.
 *
 * @typedef {object} Tools
 * @property {OutboxStore} store
 * @property {World} world
 * @property {GetGrant} grants
 * @property {{ tenant?: string, collection: string, rowsMax: number, bytesMax: number, ageMs:
 *   number }} limits
 * @property {(texts: Uint8Array[], target: object) => Promise<{ bytes: Uint8Array, key: string,
 *   sha256(): Promise<string> }>} encode
 * @property {(file: object, options: object) => Promise<{ key: string, created: boolean }>} send
 * @property {(grant: object) => Promise<{ tenant: string }>} targetOf
 * @property {(type: string, detail: object) => void} tell
 */

/**
 * One pass: uploads all sealed batches, and seals and uploads what is due; everything, where `all`
 * is set. Ends with an error where it could not go on, and then nothing is lost: the next pass
 * takes it up.
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
   * @returns {Promise<Batch | undefined>} none where nothing is due
   */
  async next(all, signal) {
    const { store, world, limits } = this.tools
    for (;;) {
      signal.throwIfAborted()
      const { chunks, full, flushTo } = await store.free(this.rowsMax, limits.bytesMax)
      if (chunks.length === 0) return undefined
      const [{ seq, at }] = chunks
      const due = all || full || seq <= flushTo || msLeft(at, limits.ageMs, world.now()) === 0
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
   * @returns {Promise<Batch | undefined>} none where it has to be tried again with other rows
   */
  async #seal(chunks, signal) {
    const { store, world } = this.tools
    const rows = chunks.reduce((total, chunk) => total + chunk.rows, 0)
    const tenant = await this.#tenant(rows, signal)
    try {
      const frozen = await this.freeze(chunks.map(({ text }) => text), rows, tenant)
      const batch = await store.seal(chunks, frozen, world.now())
      if (batch === undefined) return undefined
      this.rowsMax = this.tools.limits.rowsMax
      this.tools.tell('change', {})
      return batch
    } catch (error) {
      // A file needs room beside its rows: fewer rows at a time need less of it.
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
    const { store, world, limits, encode } = this.tools
    const lastLsn = await store.meta('lastLsn')
    const lsns = timeRange(rows, world, lastLsn === undefined ? undefined : BigInt(lastLsn))
    const { collection } = limits
    const file = await encode(texts, { tenant, collection, lsns })
    const target = { tenant, collection, min: String(lsns.min), max: String(lsns.max) }
    return { bytes: file.bytes, key: file.key, sha256: await file.sha256(), target }
  }

  /**
   * Halves what no file can be made of until the rows that are to blame stand alone; those are set
   * aside.
   *
   * @param {Chunk[]} chunks
   * @param {number} rows
   * @param {unknown} error
   */
  async #isolate(chunks, rows, error) {
    const { store, world, tell } = this.tools
    if (rows <= 1) {
      const parked = await store.parkRows(chunks, reasonOf(error), world.now())
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
   * Whose rows these are: only the grants know, where the caller did not say.
   *
   * @param {number} rows
   * @param {AbortSignal} signal
   * @returns {Promise<string>}
   */
  async #tenant(rows, signal) {
    const { store, world, grants, limits, targetOf } = this.tools
    if (limits.tenant !== undefined) return limits.tenant
    const known = await store.meta('tenant')
    if (known !== undefined) return known
    const { min, max } = timeRange(rows, world)
    const request = { collection: limits.collection, min_lsn: String(min), max_lsn: String(max) }
    const ask = (/** @type {AbortSignal} */ asking) => grants(request, { signal: asking })
    const { tenant } = await targetOf(await inTime(world, signal, ask))
    await store.setMeta('tenant', tenant)
    return tenant
  }
}

/** One sealed batch on its way. */
class Sending {
  /**
   * @param {Tools} tools
   * @param {Sealer} sealer
   * @param {Batch} batch
   * @param {boolean} fresh sealed just now, so that nothing of it can be in the store
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
        // Only a conflict that names the key was seen in the store itself.
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
    // Another page has sent it meanwhile.
    if (opened === undefined) return false
    this.batch = opened.batch
    this.untouched = this.fresh && opened.batch.opens === 1
    const { bytes } = opened
    const { id, key, rows, target, sha256 } = this.batch
    if (target === undefined) return false
    const { tenant, collection, min, max } = target
    const file = { bytes, key, rows, sha256: async () => sha256 }
    const result = await send(file, {
      tenant,
      collection,
      lsns: { min: BigInt(min), max: BigInt(max) },
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
   * Another device wrote its rows under this key first, so ours are certainly not there.
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
    // An instance that another call brought down says nothing of this batch.
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
 * The caller's own function may never answer; others wait for this page meanwhile.
 *
 * @template T
 * @param {World} world
 * @param {AbortSignal} signal
 * @param {(signal: AbortSignal) => Promise<T>} ask
 * @returns {Promise<T>}
 */
async function inTime(world, signal, ask) {
  const { controller, release } = following(signal)
  const what = `whoever grants did not answer within ${GRANT_MS_MAX} ms`
  const late = new ColdpressError('Unavailable', what)
  const timer = world.setTimer(() => controller.abort(late), GRANT_MS_MAX)
  const ended = aborted(controller.signal).then(() => Promise.reject(controller.signal.reason))
  try {
    return await Promise.race([ask(controller.signal), ended])
  } finally {
    world.clearTimer(timer)
    release()
  }
}

/**
 * Lines of NDJSON, `rows` of them and the rest.
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
  // What is no error of ours is one of the caller's functions or a bug: no reason to set rows
  // aside.
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
