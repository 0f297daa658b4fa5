// Rows in every accepted form, the errors for mistakes, and the instance of the module that all of
// it runs in.
import assert from 'node:assert/strict'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root, temporaryFolder, unpacked } from './lib/tools.mjs'

const entry = join(unpacked(), 'node.js')
const { ColdpressError, Encoder, decode, encode, init, inspect, objectKey, parseObjectKey } =
  await import(pathToFileURL(entry).href)
const movies = readFileSync(join(root, 'examples/movies.ndjson'))

const rows = [{ city: 'Oslo', temp: 3.5 }, { city: 'Römé 😀', temp: -14 }, { temp: 2 ** 40 }]
const ndjson = rows.map(row => `${JSON.stringify(row)}\r\n`).join('')
const bytes = new TextEncoder().encode(ndjson)
const cut = (text, size) =>
  Array.from(
    { length: Math.ceil(text.length / size) },
    (_, at) => text.slice(at * size, (at + 1) * size),
  )

async function* slowly(chunks) {
  for (const chunk of chunks) {
    await new Promise(resolve => setImmediate(resolve))
    yield chunk
  }
}

const FORMS = {
  'an array': () => rows,
  'a generator': () => (function* () { yield* rows })(),
  'a Set': () => new Set(rows),
  'an async generator': () => slowly(rows),
  'a stream of objects': () => ReadableStream.from(slowly(rows)),
  'a string': () => ndjson,
  'a JSON array in a string': () => JSON.stringify(rows),
  'a string behind a byte order mark': () => `\ufeff${ndjson}`,
  'a Uint8Array': () => bytes,
  'a Uint8Array within a buffer': () =>
    new Uint8Array(Uint8Array.of(91, ...bytes, 93).buffer, 1, bytes.length),
  'an ArrayBuffer': () => bytes.slice().buffer,
  'a Blob': () => new Blob([bytes]),
  'a Response': () => new Response(bytes),
  'a stream of bytes': () => new Blob([bytes]).stream(),
  'a stream of bytes, one by one': () => ReadableStream.from(cut(bytes, 1)),
  'a stream of strings, unit by unit': () => ReadableStream.from(cut(ndjson, 1)),
  'an array of lines': () => ndjson.split('\r\n').filter(line => line),
}

for (const [name, form] of Object.entries(FORMS)) {
  test(`rows as ${name}`, async () => {
    const file = await encode(form(), {
      collection: 'weather',
      tenant: 7n,
      lsns: { min: '41', max: 43 },
    })
    assert.equal(file.key, '7/weather/lsn-41-43.parquet')
    assert.deepEqual([file.rows, file.columns, file.rescued, file.duplicateKeys], [3, 3, [], 0])
    assert.deepEqual(await decode(file), rows)
    assert.equal(
      await file.sha256(),
      await (await encode(rows, { collection: 'weather', tenant: 7, lsns: { min: 41, max: 43n } }))
        .sha256(),
    )
  })
}

test('a Node stream of a file; and the file out as bytes, stream and blob', async t => {
  const path = join(temporaryFolder(t), 'movies.ndjson')
  writeFileSync(path, movies)
  const file = await encode(createReadStream(path, { highWaterMark: 1000 }), {
    collection: 'movies',
  })
  assert.equal(file.rows, 3201)
  assert.deepEqual(file.rescued, [{ path: 'Title', count: 9, otherForm: 0 }])
  const whole = new Uint8Array(await new Response(file.stream()).arrayBuffer())
  assert.deepEqual(whole, file.bytes)
  assert.deepEqual(new Uint8Array(await file.blob().arrayBuffer()), file.bytes)
  const expected = movies.toString().trimEnd().split('\n').map((line) => JSON.parse(line))
  assert.deepEqual(await decode(file.stream()), expected)
  assert.deepEqual(
    await decode(file.blob(), { columns: ['Title'] }),
    expected.map(({ Title }) => ({ Title })),
  )
  const text = await decode(file, { as: 'ndjson', ids: true })
  assert.equal(JSON.parse(text.split('\n')[3200])._id, '3200')
})

