// Debian's Chromium, driven by Playwright, and Firefox, which is shown one page.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { HANG_MS } from './patience.mjs'
import { tool } from './tools.mjs'

const CHROMIUM = process.env.COLDPRESS_CHROMIUM ?? '/usr/bin/chromium'
export const FIREFOX = process.env.COLDPRESS_FIREFOX ?? '/usr/bin/firefox-esr'

/** Runs as root, and asks the wide network for nothing. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]

/**
 * Starts Chromium; `await browser.close()` ends it.
 *
 * @param {object} [options] Playwright's launch options
 */
export async function launchChromium(options = {}) {
  const { chromium } = await playwright()
  return patient(await chromium.launch({ ...shared(), ...options }))
}

/**
 * Watches a page for what a test must not overlook: uncaught errors, and whatever the policy
 * blocked. The list fills as the page runs.
 *
 * @param {import('playwright-core').Page} page
 */
export function watchFaults(page) {
  /** @type {string[]} */
  const faults = []
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') {
      faults.push(`console: ${message.text()} (${message.location().url})`)
    }
  })
  return faults
}

export const FIREFOX_PREFS = {
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'browser.aboutConfig.showWarning': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'browser.startup.page': 0,
  'datareporting.policy.dataSubmissionEnabled': false,
  'dom.push.enabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'http://127.0.0.1:9',
  'toolkit.telemetry.enabled': false,
}

/**
 * Opens a page in Firefox, with no driver: the page must itself tell a server what it found.
 * `await stop()` ends the browser.
 *
 * @param {string} url
 */
export function openFirefox(url) {
  const profile = mkdtempSync(join(tmpdir(), 'coldpress-firefox-'))
  const prefs = Object.entries(FIREFOX_PREFS)
  const lines = prefs.map(([name, value]) =>
    `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`
  )
  writeFileSync(join(profile, 'user.js'), lines.join(''))
  const browser = spawn(FIREFOX, ['--headless', '--no-remote', '--profile', profile, url], {
    env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' },
    stdio: 'ignore',
  })
  const failed = new Promise((_, reject) => {
    browser.once(
      'error',
      (error) => reject(new Error(`${FIREFOX}: ${error.message}; run: cargo xtask setup`)),
    )
  })
  // Without an awaiting caller, this must not be an unhandled rejection.
  failed.catch(() => {})
  const ended = new Promise((resolve) => browser.once('close', resolve))
  return {
    /** Rejects where the browser cannot be started. */
    failed,
    async stop() {
      if (browser.exitCode === null && browser.pid !== undefined) {
        browser.kill('SIGKILL')
        await ended
      }
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 })
    },
  }
}

async function playwright() {
  const module = await tool('playwright-core')
  return module.default ?? module
}

/** Pages on a busy machine may be slow: limits only end what hangs. */
function patient(browser) {
  for (const name of ['newContext', 'newPage']) {
    const make = browser[name].bind(browser)
    browser[name] = async (...options) => {
      const made = await make(...options)
      made.setDefaultTimeout(HANG_MS)
      return made
    }
  }
  return browser
}

function shared() {
  return {
    timeout: HANG_MS,
    executablePath: CHROMIUM,
    args: CHROMIUM_FLAGS,
    headless: true,
    chromiumSandbox: false,
  }
}
