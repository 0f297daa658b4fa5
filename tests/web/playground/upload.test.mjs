// Uploads of the playground while the network fails: what the page shows, and what is stored in the
// end. The grant server and the S3 server are real, behind a connection that can be cut.
import assert from 'node:assert/strict'
import test from 'node:test'

import { Gate, until } from '../lib/patience.mjs'
import { www } from '../lib/tools.mjs'
import { allowPage, startShore } from '../upload/shore.mjs'
import {
  comeDownTo, graveFaults, inSight, pressSample, servePage, startPlayground, VIEWS,
} from './visit.mjs'

const playground = await startPlayground(test)
/** A store that stays overloaded for longer than an upload waits. */
const BUSY = {
  status: 503,
  headers: {
    'access-control-allow-origin': '*',
    'access-control-expose-headers': '*',
    'retry-after': '999999',
  },
  body: '<Error><Code>SlowDown</Code></Error>',
}

for (const [view, viewport] of Object.entries(VIEWS)) {
  test(`a network that is cut: the page waits, says why, and goes on, ${view}`, async (t) => {
    const { page, context, proxy, bucket, rows } = await visit(t, { viewport })
    await pressSample(page)
    cutAtPut(proxy)
    await startUpload(page)
    const waiting = page.getByTestId('upload-waiting')
    await waiting.getByText(/^Try \d+ begins in \d+ s\.$/).waitFor()
    await waiting.getByText(/^The last one failed: \S/).waitFor()
    await inSight(page, 'upload-transit')
    // Each wait is said, and each try: the page may be at a try by now, and waits again after it.
    const spoken = page.getByTestId('announce')
    await spoken.filter({ hasText: /Waiting to try again\. Try \d+ follows/ }).waitFor()
    assert.deepEqual(await graveFaults(page, context), [])
    proxy.mend()
    const key = await arrived(page)
    await inSight(page, 'upload-result')
    assert.equal((await rows(key)).length, 3201)
    assert.equal((await bucket.list()).length, 1)
  })

  test(`a device that is offline: the page says so, and goes on by itself, ${view}`, async (t) => {
    const { page, context, bucket } = await visit(t, { viewport })
    await pressSample(page)
    await context.setOffline(true)
    await startUpload(page)
    await page.getByTestId('upload-phase').getByText('Offline').waitFor()
    assert.match(await page.getByTestId('upload-waiting').innerText(), /goes on by itself/)
    await inSight(page, 'upload-transit')
    assert.deepEqual(await graveFaults(page, context), [])
    assert.deepEqual(await bucket.list(), [])
    await context.setOffline(false)
    await arrived(page)
    assert.equal((await bucket.list()).length, 1)
  })
}

test('Retry-After of a store is counted down in seconds', async (t) => {
  const { page, context, proxy, bucket } = await visit(t)
  await pressSample(page)
  await context.route(`${proxy.origin}/**`, async (route) => {
    if (route.request().method() !== 'PUT') return route.continue()
    return route.fulfill({ ...BUSY, headers: { ...BUSY.headers, 'retry-after': '60' } })
  })
  await startUpload(page)
  const waiting = page.getByTestId('upload-waiting')
  const seconds = async () => {
    const found = /^Try 2 begins in (\d+) s/.exec(await waiting.innerText())
    return Number(found?.[1] ?? 0)
  }
  const first = await until(seconds, 'a wait for the second try')
  await until(async () => {
    const now = await seconds()
    return now > 0 && now < first
  }, 'fewer seconds')
  await page.getByTestId('upload-cancel').click()
  await page.locator('[data-testid="upload-error"][data-code="Aborted"]').waitFor()
  assert.deepEqual(await bucket.list(), [])
})

test('bytes under way are shown before they are confirmed', async (t) => {
  const { page, proxy } = await visit(t)
  await pressSample(page)
  const gate = new Gate()
  proxy.fate = ({ method, headers }) => headers.origin && method === 'PUT' ? gate.pass() : undefined
  await startUpload(page)
  await gate.reached
  const words = page.getByTestId('upload-progress')
  await words.getByText(/^0 B of .* stored, \d+ kB under way$/).waitFor()
  assert.equal(await page.getByTestId('upload-meter').getAttribute('aria-valuenow'), '0')
  const moving = page.getByTestId('upload-meter').locator('.under-way')
  await until(async () => (await moving.boundingBox()).width > 100, 'the bar shows it')
  gate.open()
  await arrived(page)
})

