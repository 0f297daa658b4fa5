// `coldpress/scan` in Node over a `fetch` of the tests: what it asks for, what it makes of every
// answer, and what is left behind.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'

import { Shelf, URL_OF_FILE, all, coldpress, endless, filmsFile, scan } from './scan/shelf.mjs'

const { ColdpressError } = scan
const { films, bytes } = await filmsFile()
const small = await filmsFile(50)

test('rows come by plain ranges: no HEAD, no suffix, and far fewer bytes than the file has', async () => {
  const shelf = new Shelf(bytes)
  const file = await shelf.open()
  assert.deepEqual([file.rowCount, file.collection, file.tenant, file.name], [
    20_000, 'films', 7n, 'https://shelf.example/films.parquet',
  ])
  assert.deepEqual(file.lsns, { min: 1n, max: 20_000n })
  assert.deepEqual(file.schema.columns.map(({ name }) => name), ['year', 'n', 'title', 'score'])
  const found = await all(file.rows({ where: 'n >= 12340 and n < 12343', columns: ['title', 'n'] }))
  assert.deepEqual(found, films.slice(12340, 12343).map(({ title, n }) => ({ title, n })))
  for (const { method, headers, start, end } of shelf.requests) {
    assert.equal(method, 'GET')
    assert.equal(headers.range, `bytes=${start}-${end - 1}`)
  }
  const { stats } = file
  assert.equal(stats.requests, shelf.requests.length)
  assert.ok(stats.bytesMoved < bytes.length / 2, JSON.stringify(stats))
  assert.deepEqual([stats.bytesInFile, stats.rowGroups.all, stats.rowGroups.read, stats.rows], [
    bytes.length, 4, 1, 3,
  ])
  const moved = file.fetched.reduce((sum, { start, end }) => sum + end - start, 0)
  // A joined range may hold a few bytes that were there before.
  assert.ok(moved <= stats.bytesMoved && moved > stats.bytesMoved - 1_000, `${moved}`)
})

test('a column that the file does not have is named', async () => {
  const file = await new Shelf(small.bytes).open()
  assert.deepEqual(file.stats.columnsUnknown, [])
  const query = { where: '"Year" > 2000 or n = 7', columns: ['title', 'score.x'] }
  assert.deepEqual(await all(file.rows(query)), [{ title: small.films[7].title }])
  assert.deepEqual(file.stats.columnsUnknown, ['score.x', 'Year'])
  await all(file.rows({ columns: ['title'] }))
  assert.deepEqual(file.stats.columnsUnknown, [])
})

test('a small file is one request, whatever is asked of it', async () => {
  const shelf = new Shelf(small.bytes)
  const file = await shelf.open()
  assert.deepEqual(await all(file.rows()), small.films)
  assert.deepEqual(await all(file.rows({ id: 'film-7' })), [small.films[7]])
  await file.layout()
  assert.equal(shelf.requests.length, 1)
})

test('no byte of the ends of a file is fetched twice', async () => {
  const { films, bytes } = await filmsFile(6_000)
  assert.ok(bytes.length > 70_000 && bytes.length < 300_000, `${bytes.length}`)
  for (const options of [{}, { byteLength: bytes.length }]) {
    const shelf = new Shelf(bytes)
    const file = await shelf.open(URL_OF_FILE, options)
    await file.layout()
    assert.deepEqual(await all(file.rows({ where: 'n = 77', columns: ['n'] })), [{ n: 77 }])
    const places = shelf.requests.map(({ start, end }) => [start, Math.min(end, bytes.length)])
    const moved = places.reduce((sum, [start, end]) => sum + end - start, 0)
    assert.equal(file.stats.bytesMoved, moved)
    assert.ok(moved <= bytes.length, JSON.stringify(places))
    assert.deepEqual(await all(file.rows()), films)
  }
})

test('with a known size the first request is the end of the file', async () => {
  const shelf = new Shelf(bytes)
  const file = await shelf.open(URL_OF_FILE, { byteLength: bytes.length })
  assert.equal(shelf.requests[0].end, bytes.length)
  assert.equal((await all(file.rows({ columns: ['n'] }))).length, 20_000)
})

