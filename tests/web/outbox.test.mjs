// The outbox in Chromium, which is killed and crashed at random while the servers answer 500 half
// of the time.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { launchChromium } from './lib/browsers.mjs'
import { until } from './lib/patience.mjs'
import { temporaryFolder } from './lib/tools.mjs'
import { MortalChromium } from './upload/mortal.mjs'
import { startShore } from './upload/shore.mjs'

const BATCHES = 20
const BATCH_ROWS = 50
const DEATHS = 14

const batch = (number) =>
  Array.from(
    { length: BATCH_ROWS },
    (_, n) => ({ batch: number, n, text: `row ${n} of ${number}` }),
  )

/** Rows by their batch, as the native command reads them from all objects of the store. */
async function storedBatches({ bucket, rows }) {
  const keys = await bucket.list()
  const found = new Map()
  for (const key of keys) {
    for (const row of await rows(key)) found.set(row.batch, [...(found.get(row.batch) ?? []), row])
  }
  return { keys, found }
}

/** Waits until a page's outbox is empty. */
async function untilEmpty(page) {
  let state
  await until(async () => {
    state = await page.evaluate(() => globalThis.outbox.state())
    return state.rows === 0
  }, 'an empty outbox', { everyMs: 200 })
  return state
}

/**
 * Fates in random order: of each eight requests two fail before the store hears of them, and two
 * after.
 */
function* fates() {
  for (;;) {
    const bag = ['before', 'before', 'after', 'after', undefined, undefined, undefined, undefined]
    while (bag.length > 0) yield bag.splice(Math.floor(Math.random() * bag.length), 1)[0]
  }
}

const options = ({ grantsUrl, token }, more) => ({
  name: 'test',
  collection: 'rows',
  grantsUrl,
  token,
  batchRowsMax: BATCH_ROWS,
  batchAgeMs: 100,
  backoffMsMin: 50,
  backoffMsMax: 400,
  ...more,
})

test('1,000 rows are stored exactly once, though the page dies and servers fail', async (t) => {
  const shore = await startShore(t)
  let [requestsLeft, strike] = [Infinity, () => {}]
  const fate = fates()
  shore.proxy.fate = ({ headers }) => {
    if (headers.origin === undefined) return undefined
    requestsLeft -= 1
    if (requestsLeft === 0) strike()
    return fate.next().value
  }
  /** @type {MortalChromium | undefined} */
  let chromium
  // Before the hook of the folder: a folder that a browser still writes into cannot be removed.
  t.after(() => chromium?.kill())
  chromium = new MortalChromium(temporaryFolder(t))
  const kept = []
  const unsure = []
  let next = 0

  /**
   * One life of the browser; it dies while it opens, while it appends, or at a request of an
   * upload.
   */
  async function live(dies) {
    const page = await chromium.open(shore.page)
    /** @type {Promise<void> | undefined} */
    let death
    const die = (wait) => {
      death ??= sleep(wait).then(() => (Math.random() < 0.7 ? chromium.kill() : chromium.crash()))
    }
    const how = dies ? Math.random() : 1
    if (how < 0.2) die(Math.random() * 1_000)
    try {
      await page.evaluate((given) => globalThis.openTestOutbox(given), options(shore))
      if (how >= 0.2 && how < 0.4) die(Math.random() * 60)
      if (how >= 0.4 && dies) {
        [requestsLeft, strike] = [1 + Math.floor(Math.random() * 12), () => die(Math.random() * 20)]
      }
      for (let appends = 0; kept.length < BATCHES && (appends < 2 || !dies); appends += 1) {
        unsure.push(next++)
        await page.evaluate((rows) => globalThis.outbox.append(rows), batch(unsure.at(-1)))
        kept.push(unsure.pop())
      }
      // If too little is left to send, the next request would never come.
      for (let waits = 0; dies && death === undefined && waits < 80; waits += 1) await sleep(100)
      if (dies) die(0)
    } catch (error) {
      // A call to a page that died may fail; any other error is a bug.
      if (
        !dies ||
        !/closed|crash|detached|destroyed|disconnected|ECONNRESET|ECONNREFUSED/i.test(error.message)
      ) throw error
    }
    requestsLeft = Infinity
    await death
  }

  for (let lives = 0; lives < DEATHS || kept.length < BATCHES; lives += 1) {
    await live(lives < DEATHS)
  }
  const page = await chromium.open(shore.page)
  const waited = await page.evaluate(async (given) => {
    await globalThis.openTestOutbox(given)
    return globalThis.outbox.state()
  }, options(shore))
  assert.deepEqual((await untilEmpty(page)).failed, { batches: 0, rows: 0 })

  const { keys, found } = await storedBatches(shore)
  for (const number of kept) assert.deepEqual(found.get(number), batch(number), `batch ${number}`)
  // An append that a death interrupted is stored once or not at all.
  for (const number of unsure) {
    assert.ok(!found.has(number) || found.get(number).length === BATCH_ROWS, `batch ${number}`)
  }
  assert.equal(keys.length, found.size)
  assert.equal(new Set([...kept, ...unsure]).size, next)
  assert.ok(
    shore.proxy.struck.before > 5 && shore.proxy.struck.after > 5,
    JSON.stringify(shore.proxy.struck),
  )
  t.diagnostic(
    `${DEATHS} deaths, ${unsure.length} appends broken off; 500s: ${
      JSON.stringify(shore.proxy.struck)
    }; ${keys.length} objects; ${waited.rows} rows waited at the end`,
  )
})

