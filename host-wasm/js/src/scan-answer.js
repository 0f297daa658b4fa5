// One answer to a request for a range: what it says, and its bytes, of which no more are read than
// were asked for.

import { ColdpressError } from './error.js'

/**
 * The most bytes of a whole file that are taken from a server that does not know ranges.
 */
export const WHOLE_BYTES_MAX = 1 << 20
// Every error of a store is shorter. Of a longer body, only the beginning is read.
const ERROR_BYTES_MAX = 64 << 10

const CONTENT_RANGE = /^bytes (?:(\d{1,16})-(\d{1,16})|\*)\/(\d{1,16}|\*)$/i

/**
 * What `Content-Range` says.
 *
 * @param {Response} response
 * @returns {{ start?: number, end?: number, total?: number } | undefined} undefined if there is
 *   none, or the page may not see it; an error if it makes no sense
 */
export function contentRange(response) {
  const text = response.headers.get('content-range')
  if (text === null) return undefined
  const match = CONTENT_RANGE.exec(text.trim())
  const [start, last, total] = (match ?? []).slice(1).map((digits) => {
    return digits === undefined || digits === '*' ? undefined : Number(digits)
  })
  const isRange = start === undefined || (last !== undefined && start <= last)
  if (match === null || !isRange) {
    const shown = JSON.stringify(text.slice(0, 80))
    throw wrong(`it answered with the Content-Range ${shown}, which is none`)
  }
  return { start, end: last === undefined ? undefined : last + 1, total }
}

/**
 * The body, but no more than `bytesMax` bytes and one: a body with more is too long, and its rest
 * is not read.
 *
 * @param {Response} response
 * @param {number} bytesMax
 * @param {(bytes: number) => void} [onBytes] called with each piece that arrives
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function bodyOf(response, bytesMax, onBytes = () => {}) {
  const pieces = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader && length <= bytesMax) {
    const { done, value } = await reader.read()
    if (done) break
    onBytes(value.length)
    pieces.push(value)
    length += value.length
  }
  if (length > bytesMax) reader?.cancel().catch(() => {})
  const body = new Uint8Array(Math.min(length, bytesMax + 1))
  let at = 0
  for (const piece of pieces) {
    body.set(piece.subarray(0, body.length - at), at)
    at += piece.length
  }
  return body
}

/**
 * The beginning of the body of an error.
 *
 * @param {Response} response
 */
export async function errorBodyOf(response) {
  return (await bodyOf(response, ERROR_BYTES_MAX)).subarray(0, ERROR_BYTES_MAX)
}

/** @param {string} what */
export const wrong = (what) => new ColdpressError('Unavailable', what)

/** @param {string} what */
export function changed(what) {
  const message = `the file changed while it was read: ${what}; open it again`
  return new ColdpressError('Conflict', message)
}
