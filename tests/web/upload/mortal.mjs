// A Chromium that can be killed like a process, crash like a page, and come back on the same
// profile.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { CHROMIUM_FLAGS } from '../lib/browsers.mjs'
import { HANG_MS } from '../lib/patience.mjs'
import { tool } from '../lib/tools.mjs'

const CHROMIUM = process.env.COLDPRESS_CHROMIUM ?? '/usr/bin/chromium'
const CRASH_MS_MAX = 5_000

export class MortalChromium {
  /** @param {string} profile a folder that outlives every browser */
  constructor(profile) {
    this.profile = profile
  }

  /** A page at `url`; starts the browser where it is dead. */
  async open(url) {
    if (this.child === undefined) await this.#start()
    const [context] = this.browser.contexts()
    context.setDefaultTimeout(HANG_MS)
    this.page = await context.newPage()
    await this.page.goto(url)
    await this.page.waitForFunction('globalThis.ready')
    return this.page
  }

  /** Kills the browser with all its processes at once, like a power cut. */
  async kill() {
    const { child } = this
    this.child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('close', resolve))
    process.kill(-child.pid, 'SIGKILL')
    await ended
  }

  /** The page's process dies, the browser lives on. */
  async crash() {
    const { page } = this
    const crashed = new Promise((resolve) => page.once('crash', () => resolve(true)))
    const session = await page.context().newCDPSession(page)
    // It never answers: the browser is gone, as asked.
    void session.send('Page.crash').catch(() => {})
    if (!(await Promise.race([crashed, sleep(CRASH_MS_MAX, false)]))) await this.kill()
    void page.close().catch(() => {})
  }

  async #start() {
    const portFile = join(this.profile, 'DevToolsActivePort')
    rmSync(portFile, { force: true })
    const flags = [
      ...CHROMIUM_FLAGS,
      '--headless',
      '--remote-debugging-port=0',
      `--user-data-dir=${this.profile}`,
      'about:blank',
    ]
    // A group of its own, so that one signal reaches all its processes.
    this.child = spawn(CHROMIUM, flags, { detached: true, stdio: 'ignore' })
    const end = Date.now() + HANG_MS
    while (!existsSync(portFile) || !readFileSync(portFile, 'utf8').includes('\n')) {
      if (Date.now() > end) throw new Error(`${CHROMIUM} did not start; run: cargo xtask setup`)
      await sleep(50)
    }
    const [port] = readFileSync(portFile, 'utf8').split('\n')
    const module = await tool('playwright-core')
    const { chromium } = module.default ?? module
    this.browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`, { timeout: HANG_MS })
  }
}
