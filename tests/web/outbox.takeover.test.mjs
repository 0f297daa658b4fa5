// Several pages on one outbox, of which some die, freeze or hang: whoever lives takes over. Time is
// the test's own, so what is said here of seconds is true of the protocol, on any machine.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  Browser,
  Clock,
  ColdpressError,
  IDBFactory,
  IDBObjectStore,
  Life,
  Store,
  exactlyOnce,
  lawless,
  prng,
  until,
} from './outbox/model.mjs'

const BOUND_MS = 10_000
const AGE_MS = 500

/** Pages of one browser on one outbox, one database and one clock. */
class World {
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
    const scene = this.browser.sceneOf(life, this.has)
    const { indexedDB } = this
    const given = { indexedDB, scene, batchAgeMs: AGE_MS, ...this.options, ...options }
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
   * Lets time pass until all rows are in the store and gone from here; gives how much of it passed.
   */
  async stored({ outbox }, most = BOUND_MS) {
    const passed = await this.clock.until(async () => (await outbox.state()).rows === 0, most)
    assert.ok(exactlyOnce(this.store.rows(), this.n), JSON.stringify(this.store.rows()))
    return passed
  }

  async close() {
    for (const { life, outbox } of this.lives) if (!life.dead) await outbox.close()
  }
}

async function turns(count) {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate)
}

