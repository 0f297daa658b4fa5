// `upload` in Chromium, across origins, to a real S3 server by grants of `coldpress serve`; read
// back by the native command.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { launchChromium } from './lib/browsers.mjs'
import { coldpress } from './lib/command.mjs'
import { Gate, until, untilExpired } from './lib/patience.mjs'
import { allowPage, startShore } from './upload/shore.mjs'

const ROWS = [
  { name: 'Ada', born: 1815, tags: ['maths'] },
  { name: 'Grace', born: 1906, langs: { first: 'COBOL' } },
  { name: 7, born: 'unknown' },
]
const MIB = 1 << 20
const LARGE = 24 * MIB

async function opened(t, options) {
  const [shore, browser] = await Promise.all([startShore(t, options), launchChromium()])
  t.after(() => browser.close())
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(shore.page)
  await page.waitForFunction('globalThis.ready')
  const job = (more) => ({
    grantsUrl: shore.grantsUrl,
    token: shore.token,
    rows: ROWS,
    options: { collection: 'people' },
    ...more,
  })
  return {
    ...shore,
    context,
    page,
    job,
    run: (more) => page.evaluate((it) => globalThis.run(it), job(more)),
  }
}

const large = (options) => ({
  rows: undefined,
  random: LARGE,
  options: { collection: 'large', codec: 'none', ...options },
})

const isStored = ({ method, status }) => method === 'PUT' && status === 200

/** The rows that `randomRows` of pages/run.js makes. */
async function largeRows() {
  const { randomRows } = await import('./upload/pages/random.js')
  return randomRows(LARGE)
}

test('a page, a worker and a service worker upload what the native command reads', async (t) => {
  const { job, page, rows, bucket, run } = await opened(t)
  for (const how of ['run', 'runInWorker', 'runInServiceWorker']) {
    const result = await page.evaluate(([name, it]) => globalThis[name](it), [how, job()])
    assert.equal(result.error, undefined, how)
    assert.deepEqual([result.rows, result.created], [3, true])
    assert.deepEqual(await rows(result.key), ROWS)
  }
  assert.equal((await bucket.list()).length, 3)
  const lsns = { min: 1, max: 3 }
  const first = await run({ options: { collection: 'people', lsns } })
  const again = await run({ options: { collection: 'people', lsns } })
  assert.deepEqual([first.created, again.created, again.key], [true, false, first.key])
  const other = await run({ rows: ROWS.slice(0, 1), options: { collection: 'people', lsns } })
  assert.equal(other.error.code, 'Conflict')
  assert.deepEqual(await rows(first.key), ROWS)
})

test('24 MB in parts, with the network cut in the middle and back', async (t) => {
  const { page, job, proxy, context, rows, bucket } = await opened(t, {
    serve: ['--part-size', '5MiB'],
  })
  let [gate, passes, arrived, held] = [new Gate(), 1, 0, 0]
  // One part arrives; the other ones wait at the gate.
  proxy.fate = (request) => {
    if (!request.headers.origin || request.method !== 'PUT') return undefined
    arrived += 1
    passes -= 1
    if (passes >= 0) return undefined
    held += 1
    return gate.pass()
  }
  const sending = page.evaluate((it) => globalThis.run(it), job(large({ concurrency: 2 })))
  await until(
    () => held > 0 && proxy.answers.some(isStored),
    'a part is there and another on its way',
  )
  // First the connection is cut silently; then the browser itself knows that it is offline.
  proxy.cut()
  gate.open()
  await until(() => proxy.refused >= 3, 'the page tries again and again')
  ;[gate, passes, held] = [new Gate(), 1, 0]
  proxy.mend()
  await until(() => held === 2, 'two parts are on their way again')
  await context.setOffline(true)
  const before = arrived
  gate.open()
  await page.waitForTimeout(500)
  assert.equal(arrived, before, 'offline nothing is sent')
  await context.setOffline(false)
  const result = await sending
  assert.equal(result.error, undefined)
  assert.ok(result.bytes > 20e6 && result.progress.at(-1) === result.bytes)
  assert.deepEqual(await bucket.uploads(), [])
  assert.deepEqual(await rows(result.key), await largeRows())
})

