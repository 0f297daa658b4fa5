// An outbox on a model of the package, the store and the network. Everything can go wrong, as often
// as a test wants.

import { pathToFileURL } from 'node:url'

import { until as untilSo } from '../lib/patience.mjs'
import { tool, unpacked } from '../lib/tools.mjs'
import { Browser } from './browser.mjs'
import { holdToOneBurst } from './bursts.mjs'

const { IDBFactory, IDBKeyRange, IDBObjectStore } = await tool('fake-indexeddb')
globalThis.IDBKeyRange = IDBKeyRange
holdToOneBurst(IDBObjectStore)

const source = pathToFileURL(`${unpacked()}/src/`)
export const { openOutbox } = await import(new URL('outbox.js', source).href)
export const { ColdpressError } = await import(new URL('error.js', source).href)
export { Browser, IDBFactory, IDBObjectStore }
export { Clock } from './browser.mjs'

/** Repeatable randomness. */
export function prng(seed) {
  let state = BigInt.asUintN(64, BigInt(seed) * 0x9e3779b97f4a7c15n + 1n)
  const next = () => {
    state ^= BigInt.asUintN(64, state << 13n)
    state ^= state >> 7n
    state ^= BigInt.asUintN(64, state << 17n)
    return state
  }
  for (let i = 0; i < 8; i += 1) next()
  return {
    bits: next,
    below: (most) => Number(next() % BigInt(most)),
    chance: (share) => Number(next() % 1000n) < share * 1000,
  }
}

/** A create-only store behind a network that drops requests before and after they arrive. */
export class Store {
  objects = new Map()
  puts = 0
  tenant = '7'

  constructor({ random = prng(1), dropBefore = 0, dropAfter = 0 } = {}) {
    Object.assign(this, { random, dropBefore, dropAfter })
  }

  put(key, text) {
    this.puts += 1
    if (this.random.chance(this.dropBefore)) {
      throw new ColdpressError('Unavailable', 'dropped on the way there')
    }
    const stored = this.objects.get(key)
    if (stored === undefined) this.objects.set(key, text)
    if (this.random.chance(this.dropAfter)) {
      throw new ColdpressError('Unavailable', 'dropped on the way back')
    }
    if (stored !== undefined && stored !== text) {
      throw new ColdpressError('Conflict', `${key} holds other content`, { key })
    }
    return { key, created: stored === undefined }
  }

  /** All rows of all objects. */
  rows() {
    return [...this.objects.values()].flatMap((text) =>
      text.split('\n').slice(1, -1).map((line) => JSON.parse(line))
    )
  }
}

/** One life of a page: after `die()` nothing of it runs on. */
export class Life {
  dead = false
  onlineNow = true
  listeners = new Set()

  constructor(store, { random = prng(2), refuse = () => undefined, clock } = {}) {
    Object.assign(this, { store, random, refuse, clock })
  }

  die() {
    this.dead = true
    this.browser?.bury()
  }

  /** Freezes the page. If the browser announces it (`told`), the page can prepare. */
  freeze({ told = true } = {}) {
    if (told) this.page?.rest()
    // The current task still ends: browsers freeze a page between two tasks.
    this.thawed = new Promise((resolve) => (this.thaw = resolve))
  }

  /** It runs again. */
  resume() {
    const { thaw } = this
    this.thawed = undefined
    thaw()
    this.page?.wake()
  }

  /** Runs a task of this page: never if it is dead, later if it is frozen. */
  run(task) {
    if (this.dead) return
    if (this.thawed) void this.thawed.then(() => this.run(task))
    else task()
  }

  /** A test may replace it by its own clock. */
  now = () => (this.clock ?? Date).now()

  /** Resolves while the page runs; later if it is frozen, never if it is dead. */
  async alive() {
    if (this.dead) await new Promise(() => {})
    await this.thawed
  }

  setOnline(online) {
    this.onlineNow = online
    if (online) for (const run of this.listeners) run()
  }

