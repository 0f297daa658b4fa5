// The whole loop, without mocks: the playground in Chromium, `coldpress serve`, an S3
// server on another origin, and the native `coldpress cat`, which reads the result.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

import { launchChromium, watchFaults } from './lib/browsers.mjs'
import { cat, coldpress, s3Environment, startColdpress } from './lib/command.mjs'
import { openLine } from './lib/line.mjs'
import { HANG_MS, until, untilExpired } from './lib/patience.mjs'
import { Bucket } from './lib/s3.mjs'
import { startSeaweed } from './lib/seaweed.mjs'
import { startServer, STRICT_CSP } from './lib/server.mjs'
import { root, temporaryFolder, toolFile, www } from './lib/tools.mjs'

const TENANT = 7
const LARGE_BYTES = 20_000_000
const LARGE_ROWS = 90_000
const EXPOSED = ['ETag', 'x-amz-meta-coldpress-sha256']

const browser = await launchChromium()
test.after(() => browser.close())
const weed = await startSeaweed()
test.after(() => weed.stop())
const bucket = new Bucket(weed)

test('movies go from a page to the bucket, and the command reads the same rows', async (t) => {
  const { page, faults } = await visit(t)
  await pressSample(page)
  await upload(page)
  const key = await arrived(page)
  assert.match(key, /^app\/7\/movies\/lsn-\d+-\d+\.parquet$/)
  assert.deepEqual(await rowsOf(key), moviesAsGiven())
  assert.deepEqual(faults, [])
  const sha = await page.getByTestId('upload-sha256').innerText()
  assert.equal((await bucket.request('HEAD', key)).headers.get('x-amz-meta-coldpress-sha256'), sha)
})

test('20 MB and more go up in parts, and nothing is lost if the connection drops', async (t) => {
  const { page, line } = await visit(t, { serve: ['--part-size', '5MiB'] })
  const given = await pressLarge(t, page)
  const cut = line.cutAfter(LARGE_BYTES / 3)
  await upload(page)
  await cut
  await until(() => line.refused() >= 3, 'the page tries again and again')
  assert.equal(await page.getByTestId('upload-result').count(), 0, 'it was cut before it was done')
  line.mend()
  const key = await arrived(page)
  const { headers } = await bucket.request('HEAD', key)
  assert.ok(Number(headers.get('content-length')) >= LARGE_BYTES, headers.get('content-length'))
  const rows = await rowsOf(key)
  assert.deepEqual(rows, given)
  assert.deepEqual(await bucket.uploads(), [])
})

test('cancelling leaves no object and no parts', async (t) => {
  const { page, line } = await visit(t, { serve: ['--part-size', '5MiB'] })
  await pressLarge(t, page)
  const keys = await bucket.list()
  const held = line.holdAfter(LARGE_BYTES / 4)
  await upload(page)
  await held
  await page.getByTestId('upload-cancel').click()
  await failed(page, 'Aborted')
  await until(async () => (await bucket.uploads()).length === 0, 'the parts are gone')
  assert.deepEqual(await bucket.list(), keys)
})

test('an expired grant is named, and an upload with a new one succeeds', async (t) => {
  const { page, store } = await visit(t)
  await page.getByTestId('rows-text').fill('{"_id":"a","n":1}\n{"_id":"b","n":2}\n')
  await page.getByTestId('press').click()
  await page.locator('[data-check="good"]').waitFor()
  const grant = (expires) =>
    coldpress(
      [
        'grant',
        '--collection',
        'pasted',
        '--tenant',
        `${TENANT}`,
        '--lsn',
        '1..2',
        '--expires',
        expires,
        ...store,
      ],
      { env: s3Environment(weed) },
    )
  await page.getByTestId('grant-paste').locator('summary').click()
  const expired = await grant('1s')
  await page.getByTestId('grant-json').fill(expired)
  await untilExpired(JSON.parse(expired))
  await page.getByTestId('upload').click()
  assert.match(await failed(page, 'Expired'), /grant/)
  assert.deepEqual(await bucket.list(`app/${TENANT}/pasted/`), [])

  await page.getByTestId('grant-json').fill(await grant('1h'))
  await page.getByTestId('upload').click()
  const key = await arrived(page)
  assert.equal(key, 'app/7/pasted/lsn-1-2.parquet')
  assert.deepEqual(await rowsOf(key), [{ _id: 'a', n: 1 }, { _id: 'b', n: 2 }])
})

test('a wrong token is a clear error', async (t) => {
  const { page } = await visit(t)
  await pressSample(page)
  await upload(page, { token: 'coldpress_wrong' })
  assert.match(await failed(page, 'Denied'), /token/i)
})

