import { ColdpressError, misuse, stopIfAborted, untilAborted } from './error.js'
import { chunksOf, forEach } from './sources.js'
import { bytesOf } from './text.js'

const MARK = '#'

/**
 * `decode` and `inspect`, on this module.
 *
 * @param {import('./engine.js').Engine} engine
 */
export function decoding(engine) {
  /**
   * A file back into its rows.
   *
   * @param {unknown} file
   * @param {{ columns?: string[], ids?: boolean, as?: string, signal?: AbortSignal }} [options]
   */
  async function decode(file, { columns, ids = false, as = 'rows', signal } = {}) {
    if (as !== 'rows' && as !== 'ndjson') throw new ColdpressError('Settings', `as is ${JSON.stringify(as)}; choose "rows" or "ndjson"`)
    if (columns !== undefined && !(Array.isArray(columns) && columns.every(name => typeof name === 'string'))) {
      throw new ColdpressError('Settings', 'columns is an array of field names')
    }
    stopIfAborted(signal)
    const bytes = await wholeOf(file, signal)
    stopIfAborted(signal)
    const rows = []
    await engine.run(raw => raw.decode(bytes, columns, ids, as === 'ndjson', (text, marked) => {
      if (as === 'ndjson') return rows.push(text)
      for (const row of JSON.parse(text)) rows.push(marked ? unmarked(row) : row)
    }))
    return as === 'ndjson' ? rows.join('') : rows
  }

  /**
   * What a file is made of.
   */
  async function inspect(file) {
    const bytes = await wholeOf(file)
    const report = JSON.parse(await engine.run(raw => raw.inspect(bytes)))
    return { ...report, schema: JSON.parse(report.schema) }
  }

  return { decode, inspect }
}

/**
 * All bytes of a file, whatever it is in.
 *
 * @param {any} file
 * @param {AbortSignal} [signal]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function wholeOf(file, signal) {
  if (file instanceof ArrayBuffer || ArrayBuffer.isView(file)) return bytesOf(file)
  if (file?.bytes instanceof Uint8Array) return file.bytes
  if (typeof Response === 'function' && file instanceof Response && !file.ok) {
    throw new ColdpressError('Unavailable', `${file.url || 'the response'} answers ${file.status} ${file.statusText}`.trimEnd())
  }
  if (typeof file?.arrayBuffer === 'function') {
    return new Uint8Array(await untilAborted(signal, file.arrayBuffer()))
  }
  if (typeof file?.getReader === 'function') {
    /** @type {Uint8Array<any>[]} */
    const chunks = []
    await forEach(chunksOf(file), signal, (chunk) => chunks.push(bytesOf(chunk)))
    return new Uint8Array(await new Blob(chunks).arrayBuffer())
  }
  throw misuse('a file comes as a Uint8Array, ArrayBuffer, Blob, Response or ReadableStream of bytes')
}

/** Takes the marks off that `host-wasm/src/decode/exact.rs` put on. */
function unmarked(value) {
  if (typeof value === 'string') {
    if (value[0] !== MARK) return value
    return value[1] === MARK ? value.slice(1) : BigInt(value.slice(1))
  }
  if (Array.isArray(value)) return value.map(unmarked)
  if (value === null || typeof value !== 'object') return value
  for (const name of Object.keys(value)) {
    const plain = unmarked(value[name])
    // Assigning to `__proto__` would set the prototype.
    if (plain !== value[name]) Object.defineProperty(value, name, { value: plain, enumerable: true, configurable: true, writable: true })
  }
  return value
}
