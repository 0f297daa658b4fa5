// What an outbox promises, on a modelled store: it stores each row exactly once, whatever fails or
// dies.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  Browser,
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

const empty = async (outbox) => (await outbox.state()).rows === 0
const events = (outbox, type) => {
  const seen = []
  outbox.addEventListener(type, ({ detail }) => seen.push(detail))
  return seen
}

test('rows are appended, batched, uploaded and deleted', async () => {
  const store = new Store()
  const indexedDB = new IDBFactory()
  const outbox = await new Life(store).open({ indexedDB, batchRowsMax: 3, batchAgeMs: 60_000 })
  const uploaded = events(outbox, 'uploaded')
  assert.deepEqual(await outbox.append({ n: 0 }), { rows: 1 })
  assert.deepEqual(await outbox.append([{ n: 1 }]), { rows: 1 })
  assert.equal(store.objects.size, 0)
  const { rows, batches, failed } = await outbox.state()
  assert.deepEqual([rows, batches, failed], [2, 0, { batches: 0, rows: 0 }])
  // The third row fills a batch; the next two wait for their age, or for a flush.
  await outbox.append([{ n: 2 }])
  await until(() => uploaded.length === 1, 'the full batch')
  await outbox.append([{ n: 3 }, { n: 4 }])
  assert.deepEqual(await outbox.flush(), { objects: 1, rows: 2 })
  assert.ok(exactlyOnce(store.rows(), 5))
  assert.equal((await outbox.state()).bytes, 0)
  assert.deepEqual(uploaded.map((detail) => detail.rows), [3, 2])
  await outbox.close()
})

test('a batch is uploaded when its oldest row is old enough', async () => {
  const store = new Store()
  const life = new Life(store)
  const timers = new Map()
  let [now, count] = [1_000_000, 0]
  life.now = () => now
  life.runtime.setTimer = (run, ms) => {
    count += 1
    timers.set(count, { run, at: now + ms })
    return count
  }
  life.runtime.clearTimer = (timer) => timers.delete(timer)
  const platform = new Browser().platformOf(life)
  const outbox = await life.open({ indexedDB: new IDBFactory(), platform, batchAgeMs: 40_000 })
  await outbox.append([{ n: 0 }])
  const timer = await until(
    () => [...timers.values()].find(({ at }) => at === 1_040_000),
    'a timer for the day it is old',
  )
  now = 1_039_999
  await outbox.append([{ n: 1 }])
  timer.run()
  await until(
    () => [...timers.values()].some((other) => other !== timer && other.at === 1_040_000),
    'the same timer once more',
  )
  assert.equal(store.objects.size, 0)
  now = 1_040_000
  for (const { run } of timers.values()) run()
  await until(() => store.objects.size === 1, 'the aged batch')
  assert.deepEqual(store.rows(), [{ n: 0 }, { n: 1 }])
  await outbox.close()
})

test('each row is stored exactly once under drops, crashes and reopening: 100 seeds', async () => {
  for (let seed = 0; seed < 100; seed += 1) await chaos(seed)
})

async function chaos(seed) {
  const random = prng(seed)
  const store = new Store({ random, dropBefore: 0.25, dropAfter: 0.25 })
  const indexedDB = new IDBFactory()
  const rowsMax = 1 + random.below(8)
  let life = new Life(store, { random })
  const browser = new Browser()
  const open = () =>
    life.open({ indexedDB, batchRowsMax: rowsMax, platform: browser.platformOf(life) })
  let outbox = await open()
  let n = 0
  for (let step = 0; step < 12; step += 1) {
    const rows = Array.from({ length: random.below(6) }, () => ({ n: n++ }))
    await outbox.append(rows)
    if (random.chance(0.3)) {
      await outbox.flush().catch((error) => assert.equal(error.code, 'Unavailable', `seed ${seed}`))
    }
    if (random.chance(0.3)) {
      // Some turns of the event loop later, so that it can die at any place.
      for (let turns = random.below(20); turns > 0; turns -= 1) await new Promise(setImmediate)
      life.die()
      life = new Life(store, { random })
      outbox = await open()
    }
  }
  await until(() => empty(outbox), `the end of seed ${seed}`)
  assert.ok(exactlyOnce(store.rows(), n), `seed ${seed}: ${JSON.stringify(store.rows())}`)
  await outbox.close()
}

