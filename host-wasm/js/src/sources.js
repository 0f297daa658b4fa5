import { ColdpressError, misuse, untilAborted } from './error.js'
import { kindOf } from './values.js'

const WHAT = 'pass an array, an iterable or an async iterable of objects, or JSON text in a '
  + 'string, Uint8Array, ArrayBuffer, Blob, Response or ReadableStream'

/**
 * The caller's rows in one of three forms: a text, an iterable, or an async iterable.
 *
 * @param {any} rows
 * @returns {{ text: string | ArrayBuffer | ArrayBufferView } | { sync: Iterable<any> } | { async:
 *   AsyncIterable<any> }}
 */
export function sourceOf(rows) {
  if (isJsonText(rows)) return { text: rows }
  const isObject = rows !== null && typeof rows === 'object'
  if (!isObject) throw misuse(`${kindOf(rows)} holds no rows: ${WHAT}`)
  if (typeof Response === 'function' && rows instanceof Response) return { async: bodyOf(rows) }
  if (typeof Blob === 'function' && rows instanceof Blob) return { async: chunksOf(rows.stream()) }
  if (typeof rows.getReader === 'function') return { async: chunksOf(rows) }
  if (typeof rows[Symbol.asyncIterator] === 'function') return { async: rows }
  if (typeof rows[Symbol.iterator] === 'function') return { sync: rows }
  throw misuse(`an object that is not iterable holds no rows (put one row into an array): ${WHAT}`)
}

/**
 * Whether a chunk is JSON text. Otherwise it is a row.
 *
 * @param {any} chunk
 */
export const isJsonText = chunk =>
  typeof chunk === 'string' || chunk instanceof Uint8Array || chunk instanceof ArrayBuffer

/**
 * Reads an async iterable, and passes each piece to `take`. An abort ends it at once, even if the
 * next piece never comes.
 *
 * @template T
 * @param {AsyncIterable<T>} iterable
 * @param {AbortSignal | null | undefined} signal
 * @param {(piece: T) => any} take may return a promise, which is awaited
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
        await close().catch(() => {})
        throw error
      }
    }
  }
  try {
    await untilAborted(signal, reading())
  } catch (error) {
    if (signal?.aborted) abandon(iterable, close())
    throw error
  } finally {
    isOver = true
  }
}

/**
 * Leaves an iterable that still owes a piece. The piece may never come, so nobody waits for it.
 *
 * @param {any} iterable
 * @param {Promise<unknown>} closing
 */
function abandon(iterable, closing) {
  closing.catch(() => {})
  // A stream of Node would notice only at its next piece, so it is destroyed.
  if (typeof iterable.pipe === 'function') iterable.destroy?.()
}

/**
 * The chunks of a stream. If the reading ends early, the stream is cancelled.
 *
 * @template T
 * @param {ReadableStream<T>} stream
 * @returns {AsyncIterableIterator<T>}
 */
export function chunksOf(stream) {
  if (stream.locked) {
    throw misuse('the stream is locked: another reader has it; pass a stream that nobody reads')
  }
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
  if (!response.ok) {
    const { url, status, statusText } = response
    const what = `${url || 'the server'} answered ${status} ${statusText}`
    throw new ColdpressError('Unavailable', what.trimEnd())
  }
  if (response.bodyUsed) {
    throw misuse('the body of the response has been read already; pass a response that nobody read')
  }
  return response.body ? chunksOf(response.body) : chunksOf(new Blob([]).stream())
}