test('pushes of every form come one behind the other, awaited or not', async () => {
  const encoder = new Encoder({ collection: 'c' })
  const pushes = [
    encoder.push(slowly([{ n: 0 }])),
    encoder.push('{"n":1}\n{"n'),
    encoder.push('":2}'),
    encoder.push([{ n: 3 }]),
    encoder.push(new Blob(['[{"n":4}]'])),
    encoder.push('[{"n":5}]'),
  ]
  await Promise.all(pushes)
  assert.ok(encoder.rows >= 5)
  assert.deepEqual(await decode(await encoder.finish()), [0, 1, 2, 3, 4, 5].map(n => ({ n })))
  await assert.rejects(encoder.push([{}]), { code: 'Misuse', message: /has finished/ })
})

test('an error names the row over all pushes, and the encoder takes nothing more', async () => {
  const encoder = new Encoder()
  await encoder.push([{ a: 1 }, { a: 2 }])
  await assert.rejects(encoder.push([{ a: 3 }, { a: NaN }]), {
    name: 'ColdpressError',
    code: 'Row',
    row: 3,
    column: 'a',
  })
  await assert.rejects(encoder.push([{ a: 1 }]), {
    code: 'Misuse',
    message: /takes nothing more, because of an error: row 3/,
  })
  await assert.rejects(encoder.finish(), { code: 'Misuse' })
  await assert.rejects(encode('{"a":1}\n{"a":2,}'), { code: 'Row', row: 1, line: 2 })
  await assert.rejects(encode('{"a":1}\n{"a":'), { code: 'Row' })
  await assert.rejects(encode('{"id":"x"}\n{}', { id: 'id' }), { code: 'Row', row: 1, line: 2 })
  await assert.rejects(encode([{ id: 'x' }, {}], { id: 'id' }), { code: 'Row', row: 1 })
  await assert.rejects(encode([[1]]), { code: 'Row', row: 0, message: /an array; wrap it/ })
  await assert.rejects(encode([undefined]), { code: 'Row', row: 0 })
  await assert.rejects(encode([]), { code: 'Row', message: /no rows/ })
  await assert.rejects(encode('{"a":"\ud800"}'), { code: 'Row', message: /half a surrogate pair/ })
  await assert.rejects(encode(['{"a":"\ud800', Uint8Array.of(34, 125)]), {
    code: 'Row',
    message: /half a surrogate pair/,
  })
})

test('values that hold no rows', async () => {
  const kinds = [
    [undefined, 'undefined'],
    [null, 'null'],
    [5, 'a number'],
    [true, 'a boolean'],
    [() => [], 'a function'],
    [7n, 'a bigint'],
    [Symbol('rows'), 'a symbol'],
    [{}, 'an object that is not iterable'],
    [new Date(), 'an object that is not iterable'],
  ]
  for (const [none, kind] of kinds) {
    await assert.rejects(encode(none), (error) => {
      assert.equal(error.code, 'Misuse')
      const said = `${kind} holds no rows`
      assert.ok(error.message.startsWith(said), error.message)
      assert.match(
        error.message.slice(said.length),
        /^( \(put one row into an array\))?: pass an array, /,
      )
      return true
    })
  }
  await assert.rejects(encode(new Response('gone', { status: 404 })), {
    code: 'Unavailable',
    message: /404/,
  })
  const read = new Response('{}')
  await read.text()
  await assert.rejects(encode(read), { code: 'Misuse', message: /has been read already/ })
  const stream = new Blob(['{}']).stream()
  stream.getReader()
  await assert.rejects(encode(stream), { code: 'Misuse', message: /locked/ })
})

test('a stream is cancelled where a row is refused, and its own error comes through', async () => {
  let cancelled = false
  const stream = new ReadableStream({
    pull: (controller) => controller.enqueue({ a: NaN }),
    cancel: () => {
      cancelled = true
    },
  })
  await assert.rejects(encode(stream), { code: 'Row' })
  assert.ok(cancelled)
  const broken = new TypeError('the network is gone')
  await assert.rejects(
    encode(new ReadableStream({ pull: (controller) => controller.error(broken) })),
    (error) => error === broken,
  )
  let returned = false
  const iterable = { *[Symbol.iterator]() { try { yield 5 } finally { returned = true } } }
  await assert.rejects(encode(iterable), { code: 'Row' })
  assert.ok(returned)
})

