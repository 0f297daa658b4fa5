// Reads files with the core as bare WebAssembly: node wasm_read.mjs MODULE FILES
// FILES holds them one behind the other, each behind its length in four bytes (little endian).
// Prints how many do not open, are found damaged, and are whole, the memory in MiB, and the most
// milliseconds. Ends with 1, and says which file it was, where one makes the instance trap or take
// more memory than it may, or where reading it ends as it must not.
import { readFileSync } from 'node:fs'

const MEMORY_MAX = 256 << 20
/** A file takes milliseconds: this is far from the speed of any machine. */
const MS_MAX = 5_000

const [modulePath, filesPath] = process.argv.slice(2)
const wasmModule = new WebAssembly.Module(readFileSync(modulePath))
const probe = new WebAssembly.Instance(wasmModule, {}).exports

// The memory's buffer is another one after it grew, so nobody may keep it.
const memory = (start, length) => new Uint8Array(probe.memory.buffer, start, length)

let slowest = 0

function read(file) {
  const start = probe.probe_alloc(file.length)
  if (start === 0) throw new Error(`no room for ${file.length} bytes`)
  memory(start, file.length).set(file)
  const began = performance.now()
  const ending = probe.probe_read(start, file.length)
  const ms = performance.now() - began
  slowest = Math.max(slowest, ms)
  probe.probe_free(start, file.length)
  if (ending === 3) {
    const answer = memory(probe.probe_answer() >>> 0, probe.probe_answer_len())
    throw new Error(new TextDecoder().decode(answer))
  }
  if (ms > MS_MAX) throw new Error(`it takes ${ms} ms`)
  if (probe.memory.buffer.byteLength > MEMORY_MAX) {
    throw new Error(`it takes ${probe.memory.buffer.byteLength} bytes of memory`)
  }
  return ending
}

const files = readFileSync(filesPath)
const endings = [0, 0, 0]
for (let at = 0, number = 0; at < files.length; number += 1) {
  const length = files.readUInt32LE(at)
  const file = files.subarray(at + 4, at + 4 + length)
  try {
    endings[read(file)] += 1
  } catch (problem) {
    console.error(`file ${number}: ${problem}`)
    process.exit(1)
  }
  at += 4 + length
}
console.log(...endings, probe.memory.buffer.byteLength >> 20, Math.ceil(slowest))
