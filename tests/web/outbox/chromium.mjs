// Chromium with tabs that can be opened, left, closed, and killed with their process.
import { CHROMIUM_FLAGS, launchChromium } from '../lib/browsers.mjs'

/**
 * How a tab can end: it is closed, its page is left for another, its process crashes or is killed.
 */
export const CHROMIUM_DEATHS = ['close', 'leave', 'crash', 'kill']

export class ChromiumTabs {
  #pages = new Map()
  #count = 0
  /** Tabs whose process is gone. */
  #crashed = new Set()

  /** @param {{ args?: string[] }} [options] */
  static async start({ args = [] } = {}) {
    const tabs = new ChromiumTabs()
    tabs.browser = await launchChromium({ args: [...CHROMIUM_FLAGS, ...args] })
    tabs.context = await tabs.browser.newContext()
    return tabs
  }

  /** Opens a tab; gives its name. */
  async open(url) {
    const page = await this.context.newPage()
    this.#count += 1
    const tab = `tab ${this.#count}`
    this.#pages.set(tab, page)
    page.on('crash', () => this.#crashed.add(tab))
    await page.goto(url)
    return tab
  }

  /**
   * Ends the page of a tab. If its process ends, so do all pages in that process.
   *
   * @param {string} tab
   * @param {string} how one of CHROMIUM_DEATHS
   * @returns {Promise<string[]>} the tabs that are dead now
   */
  async die(tab, how) {
    const page = this.#pages.get(tab)
    if (how === 'close') await page.close()
    else if (how === 'leave') await page.goto('about:blank')
    else {
      const crashed = new Promise((resolve) => page.once('crash', resolve))
      // No answer comes to either: the page is gone.
      if (how === 'kill') void page.goto('chrome://kill').catch(() => {})
      else void (await this.session(tab)).send('Page.crash').catch(() => {})
      await crashed
    }
    return [tab, ...this.#crashed]
  }

  /** Speaks to a tab's browser in its own protocol. */
  async session(tab) {
    return this.context.newCDPSession(this.#pages.get(tab))
  }

  /** Closes a tab, in whatever state it is. */
  async close(tab) {
    await this.#pages.get(tab)?.close()
    this.#pages.delete(tab)
    this.#crashed.delete(tab)
  }

  async stop() {
    await this.browser.close()
  }
}
