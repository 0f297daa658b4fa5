// The instance of the module: after a trap, after much memory, and how much memory rows need.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { unpacked } from './lib/tools.mjs'

const MIB = 1 << 20
const at = path => pathToFileURL(join(unpacked(), path)).href
const { Engine } = await import(at('src/engine.js'))
const { encoding } = await import(at('src/encoder.js'))
const { fromBytes } = await import(at('src/module.js'))
const { glue } = await import(at('glue/encode.js'))

const engineOf = () =>
  new Engine(
    glue,
    () => fromBytes(readFileSync(join(unpacked(), 'glue/encode.wasm')), 'encode.wasm'),
  )
/** Makes the module read far outside of its memory: a real trap. */
const trap = (raw) =>
  raw.RawEncoder.prototype.pushJson.call({ __wbg_ptr: 0xfffffff0 }, new Uint8Array(1))
const rows = Array.from({ length: 10 }, (_, n) => ({ n }))

test('a trap is an error, ends its instance, and the next call has a new one', async () => {
  const engine = engineOf()
  const { Encoder, encode } = encoding(engine, engine)
  const encoder = new Encoder()
  await encoder.push(rows)
  const before = await engine.instance()
  await assert.rejects(engine.run(trap), error => {
    assert.deepEqual([error.name, error.code], ['ColdpressError', 'Internal'])
    assert.match(error.message, /issue tracker/)
    assert.ok(error.cause instanceof WebAssembly.RuntimeError)
    return true
  })
  await assert.rejects(encoder.push(rows), {
    code: 'Internal',
    message: /has stopped: .*start again/,
  })
  encoder.dispose()
  assert.equal((await encode(rows)).rows, 10)
  assert.notEqual(await engine.instance(), before)
})

test('after a failed load, the next call loads again', async () => {
  let asked = 0
  const engine = new Engine(glue, async () => {
    asked += 1
    if (asked === 1) throw new Error('the network is gone')
    return fromBytes(readFileSync(join(unpacked(), 'glue/encode.wasm')), 'encode.wasm')
  })
  const { encode } = encoding(engine, engine)
  await assert.rejects(encode(rows), /network is gone/)
  const files = await Promise.all([encode(rows), encode(rows), encode(rows)])
  assert.deepEqual(files.map(file => file.rows), [10, 10, 10])
  assert.equal(asked, 2)
})

/**
 * 35 MB of NDJSON in chunks cut anywhere: ids, times, devices, numbers and messages, as
 * `coldpress-bench gen` shapes them.
 */
function* telemetry(bytesMax) {
  const encoder = new TextEncoder()
  let [bytes, n, random] = [0, 0, 1]
  const next = bound => (random = (random * 48271) % 0x7fffffff) % bound
  while (bytes < bytesMax) {
    let text = ''
    while (text.length < 65_536) {
      n += 1
      text += `{"_id":"01KDVDNA01TDZ1R8${String(n).padStart(10, '0')}","ts":${
        1767225600016 + n * 16
      },"device":"device-${String(next(1000)).padStart(4, '0')}","temp":${
        (next(4e7) - 1e7) / 1e6
      },"humidity":${next(1e8) / 1e6},"ok":${next(50) > 0},"msg":"reading stored within ${
        100 + next(900)
      } us, queue depth ${next(40)}"}\n`
    }
    bytes += text.length
    yield encoder.encode(text)
  }
}

test('35 MB of NDJSON need less than 64 MiB of linear memory, and free it', async () => {
  const engine = engineOf()
  const { Encoder } = encoding(engine, engine)
  const encoder = new Encoder({ collection: 'telemetry' })
  let pushed = 0
  for (const chunk of telemetry(35e6)) {
    await encoder.push(chunk)
    pushed += chunk.length
  }
  assert.ok(pushed >= 35e6)
  const instance = await engine.instance()
  // Linear memory never shrinks: its size at the end is the largest it ever was.
  instance.hold()
  const file = await encoder.finish()
  assert.ok(instance.memoryBytes <= 64 * MIB, `${instance.memoryBytes / MIB} MiB`)
  instance.release()
  assert.ok(file.bytes.length > 3e6, `${file.bytes.length}`)
  // A much larger one grows beyond what an idle instance may keep, and is dropped.
  const greater = new Encoder()
  for (const chunk of telemetry(60e6)) await greater.push(chunk)
  assert.ok(instance.memoryBytes > 64 * MIB)
  greater.dispose()
  assert.equal(instance.memoryBytes, 0)
  assert.ok((await engine.instance()).memoryBytes < 4 * MIB)
})
