// The errors for wrong options: each one names the
// option as JavaScript spells it.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'

import { coldpress, ROWS, started } from './upload/started.mjs'

const { ColdpressError, decode, encode, Encoder, grantsFrom, upload } = coldpress

const failed = async (run) => {
  try {
    await run()
  } catch (error) {
    assert.ok(error instanceof ColdpressError, `${error?.stack}`)
    return error
  }
  return assert.fail('it did not fail')
}
const told = async (run) => {
  const { code, message } = await failed(run)
  return `${code}: ${message}`
}
const neverAsked = async () => assert.fail('nothing is to be asked')

test('signal must be an AbortSignal', async () => {
  const { bytes } = await encode(ROWS)
  const stream = () => new Blob([bytes]).stream()
  async function* rows() {
    yield* ROWS
  }
  for (const [signal, kind] of [[5, 'a number'], [{}, 'an object'], ['x', 'a string']]) {
    const calls = [
      () => encode(ROWS, { signal }),
      () => encode(rows(), { signal }),
      () => new Encoder({ signal }),
      () => decode(bytes, { signal }),
      () => decode(stream(), { signal }),
      () => upload(neverAsked, ROWS, { collection: 'c', signal }),
      () => upload(neverAsked, rows(), { collection: 'c', signal }),
    ]
    for (const call of calls) {
      assert.equal(await told(call), `Settings: signal is ${kind}; pass an AbortSignal`)
    }
  }
})

test('onProgress and fetch must be functions', async (t) => {
  const { store, send } = await started(t)
  const file = await encode(ROWS, { collection: 'events', tenant: 7, lsns: { min: 1 } })
  for (const name of ['onProgress', 'fetch']) {
    const expected = `Settings: ${name} is a number; pass a function`
    for (const rows of [ROWS, file]) {
      const options = rows === file ? {} : { collection: 'c' }
      assert.equal(await told(() => upload(neverAsked, rows, { ...options, [name]: 5 })), expected)
    }
  }
  const token = store.token
  const expected = 'Settings: fetch is a string; pass a function'
  assert.equal(await told(() => grantsFrom(store.origin, { token, fetch: 'fetch' })), expected)
  store.fate = () => 503
  const error = await failed(() => send(ROWS, { retries: 0 }))
  for (const [options, message] of [
    [{ signal: 5 }, 'Settings: signal is a number; pass an AbortSignal'],
    [{ onProgress: 5 }, 'Settings: onProgress is a number; pass a function'],
    [{ fetch: {} }, 'Settings: fetch is an object; pass a function'],
  ]) {
    assert.equal(await told(() => error.retry(options)), message)
  }
  store.fate = () => undefined
  await error.retry({ signal: null })
  assert.equal(store.objects.size, 1)
})

test('if an option of upload is misspelt, the error lists the options of upload', async () => {
  const options = { collection: 'c', retrys: 3 }
  const error = await failed(() => upload(neverAsked, ROWS, options))
  assert.equal(error.code, 'Settings')
  assert.match(error.message, /^there is no option "retrys"; there are /)
  for (const name of ['onProgress', 'concurrency', 'retries', 'timeoutMs', 'fetch', 'signal']) {
    assert.ok(error.message.includes(name), `${name} is missing: ${error.message}`)
  }
  assert.ok(error.message.includes('collection') && error.message.includes('codec'))
  // Only the outbox and tests pass these.
  assert.ok(!/onRequest|runtime/.test(error.message), error.message)
  const encoding = await failed(() => encode(ROWS, { retries: 3 }))
  assert.match(encoding.message, /^there is no option "retries"; there are /)
  assert.ok(!encoding.message.includes('timeoutMs'), encoding.message)
  const none = 'Settings: the options are null; they are an object, such as { collection }'
  assert.equal(await told(() => upload(neverAsked, ROWS, null)), none)
})

test('upload of an encoded file refuses options of the encoder', async () => {
  const file = await encode(ROWS, { collection: 'events', tenant: 7, lsns: { min: 1 } })
  for (const [name, value] of [
    ['collection', 'other'], ['tenant', 8], ['codec', 'none'], ['lsns', 'time'], ['retrys', 3],
  ]) {
    const error = await failed(() => upload(neverAsked, file, { [name]: value }))
    assert.equal(error.code, 'Settings')
    assert.ok(error.message.startsWith(
      `upload of an encoded file has no option "${name}": the file keeps what encode chose; `,
    ), error.message)
    for (const known of ['signal', 'onProgress', 'concurrency', 'retries', 'timeoutMs', 'fetch']) {
      assert.ok(error.message.includes(known), error.message)
    }
    assert.ok(!/onRequest|runtime/.test(error.message), error.message)
  }
  // An option that is undefined is not set.
  const asked = await failed(() => upload(neverAskedButRefused, file, { collection: undefined }))
  assert.equal(asked.code, 'Denied')
})

const neverAskedButRefused = async () => {
  throw new ColdpressError('Denied', 'asked')
}