const refused = (size) =>
  new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } })

test('an answer that is no part of the file is an error that says why', async () => {
  const cases = {
    shifted: [({ start, end }) => part(start + 1, end), 'Unavailable', /begins at byte/],
    long: [({ start, end }) => part(start, end, { body: bytes.slice(start, end + 1) }), 'Unavailable', /too long/],
    'nonsense of a range': [() => part(0, 1, { range: 'bytes 5-2/9' }), 'Unavailable', /"bytes 5-2\/9"/],
    'another size': [({ start, end }) => part(start, end, { total: bytes.length + 1 }), 'Conflict', /changed.* bytes/],
    'another ETag': [({ start, end }) => part(start, end, { etag: '"two"' }), 'Conflict', /changed.*"one".*"two"/],
    412: [() => new Response(null, { status: 412 }), 'Conflict', /changed/],
    416: [() => new Response(null, { status: 416 }), 'Conflict', /has fewer/],
    '416 of bytes that are there':
      [() => refused(bytes.length), 'Unavailable', /refuses the bytes from/],
    404: [() => new Response(null, { status: 404 }), 'NotFound', /404/],
    403: [() => new Response('<Error><Code>AccessDenied</Code></Error>', { status: 403 }), 'Denied', /AccessDenied/],
    204: [() => new Response(null, { status: 204 }), 'Unavailable', /204/],
    200: [() => new Response(endless()), 'Settings', /ignores range requests/],
  }
  for (const [name, [answer, code, message]] of Object.entries(cases)) {
    const shelf = new Shelf(bytes)
    shelf.answer = (request, number) => (number === 3 ? answer(request) : undefined)
    const reading = shelf.open().then((file) => all(file.rows()))
    await assert.rejects(reading, (error) => {
      assert.ok(error instanceof ColdpressError, `${name}: ${error.stack}`)
      assert.equal(error.code, code, `${name}: ${error.message}`)
      assert.match(error.message, message, name)
      assert.ok(!error.message.includes('secret'), name)
      assert.ok(error.message.startsWith('https://shelf.example/films.parquet: '), error.message)
      return true
    })
  }
})

test('a short answer is asked for again, and then is an error that says so', async () => {
  const shelf = new Shelf(bytes)
  const short = ({ start, end }) => part(start, end, { body: bytes.slice(start, end - 1) })
  shelf.answer = (request, number) => (number === 3 ? short(request) : undefined)
  assert.equal((await all((await shelf.open()).rows())).length, 20_000)
  shelf.answer = (request) => short(request)
  await assert.rejects(shelf.open(URL_OF_FILE, { retries: 2 }), { code: 'Unavailable', message: /too short/ })
})

test('lost connections, busy and silent servers are tried again with pauses', async () => {
  const shelf = new Shelf(bytes)
  const silent = ({ signal }) => new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
    setImmediate(() => shelf.timeOut())
  })
  const fates = [
    () => new TypeError('fetch failed'), () => new Response(null, { status: 503 }), silent,
    () => new Response('<Error><Code>SlowDown</Code></Error>', { status: 429, headers: { 'retry-after': '20' } }),
  ]
  shelf.answer = (request, number) => fates[number - 2]?.(request)
  assert.equal((await all((await shelf.open()).rows({ columns: ['n'] }))).length, 20_000)
  assert.ok(shelf.pausedMs >= 20_000, `${shelf.pausedMs}`)
  shelf.answer = () => new Response(null, { status: 500 })
  const before = shelf.requests.length
  await assert.rejects(shelf.open(URL_OF_FILE, { retries: 3 }), { code: 'Unavailable', message: /500/ })
  assert.equal(shelf.requests.length - before, 4)
})

