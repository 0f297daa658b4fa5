// Reads the files of `tests/tests/interop.rs` with hyparquet: node check.mjs FOLDER PACKAGES
// PACKAGES is the folder whose node_modules holds hyparquet; manifest.json as in check.py.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { parseJson } from './json.mjs'
import { differences } from './rows.mjs'

const [folder, packages] = process.argv.slice(2)
// The packages lie outside of this file's folders, where a bare import would not find them.
const { resolve } = createRequire(join(packages, 'package.json'))
const load = (name) => import(pathToFileURL(resolve(name)))
const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await load('hyparquet')
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

async function check({ file: name, rows, schema }) {
  const file = await asyncBufferFromFile(join(folder, name))
  const metadata = await parquetMetadataAsync(file)
  const first = metadata.schema[1].name
  const table = await parquetReadObjects({ file, metadata, compressors, parsers, utf8: false })
  const lines = readFileSync(join(folder, rows), 'utf8').split('\n').filter(Boolean)
  const source = lines.map((line) => Object.fromEntries(parseJson(line)))
  return { rows: source.length, wrong: differences(source, schema, first, table) }
}

const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
let [passed, failed] = [0, 0]
for (const entry of manifest.cases) {
  let outcome
  try {
    outcome = await check(entry)
  } catch (error) {
    outcome = { rows: 0, wrong: [String(error.stack)] }
  }
  const { rows, wrong } = outcome
  if (wrong.length === 0) {
    passed += 1
    console.log(`ok     ${entry.file} hyparquet: ${rows} rows`)
  } else {
    failed += 1
    console.log(`FAILED ${entry.file} hyparquet: ${wrong.length} differences`)
    for (const line of wrong.slice(0, 5)) console.log(`       ${line}`)
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
