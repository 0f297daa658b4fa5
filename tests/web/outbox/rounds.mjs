// Tabs on one outbox die at random, and the others store every row once. How long a page may
// wait is a property of the protocol. So the waits that the outbox asks of its timers are held
// against the bound here, and not the speed of the machine; outbox.takeover.test.mjs adds them up
// on a clock of its own.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { unpacked } from '../lib/tools.mjs'
import { Deaths, startPort } from './deaths.mjs'

const { decode } = await import(pathToFileURL(join(unpacked(), 'node.js')).href)

const BOUND_MS = 10_000
/** How many tabs die in each browser; the seed of their deaths. */
const DEATHS = Number(process.env.COLDPRESS_OUTBOX_DEATHS ?? 100)
const SEED = Number(process.env.COLDPRESS_OUTBOX_SEED ?? 10)
/**
 * A site without a secure context has no Web Locks: there the outbox uses a lease.
 */
export const INSECURE = 'outbox.test'

/**
 * The tests of one browser.
 *
 * @param {string} name
 * @param {() => Promise<any>} start gives its tabs; INSECURE must mean this machine there
 * @param {string[]} ways in which its tabs can die
 */
export function testDeaths(name, start, ways) {
  test(`${DEATHS} tabs die in ${name}, and the others store every row once`, async (t) => {
    // A round of two tabs has one death, and one of five up to four.
    const inPairs = Math.floor(DEATHS * 0.3)
    const sizes = [[2, inPairs], [5, DEATHS - inPairs]]
    for (const run of await runs(t, start, { ways, sizes })) {
      assert.equal(run.live[0].locks, true)
    }
  })

  test(`without Web Locks the tabs of ${name} take over by the lease`, async (t) => {
    const sizes = [[3, Math.ceil(DEATHS / 20)]]
    for (const run of await runs(t, start, { ways, sizes, host: INSECURE })) {
      assert.equal(run.live[0].locks, false)
    }
  })
}

/**
 * Runs of so many tabs and deaths, one after the other in one browser, and then a look at what is
 * in the store.
 */
async function runs(t, start, { ways, sizes, host }) {
  /** @type {Awaited<ReturnType<start>> | undefined} */
  let browser
  // Before the hooks of the servers that it uses.
  t.after(() => browser?.stop())
  const port = await startPort(t, { host })
  browser = await start()
  const done = []
  for (const [size, deaths] of sizes) {
    const name = `outbox of ${size}`
    const run = new Deaths(browser, port, { seed: SEED + size, size, ways, name })
    t.after(() => run.end())
    const begin = Date.now()
    while (run.count < deaths) await run.round()
    t.diagnostic(`${run}; ${((Date.now() - begin) / 1000).toFixed(0)} s`)
    assert.ok(run.longestMs <= BOUND_MS, `the outbox waits ${run.longestMs} ms`)
    done.push(run)
  }
  await storedOnce(port.bucket, done)
  return done
}

/**
 * Every row whose append resolved is stored once. An append that a death interrupted is stored once
 * or not at all.
 */
async function storedOnce(bucket, done) {
  const counts = new Map()
  for (const key of await bucket.list()) {
    for (const row of await decode(await bucket.get(key))) {
      const name = JSON.stringify([row.run, row.append, row.n])
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  const countOf = ({ run, append, n }) => counts.get(JSON.stringify([run, append, n])) ?? 0
  for (const { kept, unsure } of done) {
    for (const row of kept) assert.equal(countOf(row), 1, JSON.stringify(row))
    for (const rows of unsure) {
      assert.ok(countOf(rows[0]) <= 1, JSON.stringify(rows[0]))
      for (const row of rows) assert.equal(countOf(row), countOf(rows[0]), JSON.stringify(row))
    }
  }
}
