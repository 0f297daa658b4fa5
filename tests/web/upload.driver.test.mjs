// `upload` in Node against an S3-like store over real sockets that fails in every way a test wants.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  coldpress, HOURS_MS, largeFile, MIB, offlineDevice, only, ROWS, started,
} from './upload/started.mjs'

const { ColdpressError, decode, encode, grantsFrom, inspect } = coldpress

test('rows are uploaded by grants of a server that alone knows the tenant', async (t) => {
  const { store, send } = await started(t)
  const seen = []
  const result = await send(ROWS, { onProgress: (progress) => seen.push(progress) })
  const [key, { body }] = only(store.objects)
  assert.deepEqual([result.key, result.bytes, result.rows, result.created], [
    key,
    body.length,
    2,
    true,
  ])
  assert.match(key, /^data\/7\/events\/lsn-(\d+)-(\d+)\.parquet$/)
  assert.deepEqual(await decode(new Uint8Array(body)), ROWS)
  const { tenant_id: tenant, collection, min_lsn: min, max_lsn: max } = await inspect(
    new Uint8Array(body),
  )
  assert.deepEqual([
    String(tenant),
    collection,
    key.includes(`lsn-${min}-${max}.`),
    BigInt(max) - BigInt(min),
  ], ['7', 'events', true, 1n])
  const [first, second, ...more] = store.asked
  assert.deepEqual([first.bytes, second.bytes, second.sha256, more], [
    undefined,
    body.length,
    result.sha256,
    [],
  ])
  assert.deepEqual(seen.at(-1).sentBytes, body.length)
  assert.ok(seen.every((told) => told.sentBytes + told.underWayBytes <= told.totalBytes))
  // The size is known when the file is made, and the file needs the tenant.
  const phases = seen.map(({ phase, totalBytes }) => [phase, totalBytes])
  const { length } = body
  assert.deepEqual(phases, [
    ['encoding', 0], ['granting', 0], ['granting', length], ['sending', length], ['over', length],
  ])
})

test('with a known tenant there is one request; NDJSON in a Blob is rows', async (t) => {
  const { store, send } = await started(t)
  const blob = new Blob([ROWS.map((row) => JSON.stringify(row)).join('\n')])
  const { rows, key } = await send(blob, { tenant: 7, lsns: { min: 5n, max: 6 } })
  assert.equal(rows, 2)
  assert.equal(key, 'data/7/events/lsn-5-6.parquet')
  assert.equal(store.asked.length, 1)
})

test('a fixed grant chooses the target of the rows', async (t) => {
  const { store, send } = await started(t)
  const { key } = await send(ROWS, {
    grant: store.grant({ collection: 'a/b', min_lsn: '3', max_lsn: '4' }),
    collection: undefined,
  })
  assert.equal(key, 'data/7/a%2Fb/lsn-3-4.parquet')
  assert.ok(store.objects.has(key))
})

test('an encoded file is sent unchanged, and only to its own key', async (t) => {
  const { store, send } = await started(t)
  const file = await encode(ROWS, {
    collection: 'events',
    tenant: 7,
    lsns: { min: 1, max: 2 },
    prefix: 'elsewhere/',
  })
  const { key, sha256 } = await send(file)
  assert.equal(key, 'data/7/events/lsn-1-2.parquet')
  assert.equal(sha256, await file.sha256())
  assert.deepEqual(store.objects.get(key).body, Buffer.from(file.bytes))
  const other = await encode(ROWS, { collection: 'events', tenant: 8, lsns: { min: 1, max: 2 } })
  await assert.rejects(send(other), { code: 'Denied', message: /tenant 7.*tenant 8/ })
  assert.equal(store.objects.size, 1)
})

test('errors and lost requests are retried, lost answers are resolved', async (t) => {
  for (const fate of [500, 503, 429, 'drop', 'drop after', 'status after', 'silence']) {
    const { store, send } = await started(t)
    store.fate = (line, count) => (line.startsWith('PUT') && count <= 2 ? fate : undefined)
    const { key, bytes } = await send(ROWS, { timeoutMs: 8_000 })
    const [stored, { body }] = only(store.objects)
    assert.deepEqual([key, bytes], [stored, body.length], String(fate))
  }
})

test('Retry-After is respected', async (t) => {
  const { clock, store, send } = await started(t)
  store.retryAfter = 20
  store.fate = (line, count) => (line.startsWith('PUT') && count === 1 ? 503 : undefined)
  const start = clock.now()
  await send(ROWS)
  assert.ok(clock.now() - start >= 20_000)
})

test('a key with other content is a conflict, and stays', async (t) => {
  const { store, send } = await started(t)
  const lsns = { min: 1, max: 2 }
  await send(ROWS, { lsns })
  assert.equal((await send(ROWS, { lsns })).created, false)
  const [key, before] = only(store.objects)
  await assert.rejects(send([{ other: 1 }, {}], { lsns }), {
    name: 'ColdpressError',
    code: 'Conflict',
    key,
  })
  assert.deepEqual(only(store.objects), [key, before])
})