test('of a body without end only what was asked for is read', async () => {
  for (const status of [206, 200, 403, 500]) {
    let read = 0
    const shelf = new Shelf(bytes)
    const headers = status === 206 ? { 'content-range': `bytes 0-65535/${bytes.length}` } : {}
    shelf.answer = () => new Response(endless((count) => { read += count }), { status, headers })
    await assert.rejects(shelf.open(URL_OF_FILE, { retries: 0 }), ColdpressError)
    assert.ok(read < 2 << 20, `${status}: ${read} bytes`)
  }
})

test('a server without ranges will do if the file is small', async () => {
  const shelf = new Shelf(small.bytes)
  shelf.answer = () => new Response(small.bytes, { headers: { etag: '"one"' } })
  const file = await shelf.open()
  assert.deepEqual(await all(file.rows()), small.films)
  assert.equal(shelf.requests.length, 1)
  shelf.answer = () => new Response(small.bytes.slice(1))
  await assert.rejects(
    shelf.open(URL_OF_FILE, { byteLength: small.bytes.length, retries: 1 }),
    { code: 'Unavailable', message: /too short/ },
  )
})

test('a page that may not see Content-Range is told which rule lacks, and can pass the size', async () => {
  const shelf = new Shelf(bytes, { origin: 'https://page.example' })
  shelf.answer = ({ start, end }) => {
    const response = new Response(bytes.slice(start, end), { status: 206 })
    return Object.defineProperty(response, 'type', { value: 'cors' })
  }
  await assert.rejects(shelf.open(), (error) => {
    assert.equal(error.code, 'Cors')
    assert.match(error.message, /Content-Range.*byteLength/)
    assert.deepEqual(error.rule.ExposeHeaders, ['Content-Range', 'ETag'])
    assert.deepEqual(error.rule.AllowedMethods, ['GET'])
    return true
  })
  const file = await shelf.open(URL_OF_FILE, { byteLength: bytes.length })
  assert.equal((await all(file.rows({ limit: 3 }))).length, 3)
})

test('the ETag is pinned by If-Match, but a page sends no header that needs a preflight', async () => {
  const shelf = new Shelf(bytes)
  await all((await shelf.open()).rows())
  assert.equal(shelf.requests[0].headers['if-match'], undefined)
  assert.ok(shelf.requests.slice(1).every(({ headers }) => headers['if-match'] === '"one"'))
  const page = new Shelf(bytes, { origin: 'https://page.example' })
  await all((await page.open()).rows())
  for (const { headers } of page.requests) assert.deepEqual(Object.keys(headers), ['range'])
})

test('at most so many requests run at a time', async () => {
  const shelf = new Shelf(bytes)
  let [now, most] = [0, 0]
  shelf.answer = async () => {
    now += 1
    most = Math.max(most, now)
    await new Promise((resolve) => setImmediate(resolve))
    now -= 1
  }
  const file = await shelf.open(URL_OF_FILE, { concurrency: 2 })
  const queries = Array.from({ length: 8 }, (_, n) => all(file.rows({ where: `n = ${n * 2000}` })))
  assert.deepEqual((await Promise.all(queries)).map(([row]) => row.n), [0, 2000, 4000, 6000, 8000, 10_000, 12_000, 14_000])
  assert.equal(most, 2)
})

test('to leave the loop ends all requests and frees the scan', async () => {
  const shelf = new Shelf(bytes)
  const file = await shelf.open()
  const leave = async () => {
    for await (const row of file.rows()) {
      assert.equal(row.n, 0)
      break
    }
  }
  await leave()
  const sent = shelf.requests.length
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(shelf.requests.length, sent)
  const before = process.memoryUsage().rss
  for (let times = 0; times < 400; times += 1) await leave()
  const grown = process.memoryUsage().rss - before
  assert.ok(grown < 128 << 20, `${grown >> 20} MiB more after 400 scans of ${bytes.length} bytes`)
})

