// What an upload does when it fails: the first request for a grant, the error that can send the
// same file again, the progress meanwhile, and wrong addresses and tokens.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { until } from './lib/patience.mjs'
import {
  coldpress, HOURS_MS, largeFile, MIB, offlineDevice, only, ROWS, started,
} from './upload/started.mjs'

const { ColdpressError, decode, encode, grantsFrom, upload } = coldpress

const failed = (promise) => promise.then(() => assert.fail('it did not fail'), (error) => error)
const isGrant = (line) => line === 'POST /v1/grants'
const isPut = (line) => line.startsWith('PUT')

test('the first request is repeated after a 503 and a lost connection', async (t) => {
  const { clock, store, send } = await started(t)
  store.retryAfter = 20
  store.fate = (line, count) => (isGrant(line) ? { 1: 503, 2: 'drop' }[count] : undefined)
  const start = clock.now()
  await send(ROWS)
  assert.ok(clock.now() - start >= 20_000)
  // Two failed attempts, the request for the tenant, and the grant for the file.
  assert.equal(store.log.filter(isGrant).length, 4)
  assert.equal(store.objects.size, 1)
})

test('started offline, the first request waits for the network', async (t) => {
  const { clock, store, send } = await started(t)
  const { runtime, looked, connect } = offlineDevice(clock)
  const seen = []
  const sending = send(ROWS, { runtime, onProgress: (progress) => seen.push(progress) })
  await looked
  await clock.sleep(HOURS_MS)
  assert.deepEqual(store.log, [])
  const retry = { attempt: 1, reason: 'this device is offline' }
  const waiting = { sentBytes: 0, underWayBytes: 0, totalBytes: 0, phase: 'waiting', retry }
  assert.deepEqual(seen.at(-1), waiting)
  connect()
  await sending
  assert.equal(store.objects.size, 1)
})

test('the first request can be aborted: without an answer, in a pause, offline', async (t) => {
  for (const how of ['silence', 503, 'offline']) {
    const { clock, store, send } = await started(t)
    const stop = new AbortController()
    const reason = new Error('the user left')
    const { runtime, looked } = offlineDevice(clock)
    store.retryAfter = 20
    store.fate = () => {
      if (how === 'silence') stop.abort(reason)
      return how
    }
    const onProgress = ({ phase }) => phase === 'waiting' && stop.abort(reason)
    const away = how === 'offline' && { runtime }
    const sending = failed(send(ROWS, { signal: stop.signal, onProgress, ...away }))
    if (how === 'offline') await looked
    const error = await sending
    assert.deepEqual([error.code, error.cause], ['Aborted', reason], String(how))
    assert.equal(store.objects.size, 0)
    store.fate = () => undefined
    const anew = { signal: undefined, onProgress: undefined, runtime: clock.runtime() }
    const { key } = await error.retry(anew)
    assert.equal(key, only(store.objects)[0])
  }
})

test('a lost answer to the put, and its advice: exactly one object', async (t) => {
  const { store, send } = await started(t)
  store.fate = (line) => (/^(PUT|HEAD)/.test(line) ? 'drop after' : undefined)
  const error = await failed(send(ROWS, { retries: 1 }))
  assert.equal(error.code, 'Unavailable')
  const advice =
    'it is not known whether the file was stored: call error.retry(), which is safe and finds out'
  assert.ok(error.message.endsWith(advice), error.message)
  const [key, { body }] = only(store.objects)
  assert.ok(key.endsWith(`lsn-${error.lsns.min}-${error.lsns.max}.parquet`))
  assert.equal(error.lsns.max - error.lsns.min, 1n)
  // The same again, as often as it fails; each error can do it.
  const again = await failed(error.retry())
  assert.deepEqual(again.lsns, error.lsns)
  store.fate = () => undefined
  const result = await again.retry()
  assert.deepEqual([result.key, result.created, result.rows], [key, false, 2])
  assert.equal(only(store.objects)[1].body, body)
})