/** Holds back each upload of a page until the test lets it go on. */
function held(page) {
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

const RUNTIMES = {
  'Web Locks': {},
  'a lease, with a channel': { locks: false },
  'a lease alone': { locks: false, channels: false },
  'Web Locks without a channel': { channels: false },
}

for (const [name, has] of Object.entries(RUNTIMES)) {
  test(`rows of pages that die are stored once within ${BOUND_MS} ms, by ${name}`, async () => {
    let slowest = 0
    for (let seed = 0; seed < 40; seed += 1) slowest = Math.max(slowest, await deaths(seed, has))
    assert.ok(slowest <= BOUND_MS, `${slowest} ms`)
  })
}

/**
 * Rounds in which all pages append and some die at any turn of the loop; gives the longest time
 * until all was stored.
 */
async function deaths(seed, has) {
  const random = prng(seed)
  const options = { batchRowsMax: 1 + random.below(6) }
  const world = new World({ has, random, store: new Store({ random }), options })
  const size = seed % 2 ? 2 : 5
  let pages = []
  let slowest = 0
  for (let round = 0; round < 3; round += 1) {
    while (pages.length < size) pages.push(await world.page())
    if (random.chance(0.5)) await world.settle()
    // What an append of a dying page does is for another test: here each of them has resolved.
    for (const { outbox } of pages) {
      if (random.chance(0.7)) await outbox.append(world.rows(1 + random.below(8)))
    }
    const dying = 1 + random.below(size - 1)
    for (let death = 0; death < dying; death += 1) {
      const [{ life }] = pages.splice(random.below(pages.length), 1)
      await turns(random.below(25))
      life.die()
    }
    slowest = Math.max(slowest, await world.stored(pages[0]))
  }
  await world.close()
  return slowest
}

test('a page that appended and died before it could tell anybody is noticed', async () => {
  const world = new World()
  const [first, second] = [await world.page(), await world.page()]
  await world.settle()
  // Its death comes between the write and the message.
  world.browser.mute(first.life)
  await first.outbox.append(world.rows(3))
  first.life.die()
  assert.ok((await world.stored(second)) <= AGE_MS)
  await world.close()
})

test('a batch that a dead page had sealed and was sending goes at once from another', async () => {
  const world = new World({ options: { batchRowsMax: 2 } })
  const [first, second] = [await world.page(), await world.page()]
  await world.settle()
  const gate = held(first)
  await first.outbox.append(world.rows(2))
  await gate.reached
  assert.equal((await second.outbox.state()).batches, 1)
  first.life.die()
  assert.equal(await world.stored(second), 0)
  await world.close()
})

test('what a page had flushed goes at once from another where it dies', async () => {
  for (const has of [{}, { locks: false }]) {
    const world = new World({ has, options: { batchAgeMs: 3_600_000 } })
    const [first, second] = [await world.page(), await world.page()]
    await first.outbox.append(world.rows(3))
    await world.settle()
    const gate = held(first)
    void first.outbox.flush()
    await gate.reached
    // One row more comes too late for that flush, and waits for its age.
    await second.outbox.append({ n: 'late' })
    first.life.die()
    await world.clock.until(() => exactlyOnce(world.store.rows(), 3), BOUND_MS)
    await turns(50)
    assert.equal((await second.outbox.state()).rows, 1)
    await world.close()
  }
})

test('a page that is opened on what dead ones left takes it up', async () => {
  const world = new World({ options: { batchRowsMax: 2 } })
  const first = await world.page()
  held(first)
  await first.outbox.append(world.rows(5))
  await world.settle()
  first.life.die()
  assert.ok((await world.stored(await world.page())) <= AGE_MS)
  await world.close()
})

for (const [told, bound] of [[true, 0], [false, 6_000]]) {
  const how = told ? 'with' : 'without'
  test(`a page frozen ${how} a word while it uploads holds nobody up for ${bound} ms`, async () => {
    const world = new World({ options: { batchRowsMax: 2 } })
    const [first, second] = [await world.page(), await world.page()]
    await world.settle()
    const gate = held(first)
    await first.outbox.append(world.rows(2))
    await gate.reached
    first.life.freeze({ told })
    assert.ok((await world.stored(second)) <= bound)
    // It wakes up to a batch that is gone, and goes on with what is new.
    first.life.resume()
    gate.open()
    await first.outbox.append(world.rows(2))
    gate.open()
    await turns(50)
    gate.open()
    await world.stored(second)
    await world.close()
  })
}

test('a page that rests holds no lock, and joins the others again', async () => {
  const world = new World()
  const first = await world.page()
  await world.settle()
  assert.equal(world.browser.held().length, 1)
  first.life.freeze()
  await world.settle()
  assert.deepEqual(world.browser.held(), [])
  first.life.resume()
  const second = await world.page()
  await world.settle()
  assert.equal(world.browser.held().length, 2)
  await first.outbox.append(world.rows(1))
  first.life.die()
  await world.stored(second)
  await world.close()
})

test('a page that uploads for long and answers keeps its right', async () => {
  const world = new World({ options: { batchRowsMax: 1 } })
  const [first, second] = [await world.page(), await world.page()]
  await world.settle()
  const gate = held(first)
  held(second)
  await first.outbox.append(world.rows(1))
  await gate.reached
  const flushed = second.outbox.flush()
  const start = world.clock.time
  await world.clock.until(() => world.clock.time > start + 60_000)
  assert.equal(world.store.puts, 0)
  gate.open()
  assert.deepEqual(await flushed, { objects: 0, rows: 0 })
  assert.ok(exactlyOnce(world.store.rows(), 1))
  await world.close()
})

test('a grant function that never answers ends, and another page goes on', async () => {
  const world = new World({ options: { batchRowsMax: 1 } })
  const first = await world.page({ grants: () => new Promise(() => {}) })
  const second = await world.page()
  await world.settle()
  await first.outbox.append(world.rows(1))
  await world.settle()
  assert.ok((await world.stored(second, 130_000)) >= 119_000)
  const { error } = first.seen.find(({ type }) => type === 'error')
  assert.match(error.message, /did not answer within 120000 ms/)
  await world.close()
})

test('a clock that is set back or forward delays nothing', async () => {
  for (const jump of [-86_400_000, 86_400_000]) {
    for (const has of [{}, { locks: false }]) {
      const world = new World({ has, options: { batchAgeMs: 60_000 } })
      const [first, second] = [await world.page(), await world.page()]
      await world.settle()
      await first.outbox.append(world.rows(2))
      first.life.die()
      await world.settle()
      world.clock.wall += jump
      // The next timer looks at the clock again.
      assert.ok((await world.stored(second, 60_000)) <= 60_000)
      await world.close()
    }
  }
})

test('a lease and a pause after a failure end though the clock is set back', async () => {
  const options = { batchRowsMax: 1, backoffMsMin: 30_000, backoffMsMax: 30_000 }
  const world = new World({ has: { locks: false }, options })
  const [first, second] = [await world.page(), await world.page()]
  const gate = held(first)
  await first.outbox.append(world.rows(1))
  await gate.reached
  first.life.die()
  world.clock.wall -= 3_600_000
  await world.stored(second)
  world.store.dropBefore = 1
  await second.outbox.append(world.rows(1))
  await world.clock.until(() => second.seen.some(({ type }) => type === 'error'), BOUND_MS)
  world.store.dropBefore = 0
  world.clock.wall -= 3_600_000
  assert.ok((await world.stored(second, 60_000)) <= 30_000)
  await world.close()
})

test('a page that closes in the middle of an upload lets another go on at once', async () => {
  // Who waits for a lease looks at it each second.
  for (const [has, bound] of [[{}, 0], [{ locks: false }, 1_000]]) {
    const world = new World({ has, options: { batchRowsMax: 1 } })
    const [first, second] = [await world.page(), await world.page()]
    await world.settle()
    // An upload that takes its time to end when it is aborted.
    let end
    first.life.pack.upload = () =>
      new Promise((_, fail) => (end = () => fail(new ColdpressError('Aborted', 'late'))))
    await first.outbox.append(world.rows(1))
    await world.clock.until(() => end !== undefined)
    const closed = first.outbox.close()
    assert.ok((await world.stored(second)) <= bound)
    end()
    await closed
    await world.close()
  }
})

test('outboxes of other names share nothing', async () => {
  const world = new World({ options: { batchAgeMs: 3_600_000 } })
  const first = await world.page({ name: 'a' })
  await world.settle()
  const [lock] = world.browser.held()
  // One whose name looks like a lock of the first.
  const second = await world.page({ name: lock.slice(lock.indexOf('/') + 1) })
  await world.settle()
  second.seen.length = 0
  await first.outbox.append(world.rows(1))
  await world.settle()
  assert.deepEqual(second.seen, [])
  assert.equal((await second.outbox.state()).rows, 0)
  const gate = held(first)
  const flushed = first.outbox.flush()
  await gate.reached
  assert.equal((await second.outbox.state()).draining, false)
  assert.deepEqual(await second.outbox.flush(), { objects: 0, rows: 0 })
  gate.open()
  await flushed
  await world.close()
})

test('a page whose database is taken away holds nothing any more', async () => {
  const world = new World({ options: { batchRowsMax: 1 } })
  const [first, second] = [await world.page(), await world.page()]
  await world.settle()
  const gate = held(first)
  await first.outbox.append(world.rows(1))
  await gate.reached
  const deleted = world.indexedDB.deleteDatabase('coldpress-outbox/test')
  await new Promise((resolve) => (deleted.onsuccess = resolve))
  await world.settle()
  assert.deepEqual(world.browser.held(), [])
  for (const { outbox, seen } of [first, second]) {
    const { error } = seen.find(({ type }) => type === 'error')
    assert.match(error.message, /was closed: another page deletes or upgrades/)
    await assert.rejects(outbox.append({ n: 1 }), { code: 'Misuse' })
  }
})

test('a batch that was stored but could not be deleted here goes once', async (t) => {
  const world = new World({ options: { batchRowsMax: 1 } })
  const [first, second] = [await world.page(), await world.page()]
  await world.settle()
  const remove = IDBObjectStore.prototype.delete
  let failures = 3
  IDBObjectStore.prototype.delete = function (...key) {
    if (failures-- > 0) throw new DOMException('the disk failed', 'UnknownError')
    return remove.call(this, ...key)
  }
  t.after(() => Object.assign(IDBObjectStore.prototype, { delete: remove }))
  await first.outbox.append(world.rows(1))
  await world.stored(second)
  assert.equal(world.store.objects.size, 1)
  const { error } = first.seen.find(({ type }) => type === 'error')
  assert.match(error.message, /disk failed/)
  await world.close()
})

test('a batch that another page has sent is not taken apart, nor left as failed', async () => {
  // Two pages upload at once, as where one was taken for dead. One has stored the batch and waits
  // for the answer, when the other hears that it may not send so much.
  const store = new Store()
  const indexedDB = new IDBFactory()
  const open = (life, options) =>
    life.open({ indexedDB, scene: lawless, tenant: 7, batchRowsMax: 4, ...options })
  const [first, second] = [new Life(store), new Life(store)]
  const refusals = []
  const one = await open(first, { grants: () => new Promise((_, reject) => refusals.push(reject)) })
  await one.append([0, 1, 2, 3].map((n) => ({ n })))
  await until(() => refusals.length === 1, 'the first page to ask')
  const { upload } = second.pack
  let answer
  second.pack.upload = async (...args) => {
    const result = await upload(...args)
    await new Promise((resolve) => (answer = resolve))
    return result
  }
  const other = await open(second)
  await until(() => answer, 'the batch in the store')
  for (let count = 1; count <= 2; count += 1) {
    await until(() => refusals.length === count, 'the first page to ask again')
    refusals[count - 1](new ColdpressError('Limit', 'too many bytes'))
  }
  await until(async () => (await one.failed()).length === 1, 'the batch that is set aside')
  answer()
  await until(async () => (await one.failed()).length === 0, 'the answer')
  assert.equal((await other.state()).rows, 0)
  assert.equal(store.objects.size, 1)
  assert.ok(exactlyOnce(store.rows(), 4))
  await Promise.all([one.close(), other.close()])
})

test('pages that do not upload tell the truth', async () => {
  const world = new World({ options: { batchRowsMax: 2 } })
  const [first, second] = [await world.page(), await world.page()]
  await world.settle()
  const gate = held(first)
  await first.outbox.append(world.rows(2))
  await gate.reached
  await world.settle()
  const during = await second.outbox.state()
  assert.deepEqual([during.rows, during.batches, during.draining], [2, 1, true])
  second.seen.length = 0
  gate.open()
  await world.stored(second)
  await world.settle()
  const after = await second.outbox.state()
  assert.deepEqual([after.rows, after.batches, after.draining], [0, 0, false])
  const mine = first.seen.find(({ type }) => type === 'uploaded')
  const theirs = second.seen.find(({ type }) => type === 'uploaded')
  assert.deepEqual(theirs, { ...mine, elsewhere: true })
  assert.equal(mine.elsewhere, false)
  assert.ok(second.seen.some(({ type }) => type === 'change'))
  await world.close()
})

test('a failure is told in all pages, and servers get one attempt for each pause', async () => {
  const options = { batchRowsMax: 1, backoffMsMin: 10_000, backoffMsMax: 10_000 }
  const world = new World({ options, store: new Store({ dropBefore: 1 }) })
  const pages = [await world.page(), await world.page(), await world.page()]
  await world.settle()
  await pages[0].outbox.append(world.rows(1))
  const start = world.clock.time
  await world.clock.until(() => world.clock.time > start + 100_000)
  assert.ok(world.store.puts >= 5 && world.store.puts <= 21, `${world.store.puts} attempts`)
  for (const { outbox } of pages) {
    const { error, nextAttemptMs } = await outbox.state()
    assert.equal(error.code, 'Unavailable')
    assert.ok(nextAttemptMs > world.clock.wall + start)
  }
  world.store.dropBefore = 0
  await world.stored(pages[2], 30_000)
  await world.settle()
  for (const { outbox } of pages) assert.equal((await outbox.state()).error, undefined)
  await world.close()
})

test('what is said on the channel by strangers changes nothing', async () => {
  const world = new World()
  const first = await world.page()
  await world.settle()
  const scene = world.browser.sceneOf(new Life(world.store))
  const stranger = scene.openChannel('coldpress-outbox/test', () => {})
  const type = 'event'
  const messages = [null, 7, 'rows', {}, { type: 7 }, { type }, { type, detail: 3 }]
  const names = ['uploaded', 'append', 'close', '__proto__']
  const more = names.map((name) => ({ type, detail: { name, told: null, pauseMs: 'x' } }))
  for (const message of [...messages, ...more]) stranger.tell(message)
  await world.settle()
  await first.outbox.append(world.rows(1))
  await world.stored(first)
  await world.close()
})
