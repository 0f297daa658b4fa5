/** Decodes the file, and compares every row with the JSON text that it came from. */
import { decode } from '../package.js'
import { difference, parseExact } from './compare.js'
import { jsonRows } from './json-rows.js'
import { textOf } from './source.js'

/**
 * @param {Uint8Array} bytes
 * @param {{name: string, blob: Blob, gzip: boolean}} opened
 * @param {{nullsCount?: boolean, signal?: AbortSignal, onProgress?: (rows: number) => void}} run
 */
export async function verify(bytes, opened, { nullsCount, signal, onProgress }) {
  const rows = await readRows(bytes)
  let number = 0
  let found
  for await (const { text, line } of jsonRows(textOf(opened, signal))) {
    const was = parseExact(text)
    const is = rows[number]
    const differs = is === undefined ? { path: '', was, is } : difference(was, is, { nullsCount })
    if (differs) {
      found = { row: number, line, ...differs }
      break
    }
    number++
    if (number % 5000 === 0) onProgress?.(number)
  }
  if (!found && number !== rows.length) {
    found = { row: number, path: '', was: undefined, is: rows[number] }
  }
  return { rows, checked: number, found }
}

/**
 * All rows of a file. If a row holds a number that JavaScript would round, `decode` returns no
 * objects; then the rows are decoded as text.
 *
 * @param {Uint8Array} bytes
 */
export async function readRows(bytes) {
  try {
    return await decode(bytes)
  } catch (error) {
    if (error.code !== 'Limit') throw error
    const text = await decode(bytes, { as: 'ndjson' })
    const rows = []
    for await (const row of jsonRows([text])) rows.push(parseExact(row.text))
    return rows
  }
}