test('rows of a stream are sent again, though the tenant was not known yet', async (t) => {
  const { store, send } = await started(t)
  store.fate = (line) => (isGrant(line) ? 'drop' : undefined)
  const error = await failed(send(ReadableStream.from(ROWS), { retries: 1 }))
  assert.equal(error.code, 'Unavailable')
  assert.match(error.message, /asking for a grant failed: .*call error\.retry\(\)$/)
  store.fate = () => undefined
  const results = await Promise.all([error.retry(), error.retry(), error.retry()])
  const [key, { body }] = only(store.objects)
  assert.deepEqual(results.map((result) => result.key), [key, key, key])
  assert.ok(key.includes(`lsn-${error.lsns.min}-`))
  assert.deepEqual(await decode(new Uint8Array(body)), ROWS)
  assert.deepEqual(await error.retry().then(({ created }) => created), false)
})

test('the memory of an upload that is never repeated is freed', async (t) => {
  const { store, send } = await started(t)
  store.fate = (line) => (isGrant(line) ? 'drop' : undefined)
  const { dispose } = coldpress.Encoder.prototype
  let disposed = 0
  coldpress.Encoder.prototype.dispose = function () {
    disposed += 1
    dispose.call(this)
  }
  t.after(() => (coldpress.Encoder.prototype.dispose = dispose))
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  await send(ROWS, { retries: 0 }).catch(() => {})
  assert.equal(disposed, 0, 'its error could still send them')
  await until(() => {
    collect()
    return disposed === 1
  }, 'the rows are let go')
})

test('errors after the rows were read have lsns and retry; earlier ones do not', async (t) => {
  const { store, send, grants } = await started(t)
  const mine = new Error('mine')
  const throwing = (thrown) => ({ phase }) => {
    if (phase === 'sending') throw thrown
  }
  const refusing = async () => {
    throw mine
  }
  const stop = new AbortController()
  const { signal } = stop
  const aborting = ({ phase }) => phase === 'sending' && stop.abort()
  const expired = { ...store.grant({ bytes: 9 }), expires_ms: 1 }
  const carrying = [
    ['a wrong token', { grant: grantsFrom(store.origin, { token: 'wrong' }) }, 'Denied'],
    ['a grant function that throws', { grant: refusing }, undefined],
    ['onProgress that throws', { onProgress: throwing(mine) }, undefined],
    ['onProgress that throws no error', { onProgress: throwing('no error') }, 'Misuse'],
    ['an abort', { signal, onProgress: aborting }, 'Aborted'],
    ['a grant that has expired', { grant: expired }, 'Expired'],
  ]
  for (const [name, options, code] of carrying) {
    const error = await failed(send(ROWS, options))
    if (code) assert.equal(error.code, code, name)
    assert.equal(typeof error.lsns.min, 'bigint', name)
    assert.equal(typeof error.retry, 'function', name)
    const { key } = await error.retry({ grant: grants, signal: undefined, onProgress: undefined })
    assert.ok(key.endsWith(`lsn-${error.lsns.min}-${error.lsns.max}.parquet`), name)
  }
  const row = await failed(send([{ a: NaN }]))
  const strict = { schema: { columns: [{ name: 'n', type: 'int8' }] }, policy: 'strict' }
  const misfit = await failed(send([{ n: 300 }], strict))
  const gone = await failed(send(ROWS, { signal: AbortSignal.abort() }))
  for (const error of [row, misfit, gone]) {
    assert.ok(error instanceof ColdpressError)
    assert.deepEqual(['lsns' in error, 'retry' in error], [false, false], error.code)
  }
})

test('loggers see no noise: neither JSON nor the console shows lsns and retry', async (t) => {
  const { send } = await started(t)
  const grant = async () => {
    throw new ColdpressError('Denied', 'no')
  }
  const error = await failed(send(ROWS, { grant }))
  assert.ok(error.retry)
  assert.deepEqual(JSON.parse(JSON.stringify(error)), { name: 'ColdpressError', code: 'Denied' })
  assert.doesNotMatch(inspect(error), /\b(retry|lsns)\]?:/)
})