test('a large file goes in parts, at once and through failures', async (t) => {
  const { store, send } = await started(t)
  store.partBytes = MIB / 2
  const file = await largeFile(5 * MIB)
  store.fate = (
    line,
    count,
  ) => (count > 1
    ? undefined
    : { 2: 'drop', 5: 500, 7: 'drop after' }[/partNumber=(\d+)/.exec(line)?.[1]])
  const seen = []
  const { created, bytes } = await send(file, {
    concurrency: 3,
    onProgress: ({ sentBytes }) => seen.push(sentBytes),
  })
  assert.deepEqual([created, bytes], [true, file.bytes.length])
  assert.deepEqual(only(store.objects)[1].body, Buffer.from(file.bytes))
  assert.equal(store.uploads.size, 0)
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b))
  assert.ok(seen.length > 8 && seen.at(-1) === bytes)
})

test('a lost answer to the completion is success', async (t) => {
  const { store, send } = await started(t)
  store.partBytes = MIB / 2
  const file = await largeFile(2 * MIB)
  store.fate = (
    line,
    count,
  ) => (line.startsWith('POST /data') && count === 1 ? 'drop after' : undefined)
  assert.equal((await send(file)).bytes, file.bytes.length)
  assert.deepEqual(only(store.objects)[1].body, Buffer.from(file.bytes))
})

test('a grant that expires in the middle is renewed for the same upload', async (t) => {
  const { clock, store, grants, send } = await started(t)
  store.partBytes = MIB / 4
  const file = await largeFile(3 * MIB)
  let asks = 0
  const getGrant = async (request, options) => {
    store.expiresInMs = asks++ === 0 ? 60_000 : HOURS_MS
    const grant = await grants(request, options)
    // A device with a wrong clock notices it by the store's 403.
    return { ...grant, expires_ms: Number.MAX_SAFE_INTEGER }
  }
  store.fate = (line, count) => {
    if (line.endsWith('?partNumber=5') && count === 1) clock.advance(61_000)
  }
  await send(file, { grant: getGrant, concurrency: 1 })
  assert.equal(asks, 2)
  const [first, second] = store.asked
  assert.equal(first.upload_id, undefined)
  assert.notEqual(second.upload_id, undefined)
  // The four parts that were there stayed; the fifth alone was sent twice.
  const parts = store.log.filter((line) => line.includes('partNumber=')).map((line) =>
    Number(/\d+$/.exec(line)[0])
  )
  assert.deepEqual(parts.toSorted((a, b) => a - b), [
    1,
    2,
    3,
    4,
    5,
    ...Array.from({ length: parts.length - 5 }, (_, n) => n + 5),
  ])
  assert.ok(parts.length > 8)
  assert.deepEqual(only(store.objects)[1].body, Buffer.from(file.bytes))
  assert.equal(store.uploads.size, 0)
})

test('an expired grant that is the only one says what to do', async (t) => {
  const { store, send } = await started(t)
  store.expiresInMs = -1000
  await assert.rejects(send(ROWS, { grant: store.grant() }), {
    code: 'Expired',
    message: /function/,
  })
  assert.equal(store.objects.size, 0)
})

test('an abort leaves nothing behind', async (t) => {
  const { store, send } = await started(t)
  store.partBytes = MIB / 4
  const file = await largeFile(3 * MIB)
  const stop = new AbortController()
  const reason = new Error('the user left')
  const sending = send(file, {
    signal: stop.signal,
    onProgress: ({ sentBytes }) => sentBytes > MIB && stop.abort(reason),
  })
  await assert.rejects(sending, { code: 'Aborted', cause: reason })
  assert.deepEqual([store.objects.size, store.uploads.size], [0, 0])
  await assert.rejects(send(ROWS, { signal: stop.signal }), { code: 'Aborted' })
  const { length } = store.log
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(store.log.length, length)
})

test('an error thrown by onProgress ends the upload, and nothing is left', async (t) => {
  const { store, send } = await started(t)
  store.partBytes = MIB / 4
  const mine = new Error('mine')
  const onProgress = ({ sentBytes }) => {
    if (sentBytes > 0) throw mine
  }
  await assert.rejects(send(await largeFile(2 * MIB), { onProgress }), mine)
  assert.deepEqual([store.objects.size, store.uploads.size], [0, 0])
})

test('a wrong token is denied in the words of the server', async (t) => {
  const { store, send } = await started(t)
  const grant = grantsFrom(store.origin, { token: async () => 'wrong' })
  await assert.rejects(send(ROWS, { grant }), {
    code: 'Denied',
    message: 'this token is not known here',
  })
  assert.ok(store.log.every((line) => line === 'POST /v1/grants'))
})

test('a grant server that stumbles is asked again, one that fails for good is heard', async (t) => {
  const { store, send } = await started(t)
  store.fate = (
    line,
    count,
  ) => (line === 'POST /v1/grants' && count % 2 === 1 ? (count === 1 ? 503 : 'drop') : undefined)
  await send(ROWS, { tenant: 7 })
  const mine = new Error('no grants today')
  await assert.rejects(send(ROWS, { tenant: 7, grant: async () => { throw mine } }), mine)
  const version = async (request) => ({ ...store.grant(request), version: 2 })
  await assert.rejects(send(ROWS, { tenant: 7, grant: version }), {
    name: 'ColdpressError',
    message: /version/,
  })
})