  runtime = {
    fetch: () => {
      throw new Error('the model fetches nothing')
    },
    now: () => this.now(),
    seed: () => this.random.bits(),
    setTimer: (run, ms) => {
      const task = () => this.run(run)
      return this.clock ? this.clock.set(task, ms) : setTimeout(task, ms)
    },
    clearTimer: (timer) => (this.clock ? this.clock.clear(timer) : clearTimeout(timer)),
    online: () => this.onlineNow,
    onOnline: (run) => {
      this.listeners.add(run)
      return () => this.listeners.delete(run)
    },
    origin: () => undefined,
  }

  /** What each file was encoded with, and its columns. */
  encoded = []

  pack = {
    encode: async (texts, { tenant, collection, lsns, codec, schema, newFields }) => {
      await this.alive()
      if (this.lacksEncoder) throw new ColdpressError('Unavailable', 'no module')
      const text = texts.map((piece) => new TextDecoder().decode(piece)).join('')
      const rows = text.split('\n').slice(0, -1).map((line) => JSON.parse(line))
      const refused = rows.find((row) => this.refuse(row, codec))
      if (refused) throw new ColdpressError('Row', `row ${JSON.stringify(refused)} is poison`)
      const key = `${tenant}/${collection}/lsn-${lsns?.min}-${lsns?.max}.parquet`
      if (lsns && BigInt(rows.length) !== lsns.max - lsns.min + 1n) {
        throw new Error('the range has another size')
      }
      const bytes = new TextEncoder().encode(`${key}\n${text}`)
      const columns = columnsOf(rows, schema)
      if (lsns) this.encoded.push({ schema, newFields, columns })
      return { bytes, key, schema: { columns }, sha256: async () => `hash of ${key}` }
    },
    upload: async (grants, file, { signal, onRequest }) => {
      await this.alive()
      const [tenant] = file.key.split('/')
      const grant = await grants({ bytes: file.bytes.length }, { signal })
      if (grant.tenant !== tenant) {
        throw new ColdpressError('Denied', `the grant is for tenant ${grant.tenant}`)
      }
      await this.alive()
      onRequest?.()
      const result = this.store.put(file.key, new TextDecoder().decode(file.bytes))
      await this.alive()
      return result
    },
    load: async () => {
      if (this.lacksEncoder) throw new ColdpressError('Unavailable', 'no module')
    },
    targetOf: async (grant) => ({ tenant: grant.tenant }),
  }

  open({ platform, ...options }) {
    return openOutbox(this.pack, {
      name: 'test',
      collection: 'events',
      grants: async () => ({ tenant: this.store.tenant }),
      backoffMsMin: 1,
      backoffMsMax: 4,
      batchAgeMs: 0,
      // No Web Locks and no channel, unless the test gives it a browser.
      platform: platform ?? new Browser().platformOf(this, { locks: false, channels: false }),
      runtime: this.runtime,
      ...options,
    })
  }
}

/** The platform of a page without any lock: two such pages may upload at once. */
export const lawless = {
  locks: { request: (_name, _options, work) => work() },
  openChannel: () => undefined,
  onPage: () => () => {},
}

/** Waits until `look` says yes. */
export function until(look, what) {
  return untilSo(look, what, { everyMs: 2 })
}

/** Whether each row from 0 to `count - 1` is there exactly once. */
export function exactlyOnce(rows, count) {
  const numbers = rows.map(({ n }) => n).sort((a, b) => a - b)
  return numbers.length === count && numbers.every((n, at) => n === at)
}

/** The columns of these rows as the encoder makes them: given ones, then those of new fields. */
function columnsOf(rows, given) {
  const columns = given === undefined ? [] : JSON.parse(given).columns
  for (const [name, value] of rows.flatMap((row) => Object.entries(row))) {
    if (!columns.some((column) => column.name === name)) {
      columns.push({ name, type: typeof value })
    }
  }
  return columns
}