test('two pages without any lock store each row exactly once', async () => {
  const store = new Store({ random: prng(3), dropAfter: 0.2 })
  const indexedDB = new IDBFactory()
  const open = (seed) =>
    new Life(store, { random: prng(seed) }).open({ indexedDB, platform: lawless, batchRowsMax: 4 })
  const pages = await Promise.all([1, 2].map(open))
  for (let n = 0; n < 120; n += 1) await pages[n % 2].append({ n })
  await until(async () => (await empty(pages[0])) && (await empty(pages[1])), 'both to be done')
  assert.ok(exactlyOnce(store.rows(), 120))
  await Promise.all(pages.map((page) => page.close()))
})

test('without Web Locks, a lease lets one page drain', async () => {
  const store = new Store()
  const indexedDB = new IDBFactory()
  let running = 0
  let most = 0
  const pages = [1, 2].map((seed) => {
    const life = new Life(store, { random: prng(seed) })
    // However long the test pauses, no lease expires.
    life.now = () => 0
    const { upload } = life.pack
    life.pack.upload = async (...args) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running -= 1
      return upload(...args)
    }
    return life
  })
  const [first, second] = await Promise.all(
    pages.map((life) => life.open({ indexedDB, batchRowsMax: 1 })),
  )
  for (let n = 0; n < 10; n += 1) await (n % 2 ? first : second).append({ n })
  await until(() => empty(first), 'the end')
  assert.ok(exactlyOnce(store.rows(), 10))
  assert.equal(most, 1)
  await Promise.all([first.close(), second.close()])
})

test('if another device took the key first, the batch gets another key', async () => {
  const store = new Store()
  const foreign = new Set()
  const { put } = store
  store.put = (key, text) => {
    if (foreign.size < 2) {
      foreign.add(key)
      store.objects.set(key, 'the rows of another device')
    }
    return put.call(store, key, text)
  }
  const outbox = await new Life(store).open({ indexedDB: new IDBFactory() })
  await outbox.append([{ n: 0 }, { n: 1 }])
  await outbox.flush()
  assert.equal(store.objects.size, 3)
  for (const key of foreign) assert.equal(store.objects.get(key), 'the rows of another device')
  assert.ok(exactlyOnce(store.rows(), 2))
  const mins = [...store.objects.keys()].map((key) => BigInt(/lsn-(\d+)-/.exec(key)[1]))
  assert.ok(mins[0] < mins[1] && mins[1] < mins[2])
  await outbox.close()
})

test('a conflict that was not seen in the store does not change the key', async () => {
  const store = new Store()
  store.put = () => {
    throw new ColdpressError('Conflict', 'the grant server will not have it')
  }
  const outbox = await new Life(store).open({ indexedDB: new IDBFactory() })
  await outbox.append({ n: 0 })
  await outbox.flush()
  const [batch] = await outbox.failed()
  assert.equal(batch.error.code, 'Conflict')
  delete store.put
  await batch.retry()
  await outbox.flush()
  assert.deepEqual([...store.objects.keys()], [batch.key])
  await outbox.close()
})

test('if the encoder refuses a row, its whole append is refused at once', async () => {
  const store = new Store()
  const life = new Life(store, { refuse: (row) => row.poison })
  const outbox = await life.open({ indexedDB: new IDBFactory() })
  await assert.rejects(outbox.append([{ n: 0 }, { poison: true }]), { code: 'Row' })
  for (const rows of [null, 'text', 7, new Uint8Array(3), [{ f() {} }], [{ n: NaN }]]) {
    await assert.rejects(outbox.append(rows), ColdpressError)
  }
  await outbox.append([])
  assert.equal((await outbox.state()).rows, 0)
  await outbox.append({ n: 0 })
  await outbox.flush()
  assert.ok(exactlyOnce(store.rows(), 1))
  await outbox.close()
})

