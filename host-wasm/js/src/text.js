import { ColdpressError } from './error.js'
import { isWellFormed } from './values.js'

/** The size of the slices that go into the module. Small slices keep its memory small. */
const SLICE_BYTES = 1 << 18

const encoder = new TextEncoder()

/**
 * Cuts JSON text into slices for the module. The text comes as strings or bytes, cut anywhere.
 */
export class TextFeed {
  #buffer = new Uint8Array(0)
  /** The first half of a surrogate pair whose second half comes with the next string. */
  #half = ''

  /** Ends the text. */
  end() {
    if (this.#half) throw halfPair()
  }

  /**
   * The chunk as UTF-8, in slices. A slice is valid until the next one is taken.
   *
   * @param {string | ArrayBuffer | ArrayBufferView} chunk
   * @returns {Generator<Uint8Array>}
   */
  * slices(chunk) {
    if (typeof chunk === 'string') return yield* this.#string(this.#half + chunk)
    if (this.#half) throw halfPair()
    const bytes = bytesOf(chunk)
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      yield bytes.subarray(at, at + SLICE_BYTES)
    }
  }

  * #string(text) {
    this.#half = ''
    if (text !== '' && isHigh(text, text.length)) {
      this.#half = text.at(-1)
      text = text.slice(0, -1)
    }
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(SLICE_BYTES * 3)
    for (let at = 0; at < text.length;) {
      let end = Math.min(at + SLICE_BYTES, text.length)
      if (isHigh(text, end)) end -= 1
      const slice = text.slice(at, end)
      const { written } = encoder.encodeInto(slice, this.#buffer)
      if (written !== slice.length && !isWellFormed(slice)) throw halfPair()
      yield this.#buffer.subarray(0, written)
      at = end
    }
  }
}

/**
 * @param {ArrayBuffer | ArrayBufferView} chunk
 * @returns {Uint8Array<any>}
 */
export function bytesOf(chunk) {
  if (chunk instanceof Uint8Array) return chunk
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  }
  return new Uint8Array(chunk)
}

const isHigh = (text, end) => (text.charCodeAt(end - 1) & 0xfc00) === 0xd800

function halfPair() {
  const what = 'the JSON text holds half a surrogate pair, which is no character'
  return new ColdpressError('Row', `${what}; repair it with toWellFormed()`)
}
