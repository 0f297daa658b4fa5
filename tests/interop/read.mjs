// Reads the files of `tests/tests/interop.rs` with hyparquet: node read.mjs FOLDER PACKAGES
// PACKAGES is the folder whose node_modules holds hyparquet. The manifest and the answers are those
// of read.py.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { parseJson } from './json.mjs'
import { differences } from './rows.mjs'

const [folder, packages] = process.argv.slice(2)
// The packages lie outside of this file's folders, where a bare import would not find them.
const { resolve } = createRequire(join(packages, 'package.json'))
const load = (name) => import(pathToFileURL(resolve(name)))
const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } =
  await load('hyparquet')
const { compressors } = await load('hyparquet-compressors')

const decoder = new TextDecoder()
// Exact values, where hyparquet's own defaults round to a Date or to JavaScript's numbers.
const parsers = {
  timestampFromMilliseconds: (millis) => BigInt(millis) * 1_000_000n,
  timestampFromMicroseconds: (micros) => BigInt(micros) * 1_000n,
  timestampFromNanoseconds: (nanos) => BigInt(nanos),
  dateFromDays: (days) => days,
  jsonFromBytes: (bytes) => bytes && decoder.decode(bytes),
}
// hyparquet runs whatever parser it is given on nulls too, in columns that have some.
for (const [name, parse] of Object.entries(parsers)) {
  parsers[name] = (value) => (value === undefined || value === null ? value : parse(value))
}

async function ask({ file: name, rows, schema }) {
  const file = await asyncBufferFromFile(join(folder, name))
  const metadata = await parquetMetadataAsync(file)
  const names = parquetSchema(metadata).children.map((child) => child.element.name)
  const options = { file, metadata, compressors }
  const table = await parquetReadObjects({ ...options, parsers, utf8: false })
  const lines = readFileSync(join(folder, rows), 'utf8').split('\n').filter(Boolean)
  const source = lines.map((line) => Object.fromEntries(parseJson(line)))
  const wrong = differences(source, schema, names, table)
  if (wrong.length > 0) return { wrong: wrong.slice(0, 5) }
  // The types are those that hyparquet gives when nobody asks for more digits.
  const plain = await parquetReadObjects(options)
  const types = Object.fromEntries(names.map((column) => [column, typeOf(plain, column)]))
  return { types, losses: [...wrong.losses].sort() }
}

function typeOf(table, column) {
  const value = table.map((row) => row[column]).find((found) => found != null)
  return value?.constructor?.name ?? typeof value
}

const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
const installed = join(packages, 'node_modules/hyparquet/package.json')
const { version } = JSON.parse(readFileSync(installed, 'utf8'))
const answers = {}
for (const entry of manifest.cases) {
  if (entry.engines && !entry.engines.includes('hyparquet')) continue
  try {
    answers[entry.file] = await ask(entry)
  } catch (error) {
    answers[entry.file] = { refuses: error.message.split('\n')[0].slice(0, 160) }
  }
}
const how = '`parquetReadObjects`, with hyparquet-compressors'
const answer = { name: 'hyparquet', version, how, answers }
writeFileSync(join(folder, 'answers-hyparquet.json'), JSON.stringify(answer))