test('retry takes options that do not change the file, and refuses other ones', async (t) => {
  const { store, send } = await started(t)
  store.fate = (line) => (isPut(line) ? 'drop' : undefined)
  const error = await failed(send(ROWS, { retries: 0 }))
  for (const name of ['collection', 'lsns', 'tenant', 'codec', 'retry']) {
    const refused = { code: 'Settings', message: /the very same file/ }
    await assert.rejects(error.retry({ [name]: 'x' }), refused)
  }
  const seen = []
  store.fate = () => undefined
  const onProgress = ({ phase }) => seen.push(phase)
  await error.retry({ onProgress, retries: 3, concurrency: 1, timeoutMs: 1_000 })
  assert.deepEqual(seen.at(-1), 'over')
})

test('a token that later belongs to another tenant cannot send the rows there', async (t) => {
  const { store, send } = await started(t)
  store.fate = (line) => (isPut(line) ? 'drop' : undefined)
  const error = await failed(send(ROWS, { retries: 0 }))
  store.fate = () => undefined
  const other = async (request) => store.grant(request, 8)
  const refused = { code: 'Denied', message: /tenant 8.*tenant 7/ }
  await assert.rejects(error.retry({ grant: other }), refused)
  assert.equal(store.objects.size, 0)
})

test('progress: the bytes under way, each wait, its end and its reason', async (t) => {
  const { clock, store, send } = await started(t)
  store.partBytes = MIB / 2
  const file = await largeFile(2 * MIB)
  store.retryAfter = 30
  store.fate = (line, count) => (line.includes('partNumber=') && count === 1 ? 503 : undefined)
  const seen = []
  const onProgress = (progress) => seen.push({ ...progress, now: clock.now() })
  await send(file, { concurrency: 8, onProgress })
  const whole = seen.find(({ underWayBytes }) => underWayBytes === file.bytes.length)
  assert.equal(whole.phase, 'sending')
  const waiting = seen.find(({ phase }) => phase === 'waiting')
  assert.equal(waiting.underWayBytes, 0)
  assert.deepEqual([waiting.retry.attempt, waiting.retry.reason], [2, '503 SlowDown'])
  assert.ok(waiting.retry.atMs >= waiting.now + 30_000)
  const again = seen.find(({ phase, retry }) => phase === 'sending' && retry)
  assert.deepEqual([again.retry.attempt, again.retry.reason], [2, '503 SlowDown'])
  assert.ok(again.underWayBytes > 0 && again.now >= waiting.retry.atMs)
  assert.ok(seen.every((told) => told.sentBytes + told.underWayBytes <= told.totalBytes))
  assert.deepEqual([seen.at(-1).phase, seen.at(-1).retry], ['over', undefined])
})

