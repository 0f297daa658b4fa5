// A store, a grant server, and tabs of a real browser on one outbox, of which some die in each
// round.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { coldpress, s3Environment, startColdpress } from '../lib/command.mjs'
import { Bucket } from '../lib/s3.mjs'
import { startSeaweed } from '../lib/seaweed.mjs'
import { startServer } from '../lib/server.mjs'
import { temporaryFolder, unpacked } from '../lib/tools.mjs'
import { startProxy } from '../upload/proxy.mjs'
import { allowPage } from '../upload/shore.mjs'
import { prng } from './model.mjs'
import { Wire } from './wire.mjs'

const PAGES = fileURLToPath(new URL('pages', import.meta.url))
const TENANT = 7
const BATCH_ROWS = 8

/**
 * What a page needs: its own site, grants, and a store behind a proxy that can hold requests back.
 */
export async function startPort(t, { host = '127.0.0.1' } = {}) {
  const server = await startSeaweed()
  t.after(() => server.stop())
  const proxy = await startProxy(server.endpoint)
  t.after(() => proxy.stop())
  const site = await startServer({ folders: { '/': PAGES, '/coldpress/': unpacked() }, host })
  t.after(() => site.close())
  const bucket = new Bucket(server)
  await allowPage(bucket, site.origin)
  const tokens = join(temporaryFolder(t), 'tokens')
  const asked = ['token', '--tenant', String(TENANT), '--append', tokens, '--json']
  const { token } = JSON.parse(await coldpress(asked))
  const grants = await startColdpress(
    [
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--tokens',
      tokens,
      '--allow-origin',
      site.origin,
      '--rate',
      '1000',
      '--burst',
      '1000',
      '--json',
      '--store',
      's3://data/cold',
      '--endpoint',
      proxy.origin,
      '--allow-http',
    ],
    { ready: /"url":"(http:[^"]+)"/, env: s3Environment(server) },
  )
  t.after(() => grants.stop())
  return { bucket, proxy, token, grantsUrl: grants.match[1], page: `${site.origin}/tab.html` }
}

/** Whether a page asks to store something; the grant server puts objects of its own. */
export function isUpload({ method, headers }) {
  return method === 'PUT' && headers.origin !== undefined
}

/**
 * A tab with an outbox, in its page or in a worker of it.
 *
 * @param {any} browser
 * @param {Awaited<ReturnType<typeof startPort>>} port
 * @param {{ place?: 'page' | 'worker' | 'service worker', name: string }} options
 */
export async function openTab(browser, { page, grantsUrl, token }, { place = 'page', name }) {
  const wire = await Wire.open()
  const options = encodeURIComponent(JSON.stringify({ wire: wire.url, place }))
  const tab = await browser.open(`${page}?options=${options}`)
  await wire.ready
  const given = {
    name, collection: 'rows', tenant: TENANT, grantsUrl, token,
    batchRowsMax: BATCH_ROWS, batchAgeMs: 200, backoffMsMin: 50, backoffMsMax: 400,
  }
  const { locks } = await wire.send('open', given)
  return { tab, wire, locks }
}

/** Rounds of deaths in one browser on one outbox. */
export class Deaths {
  live = []
  /** Rows whose append resolved; and the rows of interrupted appends, by append. */
  kept = []
  unsure = []
  appends = 0
  deaths = new Map()
  /**
   * The milliseconds from the last death of a round to the end of the last upload, and the longest
   * timer of the outbox.
   */
  slowestMs = 0
  longestMs = 0
  /** The tabs that are closed while the next round begins. */
  #closing = []

  constructor(browser, port, { seed, size, ways, name }) {
    Object.assign(this, { browser, port, size, ways, name, random: prng(seed) })
  }

  get count() {
    return [...this.deaths.values()].reduce((sum, count) => sum + count, 0)
  }

  toString() {
    const ways = [...this.deaths].map(([how, count]) => `${how} ${count}`).join(', ')
    return `${this.size} tabs: ${this.count} deaths (${ways}); ${this.kept.length} rows, `
      + `${this.unsure.length} appends broken off; all rows were stored ${this.slowestMs} ms after `
      + `the last death or sooner; the outbox waits ${this.longestMs} ms or less`
  }

  /** Tabs append, most of them die, and the other ones only stay open. */
  async round() {
    await this.#fill()
    const { random, live } = this
    const dying = 1 + random.below(live.length - 1)
    const doomed = Array.from({ length: dying }, () => live.splice(random.below(live.length), 1)[0])
    // A tab that appends wakes its own outbox. Mostly only tabs append that will die.
    const appending = [...live.filter(() => random.chance(0.2)), ...doomed]
    const appended = appending.map((tab) => this.#append(tab))
    for (const tab of doomed) await this.#die(tab)
    await Promise.all(appended)
    const lastDeath = Date.now()
    // A page of another tab may have shared a process with a dead one.
    this.live = this.live.filter(({ wire }) => !wire.isGone)
    if (this.live.length === 0) await this.#fill()
    const [survivor] = this.live
    const end = await survivor.wire.send('empty')
    if (end === undefined) throw new Error('the tab that was to live is gone')
    this.slowestMs = Math.max(this.slowestMs, Date.now() - lastDeath)
    this.longestMs = Math.max(this.longestMs, end.longestMs)
    if (end.failed > 0) throw new Error(`${end.failed} batches were set aside`)
  }

  /** Stops waiting for its rows. */
  end() {
    for (const { wire } of this.live) wire.cut()
  }

  async #fill() {
    await Promise.all(this.#closing.splice(0))
    const opened = []
    for (let count = this.live.length; count < this.size; count += 1) {
      const place = this.random.chance(0.25) ? 'worker' : 'page'
      opened.push(openTab(this.browser, this.port, { place, name: this.name }))
    }
    this.live.push(...(await Promise.all(opened)))
  }

  async #append({ wire }) {
    const append = this.appends++
    const length = 1 + this.random.below(2 * BATCH_ROWS)
    const rows = Array.from({ length }, (_, n) => ({ run: this.name, append, n }))
    if ((await wire.send('append', { rows })) === undefined) this.unsure.push(rows)
    else this.kept.push(...rows)
  }

  /**
   * At a moment that the seed chooses: at once, soon, or at the next request of an upload, which
   * waits for it.
   */
  async #die({ tab, wire }) {
    const { proxy } = this.port
    const how = this.ways[this.random.below(this.ways.length)]
    const when = this.random.below(3)
    const soonMs = this.random.below(250)
    let dead = () => {}
    if (when === 1) await sleep(soonMs)
    if (when === 2) {
      const death = new Promise((resolve) => (dead = resolve))
      const asked = new Promise((resolve) => {
        proxy.fate = (request) => {
          if (!isUpload(request)) return undefined
          resolve()
          return death
        }
      })
      // Maybe nothing is left to send.
      await Promise.race([asked, sleep(500)])
    }
    const gone = await this.browser.die(tab, how)
    proxy.fate = () => undefined
    dead()
    wire.cut()
    for (const other of this.live) if (gone.includes(other.tab)) other.wire.cut()
    this.deaths.set(how, (this.deaths.get(how) ?? 0) + 1)
    this.#closing.push(this.browser.close(tab))
  }
}
