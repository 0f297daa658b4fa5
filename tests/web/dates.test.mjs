// Dates in rows, and Dates out of files.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { unpacked } from './lib/tools.mjs'

const { decode, encode, inspect } = await import(
  pathToFileURL(join(unpacked(), 'node.js')).href
)
const typeOf = (file, name) => file.schema.columns.find(column => column.name === name)

const at = new Date('2024-02-29T12:00:00.500Z')

test('Dates come back as Dates, in structs and lists too', async () => {
  const rows = [
    { at, s: { l: [{ at }, {}], at }, l: [at, at], ['__proto__']: 1 },
    { s: { l: [] } },
    { s: null, ['__proto__']: 2 },
  ]
  const file = await encode(rows)
  const form = { type: 'timestamp', unit: 'ms', form: 'text:3' }
  assert.deepEqual(typeOf(file, 'at'), { name: 'at', ...form })
  const dated = await decode(file, { dates: true })
  assert.deepEqual(dated, rows)
  assert.ok(dated[0].at instanceof Date && dated[0].s.l[0].at instanceof Date)
  const text = at.toISOString()
  const [first] = await decode(file)
  assert.deepEqual(first, {
    at: text, s: { l: [{ at: text }, {}], at: text }, l: [text, text], ['__proto__']: 1,
  })
  // The Dates that came out make the same file again.
  assert.equal(await (await encode(dated)).sha256(), await file.sha256())
})

test('a column with fields of the name __proto__ has Dates too', async () => {
  const rows = JSON.parse(`[{"__proto__":{"at":"${at.toISOString()}"}}]`)
  const [row] = await decode(await encode(rows), { dates: true })
  assert.ok(Object.hasOwn(row, '__proto__'))
  assert.deepEqual(Object.getOwnPropertyDescriptor(row, '__proto__').value.at, at)
})

test('what is no instant in milliseconds stays as it is', async () => {
  const micros = '2024-02-29T12:00:00.123456Z'
  const rows = Array.from({ length: 200 }, () => ({ at, micros, day: '2024-02-29' }))
  // Rescued: an own form; no instant; a day that does not exist, of which Date would make another.
  const strays = ['2024-02-29T13:00:00+01:00', 'soon', '2023-02-29T00:00:00.000Z']
  strays.slice(0, 2).forEach((stray, n) => { rows[n].at = stray })
  const file = await encode(rows)
  assert.deepEqual(file.rescued, [{ path: 'at', count: 2, otherForm: 1 }])
  assert.deepEqual((await inspect(file)).rescued, [{ path: 'at', count: 2, other_form: 1 }])
  assert.deepEqual(
    [typeOf(file, 'micros').unit, typeOf(file, 'day').type],
    ['us', 'date'],
  )
  const dated = await decode(file, { dates: true })
  assert.deepEqual(dated[0].at, new Date(strays[0]))
  assert.equal(dated[1].at, 'soon')
  assert.deepEqual(dated[2], { at, micros, day: '2024-02-29' })
  assert.deepEqual((await decode(file)).slice(0, 3).map(row => row.at), [
    ...strays.slice(0, 2), at.toISOString(),
  ])
  const schema = { columns: [{ name: 'at', type: 'timestamp', unit: 'ms', form: 'text:3' }] }
  const [odd] = await decode(await encode([{ at: strays[2] }], { schema }), { dates: true })
  assert.equal(odd.at, strays[2])
})

test('numbers of milliseconds are Dates too', async () => {
  const schema = { columns: [{ name: 'at', type: 'timestamp', unit: 'ms' }] }
  const rows = [{ at: 1_700_000_000_000 }, { at: 2 ** 53 - 1 }, { at }]
  const file = await encode(rows, { schema })
  assert.equal(typeOf(file, 'at').form, 'number')
  assert.deepEqual(await decode(file, { dates: true }), [
    { at: new Date(1_700_000_000_000) },
    // No Date is so late.
    { at: 2 ** 53 - 1 },
    { at },
  ])
})

test('texts stay texts where that is asked for', async () => {
  const file = await encode([{ at }], { textTypes: 'string' })
  assert.equal(typeOf(file, 'at').type, 'string')
  assert.deepEqual(await decode(file, { dates: true }), [{ at: at.toISOString() }])
  await assert.rejects(encode([{ at }], { textTypes: 'date' }), {
    code: 'Settings',
    message: /^"date" is no choice for textTypes; choose "infer" or "string"$/,
  })
})

test('dates of another kind, and beside text, are refused', async () => {
  const file = await encode([{ at }])
  for (const options of [{ dates: 1 }, { dates: true, as: 'ndjson' }]) {
    await assert.rejects(decode(file, options), { code: 'Settings', message: /^dates must be/ })
  }
})

test('a schema of types that Spark refuses has a warning', async () => {
  const schema = { columns: [{ name: 'at', type: 'timestamp', unit: 'ns' }] }
  const file = await encode([{ at }], { schema })
  assert.equal(file.warnings.length, 1)
  assert.match(file.warnings[0], /^at: the type is timestamp\(ns\)\. Spark 3\.5 refuses/)
  assert.deepEqual((await encode([{ at }])).warnings, [])
})