test('a store that fails for long: “Try again” repeats the same upload', async (t) => {
  const { page, context, bucket, rows, proxy } = await visit(t)
  await pressSample(page)
  const busy = async (route) => {
    // The rows arrive, but the answer, and every check of the key, is an error.
    if (route.request().method() === 'PUT') await route.fetch()
    return route.fulfill(BUSY)
  }
  await context.route(`${proxy.origin}/**`, busy)
  await startUpload(page)
  await page.locator('[data-testid="upload-error"][data-code="Unavailable"]').waitFor()
  await inSight(page, 'upload-error')
  await inSight(page, 'upload-retry')
  assert.match(await page.getByTestId('upload-error').innerText(), /stores nothing twice/)
  assert.equal(await page.getByTestId('upload').innerText(), 'Start a new upload')
  assert.deepEqual(await graveFaults(page, context), [])
  await page.getByTestId('upload-retry').click()
  await page.locator('[data-testid="upload-error"][data-code="Unavailable"]').waitFor()
  await context.unroute(`${proxy.origin}/**`)
  await page.getByTestId('upload-retry').click()
  const key = await arrived(page)
  assert.match(await page.getByTestId('upload-result').innerText(), /It was there already/)
  assert.deepEqual(await bucket.list(), [key])
  assert.equal((await rows(key)).length, 3201)
  assert.equal(await page.getByTestId('upload').innerText(), 'Upload')
})

test('cancelled while it waits: it stops, and can be continued', async (t) => {
  const { page, bucket, proxy } = await visit(t)
  await pressSample(page)
  cutAtPut(proxy)
  await startUpload(page)
  await page.getByTestId('upload-phase').getByText('Waiting to try again').waitFor()
  await page.getByTestId('upload-cancel').click()
  await page.locator('[data-testid="upload-error"][data-code="Aborted"]').waitFor()
  await inSight(page, 'upload-error')
  proxy.mend()
  await page.getByTestId('upload-retry').click()
  const key = await arrived(page)
  assert.deepEqual(await bucket.list(), [key])
})

test('a corrected token: “Try again” uses the form as it is now', async (t) => {
  const { page, bucket, token } = await visit(t)
  await pressSample(page)
  await page.getByTestId('grant-token').fill('coldpress_wrong')
  await startUpload(page)
  await page.locator('[data-testid="upload-error"][data-code="Denied"]').waitFor()
  await page.getByTestId('grant-token').fill(token)
  await page.getByTestId('upload-retry').click()
  const key = await arrived(page)
  assert.deepEqual(await bucket.list(), [key])
})

test('the address of another server is named as a wrong address', async (t) => {
  const { page, site } = await visit(t)
  await pressSample(page)
  // A web server that is no grant server.
  await page.getByTestId('grant-server').fill(site.origin)
  await startUpload(page)
  const error = page.getByTestId('upload-error')
  await error.waitFor()
  await inSight(page, 'upload-error')
  const words = await error.innerText()
  assert.doesNotMatch(words, /Not allowed/)
  assert.match(words, /No grant server was found there/)
  assert.match(words, /is it the address of a coldpress grant server\?/)
})

test('a press while an upload runs stops it, and says so', async (t) => {
  const { page, context, proxy, bucket } = await visit(t)
  await pressSample(page)
  cutAtPut(proxy)
  await startUpload(page)
  await page.getByTestId('upload-phase').getByText('Waiting to try again').waitFor()
  const gate = new Gate()
  await context.route('**/examples/movies.ndjson', async (route) => {
    await gate.pass()
    await route.continue()
  })
  await page.getByTestId('sample').click()
  await inSight(page, 'upload-dropped')
  gate.open()
  await page.locator('[data-check="good"]').waitFor()
  proxy.mend()
  // The stopped upload does not block the next one.
  await startUpload(page)
  const key = await arrived(page)
  assert.deepEqual(await bucket.list(), [key])
})

/** The page, a grant server that lets it in, and an S3 server behind a line that can be cut. */
async function visit(t, { viewport = VIEWS.desktop } = {}) {
  const port = await freePort()
  const shore = await startShore(t, { serve: ['--allow-origin', `http://127.0.0.1:${port}`] })
  const may = [shore.grantsUrl, shore.proxy.origin].map((url) => new URL(url).origin)
  const opened = await playground.visit(t, {
    port, viewport, serviceWorkers: 'block', connect: may.join(' '),
    dev: { grants: `${shore.grantsUrl}`, token: shore.token },
  })
  await allowPage(shore.bucket, opened.site.origin)
  return { ...shore, ...opened }
}

/** Cuts the connection in the middle of the page's first put, after the grant. */
function cutAtPut(proxy) {
  proxy.fate = ({ method, headers }) => {
    if (!headers.origin || method !== 'PUT') return
    proxy.fate = () => undefined
    proxy.cut()
  }
}

/**
 * A port that is free now: the grant server needs the origin of the page before there is a page.
 */
async function freePort() {
  const site = await servePage(www())
  await site.close()
  return site.port
}

async function startUpload(page) {
  await page.waitForFunction(() => document.querySelector('#grant-token').value !== '')
  await comeDownTo(page, 'upload')
  await page.getByTestId('upload').click()
}

async function arrived(page) {
  const result = page.getByTestId('upload-result')
  const error = page.getByTestId('upload-error')
  await result.or(error).waitFor()
  assert.equal(await error.count(), 0, (await error.count()) > 0 ? await error.innerText() : '')
  return page.getByTestId('upload-key').innerText()
}