test('a bucket without a rule for the page: the error says which headers to allow', async (t) => {
  const { page, site, line } = await visit(t)
  await bucket.forbidOrigins()
  await pressSample(page)
  await upload(page)
  const message = await failed(page, 'Cors')
  for (const part of [site.origin, line.origin, 'PUT', 'if-none-match', 'content-type', 'ETag']) {
    assert.ok(message.toLowerCase().includes(part.toLowerCase()), `${part} in: ${message}`)
  }
})

test('an upload’s states have no serious fault of accessibility', async (t) => {
  const { page, context } = await visit(t)
  await pressSample(page)
  await upload(page)
  await arrived(page)
  const debug = await context.newCDPSession(page)
  await debug.send('Runtime.evaluate', {
    expression: readFileSync(toolFile('axe-core/axe.min.js'), 'utf8'),
  })
  const { violations } = await page.evaluate(() => window.axe.run())
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  assert.deepEqual(grave.map(({ id }) => id), [])
})

/** A page, a grant server and a line to the S3 server, which knows the page's origin. */
async function visit(t, { serve = [] } = {}) {
  const line = await openLine(weed.endpoint)
  t.after(() => line.close())
  const headers = {}
  const site = await startServer({ folders: { '/': www() }, headers })
  t.after(() => site.close())
  const store = ['--store', 's3://data/app', '--endpoint', line.origin, '--allow-http']
  const grants = await grantServer(t, [...store, '--allow-origin', site.origin, ...serve])
  // The page needs these two other origins.
  const connect = `connect-src 'self' ${grants.url} ${line.origin}`
  headers['content-security-policy'] = `${
    STRICT_CSP.replace("connect-src 'self'", connect)
  }; manifest-src 'self'`
  await bucket.allowOrigins({ origins: [site.origin], expose: EXPOSED })
  const context = await browser.newContext()
  t.after(() => context.close())
  const page = await context.newPage()
  const faults = watchFaults(page)
  // Only a development server answers here. The page works without one.
  await page.route(
    '**/dev/config.json',
    (route) => route.fulfill({ json: { grants: `${grants.url}/v1/grants`, token: grants.token } }),
  )
  await page.goto(site.origin)
  return { page, context, site, line, store, faults, grants }
}

async function grantServer(t, args) {
  const tokens = join(temporaryFolder(t), 'tokens')
  const { token } = JSON.parse(
    await coldpress(['token', '--tenant', `${TENANT}`, '--append', tokens, '--json']),
  )
  const server = await startColdpress([
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--tokens',
    tokens,
    '--json',
    ...args,
  ], {
    ready: /^\{.*\}$/m,
    env: s3Environment(weed),
  })
  t.after(() => server.stop())
  return { token, url: JSON.parse(server.match[0]).url }
}

async function pressSample(page) {
  await page.getByTestId('sample').click()
  await page.locator('[data-check="good"]').waitFor()
}

/**
 * Presses rows of random text that no codec and no dictionary makes smaller than 20 MB; returns
 * them.
 */
async function pressLarge(t, page) {
  const rows = Array.from(
    { length: LARGE_ROWS },
    (_, at) => ({ _id: `row-${at}`, noise: randomBytes(170).toString('base64') }),
  )
  const file = join(temporaryFolder(t), 'noise.ndjson')
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await page.getByTestId('settings').locator('summary').click()
  await page.getByTestId('set-codec').selectOption('none')
  await page.getByTestId('file').setInputFiles(file)
  await page.locator('[data-check="good"]').waitFor({ timeout: HANG_MS })
  return rows
}

async function upload(page, { token } = {}) {
  if (token !== undefined) await page.getByTestId('grant-token').fill(token)
  await page.getByTestId('upload').click()
}

async function arrived(page) {
  const result = page.getByTestId('upload-result')
  const error = page.getByTestId('upload-error')
  await result.or(error).waitFor({ timeout: HANG_MS })
  assert.equal(await error.count(), 0, (await error.count()) > 0 ? await error.innerText() : '')
  return page.getByTestId('upload-key').innerText()
}

async function failed(page, code) {
  const error = page.getByTestId('upload-error')
  await error.or(page.getByTestId('upload-result')).waitFor({ timeout: HANG_MS })
  assert.equal(await error.getAttribute('data-code'), code, await error.innerText())
  return error.innerText()
}

const rowsOf = (key) =>
  cat([key, '--store', 's3://data/app', '--endpoint', weed.endpoint, '--allow-http'], {
    env: s3Environment(weed),
  })

function moviesAsGiven() {
  const lines = readFileSync(join(root, 'examples/movies.ndjson'), 'utf8').split('\n').filter((
    line,
  ) => line !== '')
  return lines.map((line) => JSON.parse(line))
}
