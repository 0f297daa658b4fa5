// Pages of one browser on one outbox, on the test's own clock.
import assert from 'node:assert/strict'

import {
  Browser, Clock, ColdpressError, IDBFactory, Life, Store, exactlyOnce, prng,
} from './model.mjs'

export const BOUND_MS = 10_000
export const AGE_MS = 500

/** Pages of one browser on one outbox, one database and one clock. */
export class World {
  browser = new Browser()
  clock = new Clock()
  indexedDB = new IDBFactory()
  lives = []
  n = 0

  constructor({ has = {}, options = {}, random = prng(1), store = new Store() } = {}) {
    Object.assign(this, { has, options, random, store })
  }

  /** Another page; `life` is the page, `outbox` what it opened. */
  async page(options = {}) {
    const life = new Life(this.store, { random: this.random, clock: this.clock })
    const platform = this.browser.platformOf(life, this.has)
    const { indexedDB } = this
    const given = { indexedDB, platform, batchAgeMs: AGE_MS, ...this.options, ...options }
    const outbox = await life.open(given)
    const page = { life, outbox, seen: [] }
    for (const type of ['uploaded', 'failed', 'error', 'change']) {
      outbox.addEventListener(type, ({ detail }) => page.seen.push({ type, ...detail }))
    }
    this.lives.push(page)
    return page
  }

  rows(count) {
    return Array.from({ length: count }, () => ({ n: this.n++ }))
  }

  /** The pages know each other. */
  async settle() {
    await turns(60)
  }

  /**
   * Lets time pass until all rows are in the store and deleted here; returns how much time passed.
   */
  async stored({ outbox }, most = BOUND_MS) {
    const passed = await this.clock.until(async () => (await outbox.state()).rows === 0, most)
    assert.ok(exactlyOnce(this.store.rows(), this.n), JSON.stringify(this.store.rows()))
    return passed
  }

  /** Makes this the schema of the last file. */
  async remember({ outbox }, schema) {
    const open = this.indexedDB.open('coldpress-outbox/test')
    const database = await new Promise((done) => (open.onsuccess = () => done(open.result)))
    const step = database.transaction('meta', 'readwrite')
    step.objectStore('meta').put(schema, 'schema')
    await new Promise((done) => (step.oncomplete = done))
    database.close()
  }

  async close() {
    for (const { life, outbox } of this.lives) if (!life.dead) await outbox.close()
  }
}

/** A world with two pages that know each other. */
export async function twoPages(setup) {
  const world = new World(setup)
  const [first, second] = [await world.page(), await world.page()]
  await world.settle()
  return { world, first, second }
}

export async function turns(count) {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate)
}

/** Holds back each upload of a page until the test lets it go on. */
export function held(page) {
  const { upload } = page.life.pack
  const gate = {}
  gate.reached = new Promise((resolve) => {
    page.life.pack.upload = async (grants, file, options) => {
      resolve()
      await new Promise((open, fail) => {
        gate.open = open
        const aborted = new ColdpressError('Aborted', 'the upload was aborted')
        options.signal.addEventListener('abort', () => fail(aborted))
      })
      return upload(grants, file, options)
    }
  })
  return gate
}