test('a device that never loaded the encoder still takes rows', async () => {
  const store = new Store()
  const life = new Life(store, { refuse: (row) => row.poison })
  life.lacksEncoder = true
  const outbox = await life.open({ indexedDB: new IDBFactory() })
  await outbox.append([{ n: 0 }, { poison: 1 }])
  await assert.rejects(outbox.flush(), { code: 'Unavailable' })
  life.lacksEncoder = false
  await until(() => empty(outbox), 'the row')
  assert.ok(exactlyOnce(store.rows(), 1))
  assert.equal((await outbox.failed())[0].error.code, 'Row')
  await outbox.close()
})

test('rows that cannot be sealed are parked one by one, and the others are uploaded', async () => {
  const store = new Store()
  const indexedDB = new IDBFactory()
  const before = await new Life(store).open({ indexedDB, batchAgeMs: 60_000 })
  const rows = Array.from({ length: 40 }, (_, n) => (n % 13 === 5 ? { poison: n } : { n }))
  for (let at = 0; at < 40; at += 10) await before.append(rows.slice(at, at + 10))
  await before.close()

  const life = new Life(store, { refuse: (row) => row.poison })
  const outbox = await life.open({ indexedDB })
  const told = events(outbox, 'failed')
  await until(async () => (await outbox.state()).rows === 0, 'the rest')
  const failed = await outbox.failed()
  const texts = await Promise.all(failed.map((batch) => batch.ndjson()))
  assert.deepEqual(texts.toSorted(), [18, 31, 5].map((n) => `{"poison":${n}}\n`))
  assert.ok(failed.every(({ error, rows: count }) => error.code === 'Row' && count === 1))
  assert.equal(told.length, 3)
  assert.deepEqual((await outbox.state()).failed, { batches: 3, rows: 3 })
  assert.equal(new Set(store.rows().map(({ n }) => n)).size, 37)

  const [first] = failed.splice(texts.indexOf('{"poison":5}\n'), 1)
  await first.discard()
  await assert.rejects(first.retry(), { code: 'Misuse' })
  life.refuse = () => false
  for (const batch of failed) await batch.retry()
  await outbox.flush()
  assert.deepEqual(
    store.rows().filter(({ poison }) => poison).map(({ poison }) => poison).toSorted(),
    [18, 31],
  )
  assert.deepEqual(await outbox.failed(), [])
  await outbox.close()
})

test('a batch too large for the grants is halved until it fits', async () => {
  const store = new Store()
  const grants = async ({ bytes }) => {
    if (bytes > 120) throw new ColdpressError('Limit', `${bytes} bytes are too many`)
    return { tenant: '7' }
  }
  const outbox = await new Life(store).open({ indexedDB: new IDBFactory(), grants })
  await outbox.append(Array.from({ length: 30 }, (_, n) => ({ n })))
  await outbox.append({ n: 30, long: 'x'.repeat(200) })
  await outbox.flush()
  assert.ok(exactlyOnce(store.rows(), 30))
  assert.ok([...store.objects.values()].every((text) => text.length <= 120))
  const [batch] = await outbox.failed()
  assert.deepEqual([batch.rows, batch.error.code], [1, 'Limit'])
  await outbox.close()
})

test('a wrong token and another tenant stop the queue and lose nothing', async () => {
  const store = new Store()
  let refused = true
  const grants = async () => {
    if (refused) throw new ColdpressError('Denied', 'no such token')
    return { tenant: store.tenant }
  }
  const outbox = await new Life(store).open({ indexedDB: new IDBFactory(), grants })
  await outbox.append({ n: 0 })
  await assert.rejects(outbox.flush(), { code: 'Denied', message: 'no such token' })
  assert.equal((await outbox.state()).error.code, 'Denied')
  refused = false
  await until(() => empty(outbox), 'the next attempt')
  store.tenant = '8'
  await outbox.append({ n: 1 })
  await assert.rejects(outbox.flush(), { code: 'Denied' })
  assert.equal((await outbox.state()).rows, 1)
  store.tenant = '7'
  await outbox.flush()
  assert.ok(exactlyOnce(store.rows(), 2))
  assert.ok([...store.objects.keys()].every((key) => key.startsWith('7/')))
  await outbox.close()
})

test('nothing is tried offline, and the network wakes the outbox', async () => {
  const store = new Store()
  const life = new Life(store)
  life.onlineNow = false
  const outbox = await life.open({ indexedDB: new IDBFactory() })
  await outbox.append({ n: 0 })
  await assert.rejects(outbox.flush(), { code: 'Unavailable' })
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(store.puts, 0)
  life.setOnline(true)
  await until(() => empty(outbox), 'the row')
  await outbox.close()
})

