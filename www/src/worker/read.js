/** Reads a Parquet file that the reader opened: its metadata, and its rows as text. */
import { decode } from '../package.js'
import { report } from './press.js'
import { byteStream, unreadable } from './source.js'

/**
 * @param {{name: string, blob: Blob, gzip: boolean}} opened
 * @returns {Promise<{bytes: Uint8Array, result: object}>} result: in the form of the call `press`
 */
export async function readFile(opened) {
  const started = performance.now()
  const whole = await new Response(byteStream(opened)).arrayBuffer().catch(unreadable)
  const bytes = new Uint8Array(whole)
  const found = await report(bytes)
  return {
    bytes,
    result: {
      kind: 'read',
      name: opened.name,
      rows: found.rows,
      bytes: bytes.length,
      rawBytes: found.columns.reduce((sum, column) => sum + column.rawBytes, 0),
      sha256: await sha256(bytes),
      rescued: [],
      wallMs: performance.now() - started,
      report: found
    }
  }
}

/** @param {Uint8Array} bytes */
export async function ndjson(bytes) {
  return new Blob([await decode(bytes, { as: 'ndjson' })], { type: 'application/x-ndjson' })
}

// A page that came over plain HTTP has no `subtle`, unless it comes from this machine.
async function sha256(bytes) {
  if (!crypto.subtle) return undefined
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}