test('signals are heard', async () => {
  await assert.rejects(encode(rows, { signal: AbortSignal.abort('enough') }), {
    code: 'Aborted',
    cause: 'enough',
  })
  const controller = new AbortController()
  const endless = (function* () {
    for (let n = 0; ; n += 1) {
      if (n === 100_000) controller.abort()
      yield { n }
    }
  })()
  await assert.rejects(encode(endless, { signal: controller.signal }), { code: 'Aborted' })
})

test('options that are wrong', async () => {
  const cases = [
    [{ codec: 'lzo' }, 'Settings'],
    [{ codec: 'zstd:20' }, 'Settings'],
    [{ codec: 5 }, 'Settings'],
    [{ compression: 'zstd' }, 'Settings'],
    [{ policy: 'strict' }, 'Settings'],
    [{ nulls: true }, 'Settings'],
    [{ columnsMax: 0 }, 'Settings'],
    [{ depthMax: 65 }, 'Settings'],
    [{ rowGroupRowsMax: 1.5 }, 'Settings'],
    [{ rowBytesMax: 0 }, 'Settings'],
    [{ rowBytesMax: 10 }, 'Limit'],
    [{ schema: { columns: [{ name: 'a', type: 'int' }] } }, 'Settings'],
    [{ schema: 'x' }, 'Settings'],
    [{ id: 1 }, 'Settings'],
    [{ tenant: -1 }, 'Key'],
    [{ tenant: 2 ** 60 }, 'Key'],
    [{ tenant: '18446744073709551616' }, 'Key'],
    [{ collection: '' }, 'Key'],
    [{ collection: '\ud800' }, 'Key'],
    [{ prefix: '../x' }, 'Key'],
    [{ lsns: { min: 2, max: 1 } }, 'Key'],
    [{ lsns: { max: 1 } }, 'Key'],
    [{ lsns: 'now' }, 'Key'],
    [{ lsns: { min: '18446744073709551614' } }, 'Key'],
    [{ lsnWidth: 7 }, 'Settings'],
  ]
  for (const [options, code] of cases) {
    await assert.rejects(
      encode(rows, options),
      { name: 'ColdpressError', code },
      JSON.stringify(options),
    )
  }
})

test('LSNs by the time, or by their beginning and the number of rows', async () => {
  const before = BigInt(Date.now()) << 20n
  const [first, second] = [
    await encode(rows, { lsns: 'time' }),
    await encode(rows, { lsns: 'time' }),
  ]
  for (const file of [first, second]) {
    const { lsns } = await parseObjectKey(file.key)
    assert.equal(lsns.max - lsns.min, 2n)
    assert.ok(lsns.min >= before && lsns.min < (BigInt(Date.now()) + 1n) << 20n)
  }
  assert.notEqual(first.key, second.key)
  assert.equal((await encode(ndjson, { lsns: { min: '41' } })).key, '0/rows/lsn-41-43.parquet')
})

test('a file in JSON shows the number of its bytes, not the bytes', async () => {
  const file = await encode(rows, { collection: 'weather' })
  const { key, columns, rescued, duplicateIds, duplicateKeys, warnings, schema } = file
  const size = file.bytes.length
  const counts = { duplicateIds, duplicateKeys }
  const told = { key, size, rows: 3, columns, rescued, ...counts, warnings, schema }
  assert.deepEqual(JSON.parse(JSON.stringify(file)), told)
})

