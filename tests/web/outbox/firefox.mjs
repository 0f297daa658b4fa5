// Firefox with tabs that can be opened, left, closed, and killed with their process. Its own remote
// protocol, Marionette, drives it: lines of JSON with their length before them, and scripts that
// run in the browser itself.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { FIREFOX, FIREFOX_PREFS } from '../lib/browsers.mjs'
import { until } from '../lib/patience.mjs'

const PREFS = {
  ...FIREFOX_PREFS,
  'marionette.port': 0,
  // Each tab has a process of its own, so that one can be killed alone.
  'dom.ipc.processCount': 16,
  'dom.ipc.processCount.webIsolated': 16,
  'browser.tabs.unloadOnLowMemory': false,
  // All tabs are in the background: their timers need not take seconds.
  'dom.min_background_timeout_value': 10,
  'dom.min_background_timeout_value_without_budget_throttling': 10,
  'dom.timeout.enable_budget_timer_throttling': false,
}

/**
 * How a tab can end: it is closed, its page is left for another, its process is killed or crashes.
 */
export const FIREFOX_DEATHS = ['close', 'leave', 'SIGKILL', 'SIGABRT']

export class FirefoxTabs {
  #profile = mkdtempSync(join(tmpdir(), 'coldpress-firefox-'))
  #answers = new Map()
  #sent = 0
  #text = Buffer.alloc(0)
  #end = () => this.child.kill('SIGKILL')

  /** @param {{ prefs?: Record<string, unknown> }} [options] */
  static async start({ prefs = {} } = {}) {
    const firefox = new FirefoxTabs()
    await firefox.#start({ ...PREFS, ...prefs })
    return firefox
  }

  async #start(prefs) {
    const pairs = Object.entries(prefs).map((pair) => pair.map((part) => JSON.stringify(part)))
    const lines = pairs.map(([name, value]) => `user_pref(${name}, ${value});\n`)
    writeFileSync(join(this.#profile, 'user.js'), lines.join(''))
    const driven = ['--marionette', '-remote-allow-system-access']
    const args = ['--headless', '--no-remote', ...driven, '--profile', this.#profile, 'about:blank']
    this.child = spawn(FIREFOX, args, {
      env: { ...process.env, HOME: this.#profile, MOZ_CRASHREPORTER_DISABLE: '1' },
      stdio: 'ignore',
    })
    this.ended = new Promise((resolve) => this.child.once('close', resolve))
    // A test that is stopped must not leave a browser running.
    process.once('exit', this.#end)
    const portFile = join(this.#profile, 'MarionetteActivePort')
    const portOf = () => existsSync(portFile) && Number(readFileSync(portFile, 'utf8'))
    const port = await until(portOf, `${FIREFOX} to start`)
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('error', () => {})
    this.socket.on('data', (bytes) => this.#read(bytes))
    await this.#call('WebDriver:NewSession', {})
    await this.#call('Marionette:SetContext', { value: 'chrome' })
  }

  /** Opens a tab in the background; gives its name. */
  open(url) {
    return this.#run(`
      const triggeringPrincipal = Services.scriptSecurityManager.getSystemPrincipal()
      return gBrowser.addTab(arguments[0], { triggeringPrincipal }).linkedPanel`, url)
  }

  /**
   * Ends the page of a tab. If its process ends, so do all pages in that process.
   *
   * @param {string} tab
   * @param {string} how one of FIREFOX_DEATHS
   * @returns {Promise<string[]>} the tabs that are dead now
   */
  async die(tab, how) {
    if (how === 'close') await this.close(tab)
    else if (how === 'leave') await this.#run(`${FIND} ${LEAVE}`, tab)
    else {
      const pids = await this.#run(PIDS)
      const dying = Object.keys(pids).filter((other) => pids[other] === pids[tab])
      await this.#kill(pids[tab], how)
      return dying
    }
    return [tab]
  }

  /** Closes a tab, in whatever state it is. */
  async close(tab) {
    await this.#run(`${FIND} if (tab) gBrowser.removeTab(tab, { skipPermitUnload: true })`, tab)
  }

  async stop() {
    this.#end()
    await this.ended
    process.off('exit', this.#end)
    this.socket?.destroy()
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
  }

  /** Kills a process, if it descends from this browser and from nothing else. */
  #kill(pid, signal) {
    if (!ancestors(pid).includes(this.child.pid)) {
      throw new Error(`process ${pid} is none of this browser's`)
    }
    process.kill(pid, signal)
    return until(() => !existsSync(`/proc/${pid}`), `the end of process ${pid}`, { everyMs: 5 })
  }

  async #run(script, ...args) {
    const given = { script: `${BROWSER}${script}`, args }
    const { value } = await this.#call('WebDriver:ExecuteScript', given)
    return value
  }

  #call(name, parameters) {
    this.#sent += 1
    const text = JSON.stringify([0, this.#sent, name, parameters])
    this.socket.write(`${Buffer.byteLength(text)}:${text}`)
    return new Promise((resolve, reject) => {
      this.#answers.set(this.#sent, { name, resolve, reject })
    })
  }

  #read(bytes) {
    this.#text = Buffer.concat([this.#text, bytes])
    for (;;) {
      const colon = this.#text.indexOf(':')
      const end = colon + 1 + Number(this.#text.subarray(0, Math.max(colon, 0)))
      if (colon < 0 || this.#text.length < end) return
      const message = JSON.parse(this.#text.subarray(colon + 1, end))
      this.#text = this.#text.subarray(end)
      // The first is the browser's greeting.
      if (!Array.isArray(message)) continue
      const [, id, error, result] = message
      const { name, resolve, reject } = this.#answers.get(id)
      this.#answers.delete(id)
      if (error) reject(new Error(`${name}: ${error.error}: ${error.message}`))
      else resolve(result)
    }
  }
}

const BROWSER = "const { gBrowser } = Services.wm.getMostRecentWindow('navigator:browser')\n"
const FIND = 'const tab = gBrowser.tabs.find(({ linkedPanel }) => linkedPanel === arguments[0])\n'

const LEAVE = `
  const triggeringPrincipal = Services.scriptSecurityManager.getSystemPrincipal()
  tab.linkedBrowser.fixupAndLoadURIString('about:blank', { triggeringPrincipal })`
const PIDS = `
  const pidOf = ({ linkedBrowser }) => linkedBrowser.frameLoader?.remoteTab?.osPid
  return Object.fromEntries(gBrowser.tabs.map((tab) => [tab.linkedPanel, pidOf(tab)]))`

/** The processes that a process descends from, nearest first. */
function ancestors(pid) {
  const found = []
  for (let next = pid; next > 1; ) {
    // The name in brackets may hold anything, brackets too.
    const [, parent] = /^.*\) \S (\d+)/s.exec(readFileSync(`/proc/${next}/stat`, 'utf8'))
    next = Number(parent)
    found.push(next)
  }
  return found
}