test('a grant that expires in the middle is renewed, and the stored parts stay', async (t) => {
  const { run, proxy, rows, bucket, store, env } = await opened(t, {
    serve: ['--part-size', '5MiB'],
  })
  // The third part meets the store's own answer to a grant that has expired, as its URL is
  // exchanged for that of such a one.
  const args = [
    'grant',
    '--collection',
    'elsewhere',
    '--tenant',
    '7',
    '--lsn',
    '1..2',
    '--expires',
    '1s',
    ...store,
  ]
  const expired = JSON.parse(await coldpress(args, { env }))
  await untilExpired(expired)
  let puts = 0
  proxy.fate = (request) => {
    if (!request.headers.origin || request.method !== 'PUT') return undefined
    puts += 1
    return puts === 3 ? new URL(expired.put.url) : undefined
  }
  const result = await run(large({ concurrency: 1 }))
  assert.equal(result.error, undefined)
  const answers = proxy.answers.filter(({ method }) => method === 'PUT')
  const stored = answers.filter(isStored)
  assert.deepEqual(answers.slice(0, 4).map(({ status }) => status), [200, 200, 403, 200])
  assert.equal(new Set(stored.map(({ upload }) => upload)).size, 1, JSON.stringify(stored))
  assert.equal(new Set(stored.map(({ part }) => part)).size, stored.length, JSON.stringify(stored))
  assert.equal(stored.length, answers.length - 1)
  // A request for the tenant, a grant for the file, and a second grant for the same upload.
  assert.deepEqual(result.asked, [undefined, undefined, stored[0].upload])
  assert.deepEqual(await bucket.uploads(), [])
  assert.deepEqual(await rows(result.key), await largeRows())
})

test('an expired fixed grant is an error with advice; a function gets another one', async (t) => {
  const { run, store, env, rows } = await opened(t)
  const lsns = { min: 5, max: 7 }
  const args = [
    'grant',
    '--collection',
    'people',
    '--tenant',
    '7',
    '--lsn',
    '5..7',
    '--expires',
    '1s',
    ...store,
  ]
  const expired = JSON.parse(await coldpress(args, { env }))
  await untilExpired(expired)
  const { error } = await run({ grant: expired, options: {} })
  assert.equal(error.code, 'Expired', error.message)
  const result = await run({ expired, options: { collection: 'people', tenant: 7, lsns } })
  assert.equal(result.error, undefined)
  assert.deepEqual(await rows(result.key), ROWS)
})

test('a wrong token is denied in plain words, and nothing is stored', async (t) => {
  const { run, bucket } = await opened(t)
  const { error } = await run({ token: 'not-a-token' })
  assert.equal(error.code, 'Denied')
  assert.match(error.message, /token/)
  assert.deepEqual(await bucket.list(), [])
})

test('the error names the missing CORS rules, and setting just them is enough', async (t) => {
  const { run, bucket, origin, rows } = await opened(t, { serve: ['--part-size', '5MiB'] })
  await bucket.forbidOrigins()
  const { error } = await run()
  assert.equal(error.code, 'Cors', error.message)
  for (
    const part of [origin, 'PUT', 'HEAD', 'if-none-match', 'x-amz-meta-coldpress-sha256', 'ETag']
  ) {
    assert.ok(error.message.includes(part), `${part} in ${error.message}`)
  }
  const { AllowedOrigins, AllowedMethods, AllowedHeaders, ExposeHeaders } = error.rule
  await bucket.allowOrigins({
    origins: AllowedOrigins,
    methods: AllowedMethods,
    headers: AllowedHeaders,
    expose: ExposeHeaders,
  })
  const result = await run()
  assert.equal(result.error, undefined)
  assert.deepEqual(await rows(result.key), ROWS)

  // If the rules let a page in but hide the ETag, the parts cannot be completed.
  await bucket.allowOrigins({
    origins: [origin],
    methods: AllowedMethods,
    headers: AllowedHeaders,
    expose: [],
  })
  const hidden = await run(large())
  assert.equal(hidden.error.code, 'Cors', hidden.error.message)
  assert.match(hidden.error.message, /ETag/)
  assert.deepEqual(await bucket.uploads(), [])
  await allowPage(bucket, origin)
  assert.equal((await run()).error, undefined)
})

test('a store that is not there is unavailable, not a CORS fault', async (t) => {
  const { run, proxy } = await opened(t)
  proxy.cut()
  const { error } = await run({ options: { collection: 'people', tenant: 7, retries: 2 } })
  assert.equal(error.code, 'Unavailable', error.message)
})

test('an abort removes the parts', async (t) => {
  const { run, bucket } = await opened(t, { serve: ['--part-size', '5MiB'] })
  const { error } = await run({ ...large(), abortAtBytes: 5 * MIB })
  assert.deepEqual([error.code, error.cause], ['Aborted', 'the test had enough'])
  assert.deepEqual([await bucket.list(), await bucket.uploads()], [[], []])
})