test('in a browser missing CORS rules are told from a network that is down', async (t) => {
  const { clock, store, send } = await started(t)
  const probes = []
  const page = (answers) => clock.runtime({
    origin: () => 'https://app.example',
    fetch: async (url, init) => {
      if (url.startsWith(`${store.origin}/v1/`)) return fetch(url, init)
      if (init.mode === 'no-cors') {
        probes.push(url)
        if (answers) return new Response()
      }
      throw new TypeError('Failed to fetch')
    },
  })
  await assert.rejects(send(ROWS, { runtime: page(true) }), (error) => {
    assert.equal(error.code, 'Cors')
    for (
      const part of [
        'https://app.example',
        'PUT',
        'HEAD',
        'if-none-match',
        'x-amz-checksum-sha256',
        'ETag',
        'x-amz-meta-coldpress-sha256',
      ]
    ) {
      assert.ok(error.message.includes(part), `${part} in ${error.message}`)
    }
    assert.deepEqual(error.rule.AllowedOrigins, ['https://app.example'])
    assert.ok(
      JSON.parse(error.message.slice(error.message.indexOf('{'))).CORSRules[0].AllowedHeaders
        .includes('content-type'),
    )
    return true
  })
  assert.ok(probes.length >= 3 && probes.every((url) => url === `${store.origin}/`))
  await assert.rejects(send(ROWS, { runtime: page(false) }), {
    code: 'Unavailable',
    message: /Failed to fetch/,
  })
})

test('one dropped connection of a store with CORS rules is no missing rule', async (t) => {
  const { clock, store, send } = await started(t)
  const page = clock.runtime({ origin: () => 'https://app.example' })
  store.fate = (line, count) => (line.startsWith('PUT') && count <= 2 ? 'drop' : undefined)
  await send(ROWS, { runtime: page })
  assert.ok(store.log.includes('GET /'), 'it was probed')
})

test('parts that drop together while the store answers are no missing CORS rule', async (t) => {
  const { clock, store, send } = await started(t)
  store.partBytes = MIB / 4
  const dropping = []
  let probes = 0
  const page = clock.runtime({
    origin: () => 'https://app.example',
    async fetch(url, init) {
      if (init.method === 'PUT' && dropping.length === 4) {
        // No request gets through before all four have failed.
        while (probes < 4) await new Promise((resolve) => setTimeout(resolve, 1))
        await new Promise(setImmediate)
      } else if (init.method === 'PUT') {
        return new Promise((_, reject) => {
          dropping.push(() => reject(new TypeError('Failed to fetch')))
          if (dropping.length === 4) for (const drop of dropping) drop()
        })
      }
      const response = await fetch(url, init)
      if (init.mode === 'no-cors') probes += 1
      return response
    },
  })
  await send(await largeFile(2 * MIB), { runtime: page, concurrency: 4 })
  assert.equal(store.objects.size, 1)
  assert.equal(store.log.filter((line) => line === 'GET /').length, 4, 'each was probed')
})

test('requests that fail late were let in, so no rule is missing', async (t) => {
  const { clock, send } = await started(t)
  const page = clock.runtime({
    origin: () => 'https://app.example',
    async fetch(url, init, number) {
      if (init.method !== 'PUT') return fetch(url, init)
      clock.release(number)
      await clock.sleep(12_000)
      throw new TypeError('Failed to fetch')
    },
  })
  await assert.rejects(send(ROWS, { runtime: page, retries: 4 }), {
    code: 'Unavailable',
    message: /Failed to fetch/,
  })
})

test('nothing is tried while the device is offline', async (t) => {
  const { clock, store, send } = await started(t)
  const { runtime, looked, connect } = offlineDevice(clock)
  const sending = send(ROWS, { tenant: 7, runtime })
  await looked
  await clock.sleep(HOURS_MS)
  assert.deepEqual(store.log, [])
  connect()
  await sending
  assert.equal(store.objects.size, 1)
})

test('misuse is named before anything is sent', async (t) => {
  const { store, send } = await started(t)
  await assert.rejects(send(ROWS, { grant: 7 }), { code: 'Misuse' })
  await assert.rejects(send(ROWS, { collection: undefined }), {
    code: 'Misuse',
    message: /collection/,
  })
  await assert.rejects(send(ROWS, { colection: 'x' }), ColdpressError)
  await assert.rejects(send('{"a":', { tenant: 7 }), { code: 'Row' })
  await assert.rejects(send([]), { code: 'Row', message: /no rows/ })
  assert.throws(() => grantsFrom('not a url', { token: 'x' }), { code: 'Misuse' })
  assert.throws(() => grantsFrom(store.origin, {}), { code: 'Misuse' })
  assert.deepEqual(store.log, [])
})
