// The law for JavaScript values: rows come back as they were, an explicit null apart from an absent
// field. `deepEqual` of node:assert/strict tells null from undefined, -0 from 0, and 1n from 1.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { generator } from './lib/dice.mjs'
import { unpacked } from './lib/tools.mjs'

const { decode, encode } = await import(pathToFileURL(join(unpacked(), 'node.js')).href)

const BATCHES = 10_000
const NAMES = ['a', 'b', 'c', 'A', 'a.b', '', 'é', '_rescued_data', 'null']

test('rows of objects come back as they were, nulls and absent fields apart', async () => {
  const typed = { timestamp: 0, date: 0 }
  for (let seed = 1; seed <= BATCHES; seed++) {
    const rows = batch(generator(seed))
    const file = await encode(rows)
    assert.deepEqual(await decode(file), rows, `seed ${seed}`)
    const schema = JSON.stringify(file.schema)
    for (const type of Object.keys(typed)) typed[type] += schema.includes(`"type":"${type}"`)
  }
  // Otherwise no batch would say anything of typed texts.
  for (const [type, files] of Object.entries(typed)) assert.ok(files > BATCHES / 10, type)
})

function batch(below) {
  // In some batches all fields are always there, in some there are no nulls.
  const habits = { absent: below(3) * 15, nulls: below(3) * 20, stray: below(2) * 8 }
  const plan = fields(below, 0)
  return Array.from({ length: 1 + below(12) }, () => object(below, plan, habits))
}

function fields(below, depth) {
  const names = NAMES.filter(() => below(3) === 0)
  return names.map((name) => ({ name, shape: shape(below, depth) }))
}

function shape(below, depth) {
  const leaves = ['boolean', 'integer', 'double', 'ratio', 'text', 'instant', 'day']
  const kinds = [...leaves, 'struct', 'list']
  const kind = kinds[below(depth < 3 ? kinds.length : leaves.length)]
  if (kind === 'struct') return { kind, fields: fields(below, depth + 1) }
  if (kind === 'list') return { kind, element: shape(below, depth + 1) }
  return { kind }
}

function object(below, plan, habits) {
  const there = plan.filter(() => below(100) >= habits.absent)
  return Object.fromEntries(there.map(({ name, shape }) => [name, value(below, shape, habits)]))
}

function value(below, { kind, fields, element }, habits) {
  if (below(100) < habits.nulls) return null
  if (below(100) < habits.stray) return ['stray', 7, true, [1, null, 'x'], { p: null }][below(5)]
  switch (kind) {
    case 'boolean': return below(2) === 0
    case 'integer': return below(9) === 0 ? 2n ** 53n + BigInt(below(99)) : below(200) - 100
    case 'double': return [0.5, 1e-7, -0, 1e300, 18, 2 ** 60][below(6)]
    case 'ratio': return below(2) === 0 ? below(200) : below(200) + 0.25
    case 'text': return ['', 'x', 'null', '18.0', '{}', 'é'][below(6)]
    case 'instant': return below(50) === 0 ? '2026-01-02T03:04:05.678' : instant(below)
    case 'day': return below(50) === 0 ? '2026-02-30' : instant(below).slice(0, 10)
    case 'struct': return object(below, fields, habits)
    default: return Array.from({ length: below(4) }, () => value(below, element, habits))
  }
}

function instant(below) {
  return new Date(1_700_000_000_000 + below(2 ** 31)).toISOString()
}
