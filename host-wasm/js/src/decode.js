import { makeDates } from './dates.js'
import { ColdpressError, misuse, stopIfAborted, untilAborted } from './error.js'
import { unmarked } from './marks.js'
import { checkSignal } from './settings.js'
import { chunksOf, forEach } from './sources.js'
import { bytesOf } from './text.js'

/**
 * Makes `decode` and `inspect`.
 *
 * @param {import('./engine.js').Engine} engine
 */
export function decoding(engine) {
  /**
   * Decodes a file into its rows.
   *
   * @param {unknown} file
   * @param {{ columns?: string[], ids?: boolean, as?: string, dates?: boolean, signal?:
   *   AbortSignal }} [options]
   */
  async function decode(file, options = {}) {
    const { columns, ids = false, as = 'rows', dates = false, signal } = options
    if (as !== 'rows' && as !== 'ndjson') {
      const what = `as is ${JSON.stringify(as)}; choose "rows" or "ndjson"`
      throw new ColdpressError('Settings', what)
    }
    if (typeof dates !== 'boolean' || (dates && as === 'ndjson')) {
      const what = 'dates must be true or false, and text has no Dates; leave it out with "ndjson"'
      throw new ColdpressError('Settings', what)
    }
    const areNames = Array.isArray(columns) && columns.every(name => typeof name === 'string')
    if (columns !== undefined && !areNames) {
      throw new ColdpressError('Settings', 'columns must be an array of field names')
    }
    checkSignal(signal)
    stopIfAborted(signal)
    const bytes = await wholeOf(file, signal)
    stopIfAborted(signal)
    const rows = []
    const schema = await engine.run(raw => raw.decode(bytes, columns, ids, as === 'ndjson', (text, marked) => {
      if (as === 'ndjson') return rows.push(text)
      for (const row of JSON.parse(text)) rows.push(marked ? unmarked(row) : row)
    }))
    if (dates) makeDates(rows, JSON.parse(schema).columns)
    return as === 'ndjson' ? rows.join('') : rows
  }

  /** Reads the metadata of a file: its row groups, columns and sizes. */
  async function inspect(file) {
    const bytes = await wholeOf(file)
    const report = JSON.parse(await engine.run(raw => raw.inspect(bytes)))
    return { ...report, schema: JSON.parse(report.schema) }
  }

  return { decode, inspect }
}

/**
 * All bytes of a file, in whatever form it comes.
 *
 * @param {any} file
 * @param {AbortSignal} [signal]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function wholeOf(file, signal) {
  if (file instanceof ArrayBuffer || ArrayBuffer.isView(file)) return bytesOf(file)
  if (file?.bytes instanceof Uint8Array) return file.bytes
  if (typeof Response === 'function' && file instanceof Response && !file.ok) {
    const what = `${file.url || 'the server'} answered ${file.status} ${file.statusText}`
    throw new ColdpressError('Unavailable', what.trimEnd())
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
  throw misuse('this is no file; pass a Uint8Array, an ArrayBuffer, a Blob, a Response, a '
    + 'ReadableStream of bytes, or what encode returned')
}
