// A thousand uploads through a network that loses answers at every step, before or after their
// effect. Each is repeated as its error advises. The result is exactly one object, with exactly
// the rows.
//
// COLDPRESS_SEED=17 runs that one again, and prints its requests; COLDPRESS_RUNS=20000 runs more.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Clock } from './upload/clock.mjs'
import { coldpress, HOURS_MS, runtime } from './upload/started.mjs'
import { Store } from './upload/store.mjs'

const { decode, encode, grantsFrom, upload } = coldpress

const RUNS = Number(process.env.COLDPRESS_RUNS ?? 1000)
const SEED = process.env.COLDPRESS_SEED
const FATES = [
  'drop', 'drop after', 'late', 'status after', 'silence', 'silence after', 500, 503, 429,
]
const TRIES_MAX = 60
const START_MS = Date.UTC(2026, 10, 29)

/** Numbers that a seed always gives again (mulberry32). */
class Chance {
  constructor(seed) {
    this.state = seed
  }

  next() {
    this.state = (this.state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 on, below `bound`. */
  below(bound) {
    return Math.floor(this.next() * bound)
  }

  pick(list) {
    return list[this.below(list.length)]
  }
}

/** One upload of one seed, with its store, clock and network. */
class Run {
  constructor(seed) {
    this.chance = new Chance(seed)
    this.clock = new Clock(runtime, START_MS)
    this.store = new Store(this.clock)
    this.isOnline = true
    this.wakers = new Set()
    this.#plan()
    this.runtime = this.clock.runtime({
      seed: () => BigInt(this.chance.below(2 ** 32)),
      fetch: this.store.fetch,
      online: () => this.isOnline,
      onOnline: (run) => {
        this.wakers.add(run)
        return () => this.wakers.delete(run)
      },
    })
  }

  #plan() {
    const { chance, store } = this
    const rowOf = (_, n) => ({ n, text: `row ${chance.next()}` })
    this.rows = Array.from({ length: 1 + chance.below(30) }, rowOf)
    this.isMultipart = chance.below(2) === 1
    store.partBytes = this.isMultipart ? 300 + chance.below(600) : 0
    store.expiresInMs = chance.pick([HOURS_MS, HOURS_MS, 200_000])
    store.retryAfter = chance.pick([undefined, 1, 20])
    this.options = {
      concurrency: 1 + chance.below(4),
      retries: chance.below(4),
      timeoutMs: 10_000,
    }
    // What the target of rows says; an encoded file has its own.
    this.target = { collection: 'events', ...(chance.below(3) === 0 && { tenant: 7 }) }
    // The faults end at some time: a network that never works would store nothing.
    this.faults = chance.below(40)
    this.odds = chance.pick([0.1, 0.4, 0.8])
    store.fate = () => this.#fate()
  }

  #fate() {
    if (this.faults === 0 || this.chance.next() > this.odds) return undefined
    this.faults -= 1
    const event = this.chance.below(12)
    if (event === 0) this.stop?.abort()
    if (event === 1) this.#loseNetwork(1_000 * (1 + this.chance.below(100)))
    return this.chance.pick(FATES)
  }

  async #loseNetwork(ms) {
    if (!this.isOnline) return
    this.isOnline = false
    await this.clock.sleep(ms)
    this.isOnline = true
    for (const wake of this.wakers) wake()
  }

  /** Follows the advice of each error; returns the result, and how often it followed the advice. */
  async upload() {
    const { chance, store } = this
    const grants = grantsFrom(store.origin, { token: store.token, runtime: this.runtime })
    // A file, rows, or rows that can be read only once.
    const lsns = { min: 5, max: 4 + this.rows.length }
    const form = chance.pick([
      () => this.rows,
      () => ReadableStream.from(this.rows),
      () => encode(this.rows, { collection: 'events', tenant: 7, lsns }),
    ])
    const rows = await form()
    const { runtime } = this
    const target = rows.key === undefined ? this.target : {}
    const always = { ...this.options, ...target, runtime }
    let attempt = (options) => upload(grants, rows, { ...always, ...options })
    for (let advised = 0; ; advised += 1) {
      this.stop = new AbortController()
      try {
        return { result: await attempt({ signal: this.stop.signal }), advised }
      } catch (error) {
        assert.ok(['Unavailable', 'Aborted', 'Expired'].includes(error.code), error.stack)
        assert.ok(error.retry && error.lsns, `no advice: ${error.stack}`)
        assert.ok(advised < TRIES_MAX, `the advice leads to no end: ${error.stack}`)
        attempt = error.retry
      }
    }
  }

  /** There is exactly one object, with exactly the rows, at the key of the result. */
  async judge({ key, rows, bytes }) {
    const { store } = this
    // Late requests arrive now.
    store.arrive()
    assert.deepEqual([...store.objects.keys()], [key])
    const { body } = store.objects.get(key)
    assert.deepEqual([rows, bytes], [this.rows.length, body.length])
    assert.deepEqual(await decode(new Uint8Array(body)), this.rows)
  }
}

test(`${SEED === undefined ? RUNS : 1} uploads through a network that loses answers`, async (t) => {
  const all = Array.from({ length: RUNS }, (_, seed) => seed)
  const seeds = SEED === undefined ? all : [Number(SEED)]
  const seen = { advised: 0, multipart: 0, single: 0, requests: 0 }
  for (const seed of seeds) {
    const run = new Run(seed)
    try {
      const { result, advised } = await run.upload()
      await run.judge(result)
      seen.advised += advised
      seen[run.isMultipart ? 'multipart' : 'single'] += 1
      seen.requests += run.store.log.length
    } catch (error) {
      error.message = `seed ${seed} (COLDPRESS_SEED=${seed} runs it again): ${error.message}`
      throw error
    }
    if (SEED !== undefined) for (const line of run.store.log) t.diagnostic(line)
  }
  t.diagnostic(JSON.stringify(seen))
  // The network was as bad as planned.
  if (seeds.length < 1000) return
  assert.ok(seen.advised > 500 && seen.multipart > 300 && seen.single > 300)
})
