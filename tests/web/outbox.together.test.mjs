// Several pages on one outbox, all alive: what they share, and which events they get.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  ColdpressError, IDBFactory, IDBObjectStore, Life, Store, exactlyOnce, lawless, until,
} from './outbox/model.mjs'
import { World, twoPages, held } from './outbox/world.mjs'

test('outboxes of other names share nothing', async () => {
  const world = new World({ options: { batchAgeMs: 3_600_000 } })
  const first = await world.page({ name: 'a' })
  await world.settle()
  const [lock] = world.browser.held()
  // A name that looks like a lock of the first outbox.
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

test('a page whose database is deleted holds no lock', async () => {
  const { world, first, second } = await twoPages({ options: { batchRowsMax: 1 } })
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

test('a batch that was stored but could not be deleted here is stored once', async (t) => {
  const { world, first, second } = await twoPages({ options: { batchRowsMax: 1 } })
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
  // Two pages upload at once, because one seemed dead. One has stored the batch and waits
  // for the answer. Then the other one is told that the batch is too large.
  const store = new Store()
  const indexedDB = new IDBFactory()
  const open = (life, options) =>
    life.open({ indexedDB, platform: lawless, tenant: 7, batchRowsMax: 4, ...options })
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
  const { world, first, second } = await twoPages({ options: { batchRowsMax: 2 } })
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

test('all pages get a failure, and servers get one attempt in each pause', async () => {
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

test('foreign messages on the channel change nothing', async () => {
  const world = new World()
  const first = await world.page()
  await world.settle()
  const platform = world.browser.platformOf(new Life(world.store))
  const stranger = platform.openChannel('coldpress-outbox/test', () => {})
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