test('Retry-After of a server is respected', async () => {
  const store = new Store()
  let asks = 0
  const grants = async () => {
    asks += 1
    if (asks === 1) throw new ColdpressError('Unavailable', 'too many', { retryAfterMs: 80 })
    return { tenant: '7' }
  }
  const outbox = await new Life(store).open({ indexedDB: new IDBFactory(), tenant: 7, grants })
  const start = Date.now()
  await outbox.append({ n: 0 })
  await until(() => empty(outbox), 'the row')
  assert.ok(Date.now() - start >= 75, `${Date.now() - start} ms`)
  await outbox.close()
})

test('full storage refuses a whole append, and uploading frees space', async (t) => {
  const store = new Store()
  const life = new Life(store)
  const outbox = await life.open({ indexedDB: new IDBFactory(), batchAgeMs: 60_000 })
  let most = 300
  const { add, put } = IDBObjectStore.prototype
  const limited = (original) => function (value, ...key) {
    if ((value.text ?? value).length > most) throw new DOMException('full', 'QuotaExceededError')
    return original.call(this, value, ...key)
  }
  IDBObjectStore.prototype.add = limited(add)
  IDBObjectStore.prototype.put = limited(put)
  t.after(() => Object.assign(IDBObjectStore.prototype, { add, put }))
  for (let n = 0; n < 10; n += 1) await outbox.append({ n })
  await assert.rejects(outbox.append([{ long: 'x'.repeat(100) }, { long: 'x'.repeat(200) }]), {
    code: 'Quota',
  })
  assert.equal((await outbox.state()).rows, 10)
  // There is no space for a file of all ten rows beside them, but for a file of fewer.
  most = 100
  await outbox.flush()
  assert.ok(store.objects.size > 1)
  assert.ok(exactlyOnce(store.rows(), 10))
  await outbox.close()
})

test('appends that come together share transactions, and one too large fails alone', async (t) => {
  const store = new Store()
  const outbox = await new Life(store).open({ indexedDB: new IDBFactory(), batchAgeMs: 60_000 })
  let adds = 0
  const { add } = IDBObjectStore.prototype
  IDBObjectStore.prototype.add = function (value, ...key) {
    adds += 1
    if (value.text?.length > 5_000) throw new DOMException('full', 'QuotaExceededError')
    return add.call(this, value, ...key)
  }
  t.after(() => Object.assign(IDBObjectStore.prototype, { add }))
  await Promise.all(Array.from({ length: 100 }, (_, n) => outbox.append({ n })))
  assert.ok(adds < 20, `${adds} writes`)
  const outcomes = await Promise.allSettled(
    [100, 101, 102].map((n) => outbox.append({ n, long: 'x'.repeat(n === 101 ? 6_000 : 1) })),
  )
  assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  await outbox.flush()
  assert.deepEqual(store.rows().map(({ n }) => n), [...Array(101).keys(), 102])
  await outbox.close()
})

test('an outbox is for one collection and one version', async () => {
  const indexedDB = new IDBFactory()
  const life = new Life(new Store())
  const outbox = await life.open({ indexedDB })
  await assert.rejects(life.open({ indexedDB, collection: 'others' }), {
    code: 'Misuse',
    message: /"events"/,
  })
  await assert.rejects(life.open({ indexedDB, tenant: 1 }), { code: 'Misuse' })
  await outbox.close()
  await assert.rejects(outbox.append({ n: 0 }), { code: 'Misuse' })
  const newer = indexedDB.open('coldpress-outbox/test', 99)
  await new Promise((resolve) => (newer.onsuccess = resolve))
  newer.result.close()
  await assert.rejects(life.open({ indexedDB }), { code: 'Misuse', message: /newer version/ })
  for (
    const wrong of [{ name: '' }, { collection: 7 }, { grants: {} }, { tenant: -1 }, {
      batchRowsMax: 0,
    }, { batchAgeMs: 'x' }]
  ) {
    await assert.rejects(life.open({ indexedDB, ...wrong }), { code: 'Misuse' })
  }
})
