// A signal ends the work while it waits for rows that never come, and while it has so many that it
// never waits.
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'

import { coldpress } from './upload/started.mjs'

const { decode, encode, Encoder, upload } = coldpress

const reason = new Error('the user left')
const ABORTED = { name: 'ColdpressError', code: 'Aborted', cause: reason }
const never = new Promise(() => {})
const immediate = setImmediate
const LINE = '{"n":1,"text":"a line of some length, so that there are not too many of them"}\n'

/** A signal that an event aborts. Work that blocks the thread does not notice it. */
function soon() {
  const stop = new AbortController()
  immediate(() => stop.abort(reason))
  return stop.signal
}

/** An iterable that gives one row and then never another. `isClosed`: it was told to end. */
function silent() {
  const source = {
    given: 0,
    isClosed: false,
    [Symbol.asyncIterator]: () => source,
    next: () => (source.given++ === 0 ? Promise.resolve({ done: false, value: { n: 1 } }) : never),
    return() {
      source.isClosed = true
      return never
    },
  }
  return source
}

test('an abort ends the wait for rows: iterables, generators, streams, responses', async () => {
  const iterable = silent()
  await assert.rejects(encode(iterable, { signal: soon() }), ABORTED)
  assert.ok(iterable.isClosed)
  const generator = (async function* () { yield { n: 1 }; await never })()
  await assert.rejects(encode(generator, { signal: soon() }), ABORTED)
  for (const wrap of [(stream) => stream, (stream) => new Response(stream)]) {
    let isCancelled = false
    const stream = new ReadableStream({ pull: () => never, cancel: () => { isCancelled = true } })
    await assert.rejects(encode(wrap(stream), { signal: soon() }), ABORTED)
    assert.ok(isCancelled)
  }
  const pipe = new PassThrough()
  pipe.write('{"n":1}\n')
  await assert.rejects(encode(pipe, { signal: soon() }), ABORTED)
  assert.ok(pipe.destroyed)
  const grant = async () => assert.fail('nothing is to be asked')
  await assert.rejects(upload(grant, silent(), { collection: 'c', signal: soon() }), ABORTED)
  const encoder = new Encoder({ signal: soon() })
  const pushes = [encoder.push([{ n: 0 }]), encoder.push(silent()), encoder.push([{ n: 2 }])]
  const [first, ...others] = await Promise.allSettled(pushes)
  assert.equal(first.status, 'fulfilled')
  assert.deepEqual(others.map(({ reason: error }) => error.code), ['Aborted', 'Misuse'])
  await assert.rejects(encoder.finish(), { code: 'Misuse', message: /aborted/ })
})

test('rows without end: generators, async generators, lines, empty lines', async () => {
  // Without the abort, the work would end with this error.
  const ROWS_MAX = 20_000_000
  const many = function* (row) {
    for (let n = 0; n < ROWS_MAX; n += 1) yield row
    throw new Error('the abort was not heard')
  }
  for (const row of [{ a: 1 }, LINE, '']) {
    await assert.rejects(encode(many(row), { signal: soon() }), ABORTED, JSON.stringify(row))
  }
  const asynchronous = async function* () { yield* many({ a: 1 }) }
  await assert.rejects(encode(asynchronous(), { signal: soon() }), ABORTED)
})

test('one long text, as a string and as bytes', async (t) => {
  const text = LINE.repeat(400_000)
  for (const rows of [text, new TextEncoder().encode(text), new Blob([text])]) {
    const encoder = new Encoder({ signal: soon() })
    await assert.rejects(encoder.push(rows), ABORTED)
    assert.ok(encoder.rows < 400_000)
  }
  // Other runtimes have other ways to let events run.
  const { MessageChannel } = globalThis
  t.after(() => Object.assign(globalThis, { setImmediate: immediate, MessageChannel }))
  for (const name of ['setImmediate', 'MessageChannel']) {
    delete globalThis[name]
    await assert.rejects(encode(text, { signal: soon() }), ABORTED)
  }
})

test('a signal that is not aborted changes nothing, and nothing of it is kept', async () => {
  const stop = new AbortController()
  const text = LINE.repeat(100_000)
  const plain = await encode(text)
  const lines = text.split('\n').filter(Boolean)
  for (const rows of [text, new Blob([text]), lines, new Blob([text]).stream()]) {
    assert.equal(await (await encode(rows, { signal: stop.signal })).sha256(), await plain.sha256())
  }
  let listeners = 0
  const { signal } = stop
  const [add, remove] = [signal.addEventListener, signal.removeEventListener]
  signal.addEventListener = (...args) => { listeners += 1; add.apply(signal, args) }
  signal.removeEventListener = (...args) => { listeners -= 1; remove.apply(signal, args) }
  await encode(new Blob([LINE]), { signal })
  await assert.rejects(encode(new Blob(['{']), { signal }), { code: 'Row' })
  assert.equal(listeners, 0)
})

test('an error of the rows themselves comes through with a signal as without', async () => {
  const { signal } = new AbortController()
  const broken = new TypeError('the network is gone')
  const stream = () => new ReadableStream({ pull: (controller) => controller.error(broken) })
  for (const options of [{}, { signal }]) {
    await assert.rejects(encode(stream(), options), (error) => error === broken)
    await assert.rejects(encode([{ a: 1 }, { a: NaN }], options), { code: 'Row', row: 1 })
  }
})

test('decode ends too: a file that never comes, and a signal that was aborted before', async () => {
  const stream = () => new ReadableStream({ pull: () => never })
  await assert.rejects(decode(stream(), { signal: soon() }), ABORTED)
  await assert.rejects(decode(new Response(stream()), { signal: soon() }), ABORTED)
  const file = await encode([{ a: 1 }])
  const signal = AbortSignal.abort(reason)
  await assert.rejects(decode(file, { signal }), ABORTED)
  await assert.rejects(encode([{ a: 1 }], { signal }), ABORTED)
})