test('an abort ends a scan at once, whatever it waits for', async () => {
  const waits = {
    'an answer': (shelf) => { shelf.answer = () => new Promise(() => {}) },
    'a body': (shelf) => {
      shelf.answer = ({ start, end, signal }) => {
        const body = new ReadableStream({
          start: (controller) => signal.addEventListener('abort', () => controller.error(signal.reason)),
        })
        const range = `bytes ${start}-${end - 1}/${bytes.length}`
        return new Response(body, { status: 206, headers: { 'content-range': range } })
      }
    },
    'a pause': (shelf) => {
      shelf.answer = () => new Response(null, { status: 503, headers: { 'retry-after': '100' } })
    },
  }
  for (const [name, wait] of Object.entries(waits)) {
    const shelf = new Shelf(bytes)
    const file = await shelf.open()
    wait(shelf)
    const stop = new AbortController()
    const reason = new Error('enough')
    const reading = all(file.rows({ signal: stop.signal }))
    while (shelf.requests.length < 3) await new Promise((resolve) => setImmediate(resolve))
    stop.abort(reason)
    await assert.rejects(reading, { code: 'Aborted', cause: reason }, name)
    shelf.answer = () => undefined
    assert.equal((await all(file.rows({ limit: 2 }))).length, 2, 'the file is still open')
  }
  const stop = new AbortController()
  stop.abort()
  await assert.rejects(new Shelf(bytes).open(URL_OF_FILE, { signal: stop.signal }), { code: 'Aborted' })
})

test('Blobs, bytes, and objects with slice are read by parts', async () => {
  const slices = []
  const sliceable = {
    byteLength: bytes.length,
    async slice(start, end) {
      slices.push(end - start)
      return bytes.slice(start, end).buffer
    },
  }
  for (const source of [new Blob([bytes]), bytes, bytes.slice().buffer, sliceable]) {
    const file = await scan.open(source)
    assert.deepEqual(await all(file.rows({ where: { '=': ['n', 4711] } })), [films[4711]])
    assert.ok(file.stats.bytesMoved < bytes.length)
  }
  assert.ok(slices.length >= 2)
  const cut = { byteLength: bytes.length, slice: (start, end) => bytes.slice(start, end - 1) }
  await assert.rejects(scan.open(cut), { code: 'Unavailable', message: /slice gave/ })
  const gone = { ...sliceable, slice: () => ({ arrayBuffer: async () => { throw new Error('NotReadable') } }) }
  await assert.rejects(scan.open(gone), { code: 'Conflict', message: /changed/ })
})

test('what is no Parquet file is an error that names it', async () => {
  await assert.rejects(scan.open(new Blob(['a,b\n1,2\n'])), { code: 'Corrupt' })
  await assert.rejects(scan.open(new Blob([])), { code: 'Corrupt', message: /empty/ })
  await assert.rejects(scan.open(bytes.slice(0, -1)), { code: 'Corrupt', message: /^the file: / })
})

test('a wrong call is an error that says what to pass', async () => {
  const file = await scan.open(small.bytes)
  const wrong = [
    [() => scan.open(5), 'Misuse', /a number is no file/],
    [() => scan.open('file:///x'), 'Misuse', /openAsBlob/],
    [() => scan.open(new URL('file:///x')), 'Misuse', /openAsBlob/],
    [() => scan.open(bytes, { byteLenght: 5 }), 'Settings', /"byteLenght"/],
    [() => scan.open(bytes, { concurrency: 0 }), 'Settings', /concurrency/],
    [() => scan.open({ version: 1, key: 'x' }), 'Settings', /grant/],
    [() => all(file.rows({ where: 'n >' })), 'Settings', /at its end/],
    [() => all(file.rows({ where: 5 })), 'Settings', /where is a number/],
    [() => all(file.rows({ where: { '=': ['n', NaN] } })), 'Settings', /where has NaN/],
    [() => all(file.rows({ where: { '=': ['n', undefined] } })), 'Settings', /where has undefined/],
    [() => all(file.rows({ where: { '=': ['n', new Date(NaN)] } })), 'Settings', /Invalid Date/],
    [() => all(file.rows({ where: nested(100_000) })), 'Limit', /nests too deep/],
    [() => all(file.rows({ limit: '2' })), 'Settings', /limit is "2"/],
    [() => all(file.rows({ columns: 'n' })), 'Settings', /array/],
    [() => all(file.rows({ limit: -1 })), 'Settings', /limit/],
    [() => all(file.rows({ filter: 'n = 1' })), 'Settings', /"filter".*where/],
    [() => all(file.rows({ as: 'ndjson', dates: true })), 'Settings', /Dates/],
    [() => all(scan.scanCollection(5)), 'Misuse', /list of files/],
    [() => all(scan.scanCollection([], { lsns: [5, 1] })), 'Key', /before its beginning/],
  ]
  for (const [call, code, message] of wrong) {
    await assert.rejects(async () => call(), (error) => {
      assert.equal(error.code, code, error.stack)
      assert.match(error.message, message)
      return true
    })
  }
})