test('the reason of a failed attempt holds no secrets of its URL', async (t) => {
  const { clock, store, send } = await started(t)
  const seen = []
  const runtime = clock.runtime({
    fetch(url, init) {
      if (init.method !== 'PUT') return fetch(url, init)
      // The words of Deno.
      throw new TypeError(`error sending request for url (${url}): reset`)
    },
  })
  const onProgress = (progress) => seen.push(progress)
  const error = await failed(send(ROWS, { runtime, retries: 2, onProgress }))
  const told = [error.message, ...seen.map(({ retry }) => retry?.reason ?? '')].join('\n')
  assert.match(told, /error sending request for url \(http:\/\/127/)
  assert.ok(!told.includes('expires='), told)
})

test('an abort in the middle says that the file may be stored', async (t) => {
  const { store, send } = await started(t)
  const stop = new AbortController()
  store.fate = (line) => {
    if (!isPut(line)) return undefined
    stop.abort()
    return 'drop after'
  }
  const error = await failed(send(ROWS, { signal: stop.signal }))
  assert.equal(error.code, 'Aborted')
  assert.match(error.message, /not known whether the file was stored: call error\.retry\(\)/)
})

/** A server that is no grant server. */
async function stranger(t, answer) {
  const server = createServer((request, response) => {
    const { status = 200, body = '' } = answer(request)
    response.writeHead(status).end(body)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  return `http://127.0.0.1:${server.address().port}`
}

test('an address without a grant server is named at once, in full', async (t) => {
  let asked = 0
  let answer
  const origin = await stranger(t, () => {
    asked += 1
    return answer
  })
  const question = /is it the address of a coldpress grant server\?$/
  const cases = [
    [{ status: 405 }, / answered 405 Method Not Allowed to POST \/app\/v1\/grants: /],
    [{ status: 404, body: '<!doctype html>' }, / answered 404 Not Found to POST /],
    [{ status: 400 }, / answered 400 Bad Request to POST /],
    [{ status: 501 }, / answered 501 Not Implemented to POST /],
    [
      { body: '<!doctype html><title>A page</title>' },
      / answered 200 OK to POST .*, with "<!doctype html>.*" for a grant: /,
    ],
    [{ body: '{"ok":true}' }, /, with "\{\\"ok\\":true\}" for a grant: /],
    [{ body: 'null' }, /, with "null" for a grant: /],
  ]
  for (const [given, message] of cases) {
    answer = given
    asked = 0
    const grant = grantsFrom(`${origin}/app?from=mail#top`, { token: 'secret-token' })
    const error = await failed(upload(grant, ROWS, { collection: 'c' }))
    assert.deepEqual([error.code, asked], ['NotFound', 1], error.message)
    assert.ok(error.message.startsWith(`${origin}/app/ answered `), error.message)
    assert.match(error.message, message)
    assert.match(error.message, question)
    assert.ok(!error.message.includes('secret-token'))
  }
  for (const none of ['not a url', '', 'localhost:8080', 'ftp://example.org/', 'file:///tmp']) {
    const refused = { code: 'Misuse', message: /no URL of a grant server; it begins with http/ }
    assert.throws(() => grantsFrom(none, { token: 'x' }), refused)
  }
  assert.throws(() => grantsFrom('https://me:secret@grants.example/', { token: 'x' }), (error) => {
    assert.equal(error.code, 'Misuse')
    return /grants\.example has a user in it/.test(error.message) &&
      !error.message.includes('secret')
  })
})

test('a token function that fails, or returns no token, is named', async (t) => {
  const { store, send } = await started(t)
  const cause = new TypeError('session is undefined')
  const cases = [
    [() => { throw cause }, /^the function token failed.*: session is undefined$/, cause],
    [async () => { throw 'no session' }, /^the function token failed.*: no session$/, 'no session'],
    [() => undefined, /^the function token gave undefined; /],
    [() => ({}), /^the function token gave an object; /],
    [() => 'two\nlines', /^the function token gave a string that is no token; /],
    [() => ' ', /^the function token gave a string that is no token; /],
  ]
  for (const [token, message, thrown] of cases) {
    const error = await failed(send(ROWS, { grant: grantsFrom(store.origin, { token }) }))
    assert.ok(error instanceof ColdpressError)
    assert.equal(error.code, 'Denied')
    assert.match(error.message, message)
    assert.equal(error.cause, thrown)
  }
  assert.deepEqual(store.log, [])
  let calls = 0
  const token = () => {
    calls += 1
    if (calls === 1) throw new ColdpressError('Unavailable', 'the login server is busy')
    return store.token
  }
  await send(ROWS, { grant: grantsFrom(store.origin, { token }) })
  assert.equal(store.objects.size, 1)
  assert.throws(() => grantsFrom(store.origin, { token: 'two\nlines' }), { code: 'Misuse' })
  assert.equal((await encode(ROWS)).rows, 2)
})
