import { ColdpressError, misuse, untilAborted } from './error.js'
import { kindOf } from './values.js'

const WHAT = 'pass an array, an iterable or an async iterable of objects, or JSON text in a string, '
  + 'Uint8Array, ArrayBuffer, Blob, Response or ReadableStream'

/**
 * What rows may come in, in the two forms that are worked on: one piece of text, or many pieces of anything.
 *
 * @param {any} rows
 * @returns {{ text: string | ArrayBuffer | ArrayBufferView } | { sync: Iterable<any> } | { async: AsyncIterable<any>, whole: boolean }}
 */
export function sourceOf(rows) {
  if (isText(rows)) return { text: rows }
  if (rows === null || typeof rows !== 'object') throw misuse(`${kindOf(rows)} holds no rows: ${WHAT}`)
  if (typeof Response === 'function' && rows instanceof Response) return { async: bodyOf(rows), whole: true }
  if (typeof Blob === 'function' && rows instanceof Blob) return { async: chunksOf(rows.stream()), whole: true }
  if (typeof rows.getReader === 'function') return { async: chunksOf(rows), whole: true }
  if (typeof rows[Symbol.asyncIterator] === 'function') return { async: rows, whole: true }
  if (typeof rows[Symbol.iterator] === 'function') return { sync: rows }
  throw misuse(`an object that is not iterable holds no rows (put one row into an array): ${WHAT}`)
}

/**
 * Whether a chunk is JSON text, or a row.
 *
 * @param {any} chunk
 */
export const isText = chunk =>
  typeof chunk === 'string' || chunk instanceof Uint8Array || chunk instanceof ArrayBuffer

/**
 * Hands over what an async iterable gives, piece by piece. Where the signal is aborted it ends at once, though
 * the iterable may never give anything.
 *
 * @template T
 * @param {AsyncIterable<T>} iterable
 * @param {AbortSignal | undefined} signal
 * @param {(piece: T) => any} take what it gives is waited for
 */
export async function forEach(iterable, signal, take) {
  const iterator = iterable[Symbol.asyncIterator]()
  let isOver = false
  const close = async () => iterator.return?.()
  const reading = async () => {
    for (;;) {
      const { done, value } = await iterator.next()
      if (done || isOver) return
      try {
        const pause = take(value)
        if (pause) await pause
      } catch (error) {
        await close()
        throw error
      }
    }
  }
  try {
    await untilAborted(signal, reading())
  } catch (error) {
    // What is asked for and never comes must not keep anybody waiting.
    if (signal?.aborted) close().catch(() => {})
    throw error
  } finally {
    isOver = true
  }
}

/**
 * The chunks of a stream, which is cancelled where the reading ends early.
 *
 * @template T
 * @param {ReadableStream<T>} stream
 * @returns {AsyncIterableIterator<T>}
 */
export function chunksOf(stream) {
  if (stream.locked) throw misuse('the stream is locked: somebody else reads it, or has read it')
  const reader = stream.getReader()
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      let result
      try {
        result = await reader.read()
      } finally {
        if (result?.done !== false) reader.releaseLock()
      }
      return /** @type {IteratorResult<T>} */ (result)
    },
    async return() {
      await reader.cancel().catch(() => {})
      reader.releaseLock()
      return { done: true, value: undefined }
    },
  }
}

function bodyOf(response) {
  if (!response.ok) throw new ColdpressError('Unavailable', `${response.url || 'the response'} answers ${response.status} ${response.statusText}`.trimEnd())
  if (response.bodyUsed) throw misuse('the body of the response has been read already')
  return response.body ? chunksOf(response.body) : chunksOf(new Blob([]).stream())
}
