// Runs the core as bare WebAssembly: node wasm_probe.mjs MODULE NDJSON FOLDER COUNT
// Writes FOLDER/0.parquet … for the first COUNT codecs of Codec::ALL, and prints their SHA-256.
//
// node wasm_probe.mjs MODULE BATCHES.json - COUNT takes an array of NDJSON texts instead. It prints
// one SHA-256 for each: the first is encoded with codec 0, the next one with codec 1, and so on.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [modulePath, ndjsonPath, folder, count] = process.argv.slice(2)
const wasmModule = new WebAssembly.Module(readFileSync(modulePath))

// A clock, randomness, files, a JavaScript shim: all of them would have to be imported.
const imports = WebAssembly.Module.imports(wasmModule)
if (imports.length > 0) {
  const names = imports.map(({ module, name }) => `${module}.${name}`)
  throw new Error(`the core must need no host, and its wasm imports ${names.join(', ')}`)
}
const probe = new WebAssembly.Instance(wasmModule, {}).exports

// The memory's buffer is another one after it grew, so nobody may keep it.
const memory = (start, length) => new Uint8Array(probe.memory.buffer, start, length)

function encode(rows, codec) {
  const start = probe.probe_alloc(rows.length)
  if (start === 0) throw new Error(`no room for ${rows.length} bytes of rows`)
  memory(start, rows.length).set(rows)
  const failed = probe.probe_encode(start, rows.length, codec)
  probe.probe_free(start, rows.length)
  const answer = memory(probe.probe_answer() >>> 0, probe.probe_answer_len()).slice()
  if (failed) throw new Error(`codec ${codec}: ${new TextDecoder().decode(answer)}`)
  return answer
}

const sha256 = (file) => createHash('sha256').update(file).digest('hex')

const input = readFileSync(ndjsonPath)
if (folder === '-') {
  const shas = JSON.parse(input.toString()).map((text, at) =>
    sha256(encode(new TextEncoder().encode(text), at % Number(count)))
  )
  console.log(shas.join('\n'))
} else {
  for (let codec = 0; codec < Number(count); codec += 1) {
    const file = encode(input, codec)
    writeFileSync(join(folder, `${codec}.parquet`), file)
    console.log(codec, file.length, sha256(file))
  }
}