test('errors name an option as JavaScript spells it', async () => {
  const names = {
    columnsMax: 'columns_max', depthMax: 'depth_max', rowBytesMax: 'row_bytes_max',
    rowGroupRowsMax: 'row_group_rows_max',
  }
  for (const [name, core] of Object.entries(names)) {
    const error = await failed(() => encode(ROWS, { [name]: 0 }))
    assert.equal(error.code, 'Settings')
    assert.ok(error.message.startsWith(`${name} is 0; `), error.message)
    assert.ok(!error.message.includes(core), error.message)
  }
  const large = await failed(() => encode(ROWS, { rowBytesMax: 10 }))
  assert.equal(large.code, 'Limit')
  assert.match(large.message, /\(rowBytesMax\); split it, or raise rowBytesMax$/)
  // The names of a caller's own columns stay as they are.
  const schema = { columns: [{ name: 'depth_max', type: 'int8' }] }
  const strict = { schema, policy: 'strict' }
  const column = await failed(() => encode([{ depth_max: 'deep' }], strict))
  assert.match(column.message, /depth_max/)
  assert.ok(!column.message.includes('depthMax'), column.message)
  const grant = async () => ({})
  for (const [name, value] of [['timeoutMs', 0], ['concurrency', 0]]) {
    const file = await encode(ROWS, { collection: 'events', tenant: 7, lsns: { min: 1 } })
    const error = await failed(() => upload(grant, file, { [name]: value }))
    assert.equal(error.code, 'Settings')
    assert.ok(error.message.startsWith(`${name} `), error.message)
  }
})

test('if a grant server redirects, the error says where to, and what to do', async (t) => {
  let answer
  const { origin, asked } = await server(t, (request) => answer(request))
  const question = () => upload(grantsFrom(`${origin}/app`, { token: 'secret' }), ROWS, {
    collection: 'c', retries: 0,
  })
  const places = ['https://grants.example/app/v1/grants?token=secret', 'ftp://grants.example/']
  for (const location of places) {
    for (const status of [301, 302, 303, 307, 308]) {
      asked.length = 0
      answer = () => ({ status, headers: { location } })
      const error = await failed(question)
      assert.equal(error.code, 'NotFound')
      assert.equal(asked.length, 1)
      const [where] = location.split('?')
      assert.ok(error.message.startsWith(`${origin}/app/ answered ${status} `), error.message)
      assert.ok(error.message.endsWith(
        `it redirects to ${where}: pass grantsFrom the address of the grant server itself`,
      ), error.message)
      assert.ok(!error.message.includes('secret'))
    }
  }
  // Within one server the request is sent again, as it was; 301 to 303 would make a GET of it.
  answer = ({ url }) => (url === '/moved'
    ? { status: 403, body: '{"error":{"code":"Denied","message":"the token is unknown"}}' }
    : { status: 308, headers: { location: '/moved' } })
  asked.length = 0
  assert.equal(await told(question), 'Denied: the token is unknown')
  assert.deepEqual(asked, ['POST /app/v1/grants Bearer secret', 'POST /moved Bearer secret'])
  answer = () => ({ status: 307, headers: { location: '/app/v1/grants' } })
  asked.length = 0
  const loop = await failed(question)
  assert.equal(loop.code, 'NotFound')
  assert.equal(asked.length, 6)
  answer = () => ({ status: 307 })
  assert.match(await told(question), /^NotFound: .* answered 307 .*: is it the address of/)
})

test('if a server cannot be reached, the error has the reason of the runtime', async (t) => {
  const closed = await server(t, () => ({ status: 200 }))
  await closed.stop()
  const grants = grantsFrom(closed.origin, { token: 'x' })
  const error = await failed(() => upload(grants, ROWS, { collection: 'c', retries: 0 }))
  assert.equal(error.code, 'Unavailable')
  assert.match(error.message, /ECONNREFUSED/)
  const file = await encode(ROWS, { collection: 'events', tenant: 7, lsns: { min: 1 } })
  const signed = (method) => ({ method, url: `${closed.origin}/x`, headers: {} })
  const grant = {
    version: 1, prefix: '', key: file.key, expires_ms: Date.now() + 1e6, bytes_max: 1e6,
    put: signed('PUT'), check: signed('HEAD'),
  }
  const put = await failed(() => upload(grant, file, { retries: 0 }))
  assert.equal(put.code, 'Unavailable')
  assert.match(put.message, /ECONNREFUSED/)
})

/** A server that answers as a test says; `asked` has what it was asked. */
async function server(t, answer) {
  const asked = []
  const http = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    request.resume().on('end', () => {
      const { status, headers, body = '' } = answer(request)
      response.writeHead(status, headers).end(body)
    })
  })
  await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))
  const stop = () => new Promise((resolve) => {
    http.closeAllConnections()
    http.close(resolve)
  })
  t.after(stop)
  return { origin: `http://127.0.0.1:${http.address().port}`, asked, stop }
}