test('keys', async () => {
  const target = {
    prefix: 'data',
    tenant: 2n ** 64n - 1n,
    collection: 'a/b',
    lsns: { min: 0, max: 2n ** 64n - 1n },
  }
  const key = await objectKey(target)
  assert.equal(key, 'data/18446744073709551615/a%2Fb/lsn-0-18446744073709551615.parquet')
  assert.deepEqual(await parseObjectKey(key, { prefix: 'data' }), {
    kind: 'data',
    tenant: 2n ** 64n - 1n,
    collection: 'a/b',
    lsns: { min: 0n, max: 2n ** 64n - 1n },
  })
  assert.equal(
    await objectKey({ collection: 'c', lsns: { min: 1, max: 2 }, lsnWidth: 20 }),
    '0/c/lsn-00000000000000000001-00000000000000000002.parquet',
  )
  assert.deepEqual(await parseObjectKey('wal/n%201/0001'), {
    kind: 'wal',
    node: 'n 1',
    segment: '0001',
  })
  await assert.rejects(parseObjectKey('7/x/lsn-2-1.parquet'), { code: 'Key' })
  await assert.rejects(objectKey({ collection: 'c' }), { code: 'Key' })
})

test('inspect reports the metadata of the file', async () => {
  const file = await encode(movies, {
    collection: 'movies',
    tenant: 7,
    codec: 'gzip',
    rowGroupRowsMax: 2000,
  })
  const report = await inspect(file.bytes)
  assert.deepEqual(
    [report.bytes, report.rows, report.tenant_id, report.collection, report.max_lsn],
    [file.bytes.length, 3201, '7', 'movies', '3200'],
  )
  assert.deepEqual(report.schema, file.schema)
  assert.deepEqual(report.row_groups.map(group => group.rows), [2000, 1201])
  const [id] = report.row_groups[0].columns
  assert.deepEqual([id.column, id.path, id.codec, id.bloom_filter], ['_id', ['_id'], 'GZIP', false])
})

test('numbers that JavaScript cannot hold are an error, or text', async () => {
  const file = await encode('{"a":1}\n{"a":1e400}')
  await assert.rejects(decode(file), { code: 'Limit', row: 1, message: /1e400; .* as: 'ndjson'/ })
  assert.equal(await decode(file, { as: 'ndjson' }), '{"a":1}\n{"a":1e400}\n')
})

test('damaged files are an error, and the next one is read', async () => {
  const { bytes: whole } = await encode(movies, { collection: 'movies' })
  await assert.rejects(decode(Uint8Array.of(1, 2, 3)), { code: 'Corrupt' })
  await assert.rejects(decode(whole.subarray(0, whole.length - 5)), { code: 'Corrupt' })
  await assert.rejects(decode(new Response('x', { status: 403 })), { code: 'Unavailable' })
  await assert.rejects(decode('text'), { code: 'Misuse' })
  await assert.rejects(decode(whole, { columns: ['Titel'] }), {
    code: 'Settings',
    message: /no column "Titel"/,
  })
  let refused = 0
  for (let at = 100; at < whole.length; at += 997) {
    const damaged = whole.slice()
    damaged[at] ^= 0xff
    await decode(damaged).catch(error => {
      assert.ok(error instanceof ColdpressError)
      assert.ok(['Corrupt', 'Limit'].includes(error.code), `${at}: ${error.code} ${error.message}`)
      refused += 1
    })
  }
  assert.ok(refused > 50, `${refused}`)
  assert.equal((await decode(whole)).length, 3201)
})

test('init: from bytes, a module, a URL; anything else is an error', async () => {
  const path = join(unpacked(), 'glue/coldpress.wasm')
  const module = new WebAssembly.Module(readFileSync(path))
  for (
    const source of [
      undefined,
      readFileSync(path),
      module,
      { default: module },
      Promise.resolve(module),
      new Response(readFileSync(path), { headers: { 'content-type': 'application/wasm' } }),
    ]
  ) {
    await init(source)
    assert.equal((await encode(rows)).rows, 3)
  }
  const page = new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } })
  await assert.rejects(init(page), {
    code: 'Unavailable',
    message: /text\/html.*no WebAssembly module.*init\(url\)/,
  })
  await assert.rejects(init(new Response('', { status: 404 })), {
    code: 'Unavailable',
    message: /404.*init\(url\)/,
  })
  await assert.rejects(init('data:text/plain,hello'), {
    code: 'Unavailable',
    message: /init\(url\)/,
  })
  await assert.rejects(init(5), { code: 'Misuse' })
  // After these errors, the package works as before.
  assert.equal((await encode(rows)).rows, 3)
})