test('two tabs, offline and back: rows wait and are stored once', async (t) => {
  const [shore, browser] = await Promise.all([startShore(t), launchChromium()])
  t.after(() => browser.close())
  const context = await browser.newContext()
  const pages = await Promise.all([context.newPage(), context.newPage()])
  for (const page of pages) {
    await page.goto(shore.page)
    await page.waitForFunction('globalThis.ready')
    await page.evaluate(
      (given) => globalThis.openTestOutbox(given),
      options(shore, { persist: true }),
    )
  }
  await context.setOffline(true)
  await Promise.all(pages.map(async (page, tab) => {
    for (let at = 0; at < 5; at += 1) {
      await page.evaluate((rows) => globalThis.outbox.append(rows), batch(at * 2 + tab))
    }
  }))
  const waiting = await pages[0].evaluate(() => globalThis.outbox.state())
  assert.deepEqual([waiting.rows, waiting.online], [500, false])
  await assert.rejects(pages[0].evaluate(() => globalThis.outbox.flush()), /no network/)
  assert.deepEqual(await shore.bucket.list(), [])
  await context.setOffline(false)
  await untilEmpty(pages[1])
  const { keys, found } = await storedBatches(shore)
  for (let number = 0; number < 10; number += 1) assert.deepEqual(found.get(number), batch(number))
  assert.equal(keys.length, 10)
})

test('a wrong token stops the queue and is named; a wrong row is refused', async (t) => {
  const [shore, browser] = await Promise.all([startShore(t), launchChromium()])
  t.after(() => browser.close())
  const page = await browser.newPage()
  await page.goto(shore.page)
  await page.waitForFunction('globalThis.ready')
  await page.evaluate(
    (given) => globalThis.openTestOutbox(given),
    options(shore, { token: 'wrong', batchAgeMs: 60_000 }),
  )
  await page.evaluate((rows) => globalThis.outbox.append(rows), batch(0))
  const refused = await page.evaluate(() =>
    globalThis.outbox.flush().catch(({ code, message }) => ({ code, message }))
  )
  assert.equal(refused.code, 'Denied')
  assert.match(refused.message, /token/)
  const none = await page.evaluate(() =>
    globalThis.outbox.append([{ n: 1 }, { n: NaN }]).catch(({ code, row }) => ({ code, row }))
  )
  assert.deepEqual(none, { code: 'Row', row: 1 })
  assert.equal(await page.evaluate(async () => (await globalThis.outbox.state()).rows), BATCH_ROWS)
  await page.evaluate(() => globalThis.outbox.close())
  await page.evaluate((given) => globalThis.openTestOutbox(given), options(shore))
  await untilEmpty(page)
  assert.deepEqual((await storedBatches(shore)).found.get(0), batch(0))
})
