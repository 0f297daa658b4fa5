// An outbox keeps rows as lines of JSON. The encoder must make the same of them as of the objects:
// the same file, byte for byte.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { unpacked } from './lib/tools.mjs'

const coldpress = pathToFileURL(`${unpacked()}/`)
const { Encoder } = await import(new URL('node.js', coldpress).href)
const { rowLines } = await import(new URL('src/lines.js', coldpress).href)

const OPTIONS = { collection: 'c', lsns: { min: 1, max: 9 } }

async function fileOf(...pushed) {
  const encoder = new Encoder(OPTIONS)
  for (const rows of pushed) await encoder.push(rows)
  return encoder.finish()
}

async function same(rows) {
  const lines = rowLines(rows)
  assert.ok(lines.every((line) => line.indexOf('\n') === line.length - 1))
  const [objects, text] = [await fileOf(rows), await fileOf(lines.join(''))]
  assert.deepEqual(text.schema, objects.schema)
  assert.equal(await text.sha256(), await objects.sha256())
}

test('numbers of every kind', async () => {
  const numbers = [
    0,
    -0,
    1,
    -1,
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 31,
    2 ** 53 - 1,
    -(2 ** 53) + 1,
    2 ** 53,
    2 ** 60,
    2 ** 64,
    1e21,
    1e300,
    5e-324,
    0.1,
    -1.5e-7,
  ]
  for (const n of numbers) await same([{ n }, { n: n / 3 }])
  await same(numbers.map((n) => ({ n })))
  await same(
    [1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n, 10n ** 40n].map((n) => ({ n })),
  )
  await same([{ n: 2 ** 60 }, { n: 2 ** 53 }])
})

test('texts, names and nesting', async () => {
  await same([
    { 'a"b': 'line\nbreak', 'ü 💧': '\u2028 \u0000 \\ "', '': '\ufeffBOM', '\ufeff': '' },
    {
      list: [1, [2, []], {}, null, undefined, , 'x'],
      deep: { er: { est: [{ a: 1 }, { b: [true, false] }] } },
    },
    {},
    { 'a"b': null, 'ü 💧': undefined, __proto__: null, constructor: 1 },
  ])
})

test('objects that JSON writes in another form', async () => {
  const money = { toJSON: (key) => ({ [key]: '1.50' }) }
  await same([
    {
      at: new Date(0),
      bytes: new Uint8Array([1, 2, 255]),
      map: new Map([['k', 1n]]),
      set: new Set(['a', 2]),
      money,
      list: [money],
    },
    Object.assign(Object.create(null), {
      typed: new Float64Array([1, 0.5]),
      boxed: Object('text'),
    }),
  ])
})

test('many rows share their names, in one call and over calls', async () => {
  const rows = Array.from(
    { length: 500 },
    (_, n) => ({ n, [`f${n % 7}`]: `text ${n}`, nested: { [`g${n % 3}`]: n / 7 } }),
  )
  await same(rows)
  const lines = [...rowLines(rows.slice(0, 250)), ...rowLines(rows.slice(250))]
  assert.deepEqual(lines, rowLines(rows))
  assert.deepEqual(lines.map((line) => JSON.parse(line)), rows)
})

test('a wrong row is refused, and the next call works', async () => {
  const cycle = {}
  cycle.self = cycle
  for (
    const wrong of [{ n: NaN }, { f() {} }, cycle, {
      get g() {
        throw new Error('no')
      },
    }, { s: '\ud800' }]
  ) {
    assert.throws(() => rowLines([{ a: 1, b: { c: 2 } }, wrong]), {
      name: 'ColdpressError',
      code: 'Row',
      row: 1,
    })
    assert.deepEqual(rowLines([{ b: { c: 2 }, a: 1 }]), ['{"b":{"c":2},"a":1}\n'])
  }
})
