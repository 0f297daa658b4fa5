// Every level of zstd. The modules lack the functions of zstd that only dictionaries reach
// (host-wasm/unreached.mjs). If a level reached one all the same, the encoder would stop.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { coldpress } from './lib/command.mjs'
import { root, temporaryFolder, unpacked } from './lib/tools.mjs'

const load = (entry) => import(pathToFileURL(join(unpacked(), entry)).href)
const [{ encode }, alone] = [await load('node.js'), await load('encode.node.js')]

const LEVELS = Array.from({ length: 19 }, (_, at) => at + 1)
const WORDS = ['ore', 'ice', 'wind', 'salt', 'rain', 'mist', 'hail', 'snow']

/** Rows whose pages are of very different sizes: from a few bytes to some that take many blocks. */
function lines(count) {
  let state = 7
  const next = (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % below
  }
  const rows = Array.from({ length: count }, (_, at) => ({
    at,
    one: 'same',
    few: WORDS[next(8)],
    number: next(1_000_000) / 7,
    words: Array.from({ length: 6 }, () => WORDS[next(8)]).join(' '),
    noise: `${next(2 ** 22).toString(36)}${next(2 ** 22).toString(36)}`,
    far: at % 500 === 0 ? 'x'.repeat(3_000) : null,
  }))
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

const INPUTS = {
  'a row': lines(1),
  'a few rows': lines(40),
  'many rows': lines(30_000),
  movies: readFileSync(join(root, 'examples/movies.ndjson'), 'utf8'),
}

for (const [name, input] of Object.entries(INPUTS)) {
  test(`${name} at every level: the bytes of the native encoder`, async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'rows.ndjson'), input)
    for (const level of LEVELS) {
      const codec = `zstd:${level}`
      const store = join(folder, `${level}`)
      mkdirSync(store)
      await coldpress([
        'put', '--collection', 'c', '--codec', codec, '--store', store, join(folder, 'rows.ndjson'),
      ])
      const key = readdirSync(join(store, '0/c')).find((name) => name.endsWith('.parquet'))
      const wanted = readFileSync(join(store, '0/c', key))
      for (const entry of [encode, alone.encode]) {
        const file = await entry(input, { collection: 'c', codec })
        assert.ok(wanted.equals(file.bytes), codec)
      }
    }
  })
}