test('rows are those of decode: BigInts, ids, Dates and text', async () => {
  const { coldpress } = await import('./scan/shelf.mjs')
  const rows = [
    { big: 2n ** 60n, at: new Date(1.7e12), s: '#x', deep: { list: [2n ** 63n] } }, { big: 1 },
    { big: 'rescued', deep: 5 },
  ]
  const { bytes } = await coldpress.encode(rows, { collection: 'c' })
  const file = await scan.open(bytes)
  for (const options of [{}, { ids: true }, { dates: true }, { ids: true, dates: true }]) {
    assert.deepEqual(await all(file.rows(options)), await coldpress.decode(bytes, options))
  }
  const text = (await all(file.rows({ as: 'ndjson' }))).join('')
  assert.equal(text, await coldpress.decode(bytes, { as: 'ndjson' }))
  const found = (where) => all(file.rows({ where, columns: ['big'] }))
  for (const where of [
    { '=': ['big', 2n ** 60n] }, '{"=":["big",1152921504606846976]}',
    { '=': ['at', new Date(1.7e12)] },
  ]) {
    assert.deepEqual(await found(where), [{ big: 2n ** 60n }])
  }
})

test('a body that is stuck and heeds no signal ends at the limit and at an abort', async () => {
  const never = () => new Promise(() => {})
  const stuck = () => new ReadableStream({ pull: never }, { highWaterMark: 0 })
  const shelf = new Shelf(bytes)
  shelf.answer = ({ start, end }) => part(start, end, { body: stuck() })
  const late = shelf.open(URL_OF_FILE, { retries: 0 })
  setImmediate(() => shelf.timeOut())
  await assert.rejects(late, { code: 'Unavailable', message: /too long/ })
  const stop = new AbortController()
  const aborted = shelf.open(URL_OF_FILE, { retries: 0, signal: stop.signal })
  setImmediate(() => stop.abort())
  await assert.rejects(aborted, ({ code }) => code === 'Aborted')
})

/** A filter of so many levels. */
function nested(levels) {
  let where = { is_null: 'n' }
  for (let level = 0; level < levels; level += 1) where = { not: where }
  return where
}

/** A 206, with what a test changes of it. */
function part(start, end, { body = bytes.slice(start, end), total = bytes.length, etag = '"one"', range } = {}) {
  const says = range ?? `bytes ${start}-${end - 1}/${total}`
  return new Response(body, { status: 206, headers: { etag, 'content-range': says } })
}

test('many requests at once are no leak that Node warns of', async (t) => {
  const warnings = []
  const onWarning = (warning) => warnings.push(warning)
  process.on('warning', onWarning)
  t.after(() => process.off('warning', onWarning))
  // The texts of each row group lie between its numbers and those of the next one.
  const text = () => randomBytes(150).toString('hex')
  const rows = Array.from({ length: 24_000 }, (_, n) => ({ n, text: text() }))
  const { bytes } = await coldpress.encode(rows, { collection: 'c', rowGroupRowsMax: 1_000 })
  const shelf = new Shelf(bytes)
  const file = await shelf.open()
  const found = await all(file.rows({ columns: ['n'] }))
  assert.deepEqual(found, rows.map(({ n }) => ({ n })))
  assert.ok(shelf.requests.length > 15, `${shelf.requests.length}`)
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})
