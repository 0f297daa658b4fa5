import { ColdpressError, misuse } from './error.js'

const WHAT = 'rows come as an array, an iterable or an async iterable of objects, or as JSON text in a string, Uint8Array, ArrayBuffer, Blob, Response or ReadableStream'

/**
 * What rows may come in, in the two forms that are worked on: one piece of text, or many pieces of anything.
 *
 * @param {any} rows
 * @returns {{ text: string | ArrayBuffer | ArrayBufferView } | { sync: Iterable<any> } | { async: AsyncIterable<any>, whole: boolean }}
 */
export function sourceOf(rows) {
  if (isText(rows)) return { text: rows }
  if (rows === null || typeof rows !== 'object') throw misuse(`${rows === null ? 'null' : `a ${typeof rows}`} holds no rows; ${WHAT}`)
  if (typeof Response === 'function' && rows instanceof Response) return { async: bodyOf(rows), whole: true }
  if (typeof Blob === 'function' && rows instanceof Blob) return { async: chunksOf(rows.stream()), whole: true }
  if (typeof rows.getReader === 'function') return { async: chunksOf(rows), whole: true }
  if (typeof rows[Symbol.asyncIterator] === 'function') return { async: rows, whole: true }
  if (typeof rows[Symbol.iterator] === 'function') return { sync: rows }
  throw misuse(`an object that is not iterable holds no rows (put one row into an array); ${WHAT}`)
}

/**
 * Whether a chunk is JSON text, or a row.
 *
 * @param {any} chunk
 */
export const isText = chunk =>
  typeof chunk === 'string' || chunk instanceof Uint8Array || chunk instanceof ArrayBuffer

/**
 * The chunks of a stream, which is cancelled where the reading ends early.
 *
 * @template T
 * @param {ReadableStream<T>} stream
 * @returns {AsyncGenerator<T>}
 */
export async function* chunksOf(stream) {
  if (stream.locked) throw misuse('the stream is locked: somebody else reads it, or has read it')
  const reader = stream.getReader()
  let ended = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      yield value
    }
    ended = true
  } catch (cause) {
    ended = true
    throw cause
  } finally {
    if (!ended) await reader.cancel().catch(() => {})
    reader.releaseLock()
  }
}

function bodyOf(response) {
  if (!response.ok) throw new ColdpressError('Unavailable', `${response.url || 'the response'} answers ${response.status} ${response.statusText}`.trimEnd())
  if (response.bodyUsed) throw misuse('the body of the response has been read already')
  return response.body ? chunksOf(response.body) : chunksOf(new Blob([]).stream())
}
