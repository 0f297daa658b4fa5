// A read grant in real browsers, across origins, on a real S3 server: with the CORS rules of
// docs/operating.md a page reads ranges, sees what pins them, and no browser asks first.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { launchChromium, openFirefox } from './lib/browsers.mjs'
import { coldpress, s3Environment } from './lib/command.mjs'
import { Bucket } from './lib/s3.mjs'
import { startSeaweed } from './lib/seaweed.mjs'
import { startServer } from './lib/server.mjs'
import { startProxy } from './upload/proxy.mjs'

const KEY = '7/people/lsn-1-2.parquet'
const CONTENT = 'PAR1 the content PAR1'

/** The rules for reading that docs/operating.md names. */
const READING = { methods: ['GET'], headers: ['range'], expose: ['ETag', 'Content-Range'] }

/** Reads a range by a grant. Runs in a page. */
async function readRange({ get, range, more = {} }) {
  try {
    const headers = { ...get.headers, ...more, range }
    const response = await fetch(get.url, { headers, cache: 'no-store' })
    return {
      status: response.status,
      text: await response.text(),
      etag: response.headers.get('etag'),
      contentRange: response.headers.get('content-range'),
    }
  } catch (error) {
    return { failed: error.name }
  }
}

/** A bucket with one object behind a proxy, a page of another origin, and a grant. */
async function lent(t) {
  const server = await startSeaweed()
  t.after(() => server.stop())
  const proxy = await startProxy(server.endpoint)
  t.after(() => proxy.stop())
  const bucket = new Bucket(server)
  await bucket.put(`cold/${KEY}`, CONTENT)
  const store = ['--store', 's3://data/cold', '--endpoint', proxy.origin, '--allow-http']
  const grant = JSON.parse(
    await coldpress(['grant', '--read', KEY, ...store], { env: s3Environment(server) }),
  )
  const results = []
  const asked = []
  const page =
    `<!doctype html><script type="module">${readRange}\n` +
    `const asked = await (await fetch('/asked')).json()\n` +
    `const results = []\n` +
    `for (const one of asked) results.push(await readRange(one))\n` +
    `await fetch('/results', { method: 'POST', body: JSON.stringify(results) })</script>`
  let arrived
  const arrival = new Promise((resolve) => (arrived = resolve))
  const web = await startServer({
    routes: {
      'GET /': () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: page }),
      'GET /asked': () => asked,
      'POST /results': (_, body) => {
        results.push(...JSON.parse(body))
        arrived(results)
      },
    },
  })
  t.after(() => web.close())
  await bucket.allowOrigins({ origins: [web.origin], ...READING })
  return { proxy, bucket, grant, web, asked, arrival }
}

const isPreflight = ({ method }) => method === 'OPTIONS'

const ASKED = ['bytes=0-3', 'bytes=5-15']
const EXPECTED = [['PAR1', 'bytes 0-3/21'], ['the content', 'bytes 5-15/21']]

for (const browser of ['Chromium', 'Firefox']) {
  test(`a page in ${browser} reads ranges by a grant, and asks no permission first`, async (t) => {
    const { proxy, grant, web, asked, arrival } = await lent(t)
    assert.deepEqual([grant.bytes, grant.get.headers], [CONTENT.length, {}])
    asked.push(...ASKED.map((range) => ({ get: grant.get, range })))
    if (browser === 'Firefox') {
      const opened = openFirefox(`${web.origin}/`)
      t.after(() => opened.stop())
      await Promise.race([arrival, opened.failed])
    } else {
      const chromium = await launchChromium()
      t.after(() => chromium.close())
      const page = await (await chromium.newContext()).newPage()
      await page.goto(`${web.origin}/`)
    }
    const results = await arrival
    assert.deepEqual(
      results,
      EXPECTED.map(([text, contentRange]) => ({
        status: 206,
        text,
        etag: grant.etag,
        contentRange,
      })),
    )
    assert.equal(proxy.answers.filter(isPreflight).length, 0)
  })
}

test('a page that sends If-Match, or a suffix range, asks first', async (t) => {
  const { proxy, bucket, grant, web } = await lent(t)
  const chromium = await launchChromium()
  t.after(() => chromium.close())
  const page = await (await chromium.newContext()).newPage()
  await page.goto(`${web.origin}/`)
  const read = (more) => page.evaluate(readRange, { get: grant.get, range: 'bytes=0-3', ...more })
  // The rules allow `range`, so the preflight of a suffix range succeeds. If-Match fails.
  assert.equal((await read({ range: 'bytes=-4' })).text, 'PAR1')
  assert.equal(proxy.answers.filter(isPreflight).length, 1)
  const pinned = { more: { 'if-match': grant.etag } }
  assert.deepEqual(await read(pinned), { failed: 'TypeError' })
  const headers = ['range', 'if-match']
  await bucket.allowOrigins({ origins: [web.origin], ...READING, headers })
  assert.deepEqual((await read(pinned)).status, 206)
  // Where the rules do not expose them, a page cannot see what pins its answers.
  await bucket.allowOrigins({ origins: [web.origin], methods: ['GET'], headers: [], expose: [] })
  const blind = await read({})
  assert.deepEqual([blind.status, blind.etag, blind.contentRange], [206, null, null])
})
