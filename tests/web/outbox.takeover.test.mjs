// Several pages share one outbox. Some die, freeze or hang, and the others take over. The test has
// its own clock, so the seconds here are those of the protocol, on any machine.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ColdpressError, Store, exactlyOnce, prng, until } from './outbox/model.mjs'
import { AGE_MS, BOUND_MS, World, twoPages, held, turns } from './outbox/world.mjs'

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
 * Rounds in which all pages append, and some die at any turn of the event loop. Returns the longest
 * time until all rows were stored.
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
    // Another test has appends of dying pages. Here all appends have resolved.
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

test('a page that appended and died before it told the others is noticed', async () => {
  const { world, first, second } = await twoPages()
  // Its death comes between the write and the message.
  world.browser.mute(first.life)
  await first.outbox.append(world.rows(3))
  first.life.die()
  assert.ok((await world.stored(second)) <= AGE_MS)
  await world.close()
})

test('if a page dies while it sends a batch, another page sends it at once', async () => {
  const { world, first, second } = await twoPages({ options: { batchRowsMax: 2 } })
  const gate = held(first)
  await first.outbox.append(world.rows(2))
  await gate.reached
  assert.equal((await second.outbox.state()).batches, 1)
  first.life.die()
  assert.equal(await world.stored(second), 0)
  await world.close()
})

test('if a page dies after a flush, another page uploads at once', async () => {
  for (const has of [{}, { locks: false }]) {
    const world = new World({ has, options: { batchAgeMs: 3_600_000 } })
    const [first, second] = [await world.page(), await world.page()]
    await first.outbox.append(world.rows(3))
    await world.settle()
    const gate = held(first)
    void first.outbox.flush()
    await gate.reached
    // One more row comes after that flush, so it waits until it is old enough.
    await second.outbox.append({ n: 'late' })
    first.life.die()
    await world.clock.until(() => exactlyOnce(world.store.rows(), 3), BOUND_MS)
    await turns(50)
    assert.equal((await second.outbox.state()).rows, 1)
    await world.close()
  }
})

test('a new page uploads what dead pages left', async () => {
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
    // When it wakes up, its batch is gone. It goes on with the new rows.
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

test('a frozen page holds no lock, and joins the others again later', async () => {
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

test('a page that uploads for long, and answers, keeps the lock', async () => {
  const { world, first, second } = await twoPages({ options: { batchRowsMax: 1 } })
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

test('setting the clock back or forward delays nothing', async () => {
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

test('a lease and a pause after a failure end even if the clock is set back', async () => {
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
  // A page that waits for a lease looks at it each second.
  for (const [has, bound] of [[{}, 0], [{ locks: false }, 1_000]]) {
    const world = new World({ has, options: { batchRowsMax: 1 } })
    const [first, second] = [await world.page(), await world.page()]
    await world.settle()
    // An upload that needs time to end after an abort.
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
