/** Detects the format of a source from its first bytes. Its name and type may be wrong. */

import { unreadable } from './source.js'

const BYTES = 4096
const CONVERT = "COPY (FROM 'table.csv') TO 'rows.ndjson' (FORMAT json)"

const UNPACK = 'Unpack it first. (This page unpacks only gzip.)'

/** Formats that people drop on the page, and what to do with each. */
const KNOWN = [
  { magic: 'PAR1', parquet: true },
  { magic: 'PARE', what: 'an encrypted Parquet file', todo: 'Decrypt it first.' },
  { magic: 'PK\x03\x04', what: 'a ZIP archive', todo: 'Unpack it, and choose the JSON in it.' },
  { magic: '\x28\xb5\x2f\xfd', what: 'packed with zstd', todo: UNPACK },
  { magic: 'BZh', what: 'packed with bzip2', todo: UNPACK },
  { magic: '\xfd7zXZ', what: 'packed with xz', todo: UNPACK },
  { magic: '\x1f\x8b', what: 'packed with gzip twice', todo: 'Unpack it once.' },
  { magic: 'ARROW1', what: 'an Arrow file', todo: 'Write its rows as NDJSON first.' },
  { magic: 'ORC', what: 'an ORC file', todo: 'Write its rows as NDJSON first.' },
  { magic: 'Obj\x01', what: 'an Avro file', todo: 'Write its rows as NDJSON first.' },
  { magic: 'SQLite format 3', what: 'an SQLite database', todo: 'Write its rows as NDJSON first.' },
  { magic: '%PDF', what: 'a PDF', todo: 'Coldpress takes rows as JSON.' },
  { magic: '\xff\xfe', what: 'text in UTF-16', todo: 'Save it as UTF-8.' },
  { magic: '\xfe\xff', what: 'text in UTF-16', todo: 'Save it as UTF-8.' }
]

/**
 * Reads the beginning of a source.
 *
 * @param {ReadableStream<Uint8Array>} stream its unpacked bytes; this function cancels it
 * @param {string} name for the errors
 * @returns {Promise<'json' | 'parquet'>} `json` for everything unknown: the encoder checks it
 * @throws if the format cannot be pressed; `code` is `Empty` or `Format`
 */
export async function sniff(stream, name) {
  const head = await headOf(stream)
  if (!head.length) throw wrong('Empty', `“${name}” is empty: it has no bytes.`)
  const text = Array.from(head.subarray(0, 16), byte => String.fromCharCode(byte)).join('')
  const known = KNOWN.find(({ magic }) => text.startsWith(magic))
  if (known?.parquet) return 'parquet'
  if (known) throw wrong('Format', `“${name}” is ${known.what}. ${known.todo}`)
  // JSON never has a byte zero.
  if (head.includes(0)) {
    const todo = 'Coldpress takes rows as JSON, and opens Parquet.'
    throw wrong('Format', `“${name}” is a binary file. ${todo}`)
  }
  const separator = tableOf(new TextDecoder().decode(head))
  if (separator) {
    const found = `“${name}” looks like a table with ${separator} between its fields.`
    const error = wrong('Format', `${found} Turn it into NDJSON first. DuckDB does it with:`)
    throw Object.assign(error, { command: CONVERT })
  }
  return 'json'
}

async function headOf(stream) {
  const reader = stream.getReader()
  const head = []
  while (head.length < BYTES) {
    const { done, value } = await reader.read().catch(unreadable)
    if (done) break
    head.push(...value.subarray(0, BYTES - head.length))
  }
  reader.cancel().catch(() => {})
  return new Uint8Array(head)
}

// CSV and similar formats: no bracket at the beginning, and the first two lines have the same
// number of fields.
function tableOf(text) {
  if (/^\ufeff?\s*[[{]/.test(text)) return undefined
  const [first, second] = text.split(/\r?\n/)
  for (const [separator, name] of [[',', 'commas'], ['\t', 'tabs'], [';', 'semicolons']]) {
    const fields = first.split(separator).length
    if (fields > 1 && second?.split(separator).length === fields) return name
  }
  return undefined
}

const wrong = (code, message) => Object.assign(new Error(message), { code })
