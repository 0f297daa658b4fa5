// The playground in Chromium, under a policy stricter than its own, and what a visitor sees of it.
import { readFileSync } from 'node:fs'

import { launchChromium, watchFaults } from '../lib/browsers.mjs'
import { Gate } from '../lib/patience.mjs'
import { startServer, STRICT_CSP } from '../lib/server.mjs'
import { toolFile, www } from '../lib/tools.mjs'

export const BAD_ROWS =
  '{"city":"Lagos","temp":31.5}\n{"city":"Oslo","temp":-4}\n{"city":"Bergen","temp":none}\n'
export const VIEWS = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }

/** One browser for all tests of a file: `const playground = await startPlayground(test)`. */
export async function startPlayground(test) {
  const browser = await launchChromium()
  test.after(() => browser.close())
  return {
    /**
     * A page of its own, loaded.
     *
     * @param {import('node:test').TestContext} t
     * @param {{ folder?: string, host?: string, port?: number, connect?: string,
     *   dev?: object }} [options]
     *   connect: what the page may ask beside its own origin; dev: what a development server says
     *   of itself, nothing by default; the rest are Playwright's options of a context
     */
    async visit(t, { folder = www(), host, port, connect, dev, ...options } = {}) {
      // A browser that crashed opens no context. The site must not outlive the test even then: an
      // open server keeps the process, and with it the whole run.
      const site = await servePage(folder, { host, port, connect, dev })
      t.after(() => site.close())
      const context = await browser.newContext(options)
      t.after(() => context.close())
      const page = await context.newPage()
      const faults = watchFaults(page)
      await page.goto(site.origin)
      return { page, context, site, faults }
    },
  }
}

export function servePage(folder, { connect = '', dev = {}, ...where } = {}) {
  const policy = `${STRICT_CSP.replace("connect-src 'self'", `connect-src 'self' ${connect}`)}`
  return startServer({
    folders: { '/': folder },
    headers: { 'content-security-policy': `${policy}; manifest-src 'self'` },
    routes: { 'GET /dev/config.json': () => dev },
    ...where,
  })
}

export async function pressSample(page) {
  await page.getByTestId('sample').click()
  await page.locator('[data-check="good"]').waitFor()
}

export async function comparisonDone(page) {
  const sizes = '[data-testid="sizes"][aria-busy="false"] [data-complete="true"]'
  await page.locator(sizes).waitFor()
}

/** A file as a visitor chooses it. */
export const file = (name, content) => ({
  name, mimeType: 'application/octet-stream', buffer: Buffer.from(content),
})

/** Waits until the whole element is in the window: the page may still scroll. */
export async function inSight(page, testid) {
  const part = page.getByTestId(testid)
  await part.waitFor()
  await page.waitForFunction((name) => {
    const { top, bottom, height } =
      document.querySelector(`[data-testid="${name}"]`).getBoundingClientRect()
    return height > 0 && top >= 0 && bottom <= innerHeight
  }, testid)
}

/** Scrolls until a button is at the lower edge of the window, as for a reader who came down. */
export async function comeDownTo(page, testid) {
  await page.getByTestId(testid).evaluate((element) =>
    element.scrollIntoView({ block: 'end', behavior: 'instant' }))
}

/** Holds the sample back: a press of the sample waits until the gate opens. */
export async function holdSample(context) {
  const gate = new Gate()
  await context.route('**/examples/movies.ndjson', async (route) => {
    await gate.pass()
    await route.continue()
  })
  return gate
}

/** What axe finds that is serious or critical. */
export async function graveFaults(page, context) {
  // Bypasses the policy, because a debugger may do more than the page.
  const debug = await context.newCDPSession(page)
  const axe = readFileSync(toolFile('axe-core/axe.min.js'), 'utf8')
  await debug.send('Runtime.evaluate', { expression: axe })
  const { violations } = await page.evaluate(() => window.axe.run())
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  return grave.map(({ id, nodes }) =>
    `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
}
