// Reads ranges of what is not HTTP: a Blob, bytes in memory, or an object with `slice`.

import { ColdpressError } from './error.js'
import { changed } from './scan-answer.js'
import { bytesOf } from './text.js'
import { kindOf } from './values.js'

/** @import { Piece } from './scan-http.js' */
/** @import { ScanCount } from './scan-count.js' */
/** @import { Slots } from './scan-slots.js' */

export class SlicedSource {
  #slice
  #count
  #slots

  /**
   * @param {{ byteLength?: number, size?: number, name?: string, slice: (start: number, end:
   *   number) => any }} object
   * @param {{ count: ScanCount, slots: Slots }} terms
   */
  constructor(object, { count, slots }) {
    /** @type {(start: number, end: number) => any} */
    this.#slice = (start, end) => object.slice(start, end)
    this.#count = count
    this.#slots = slots
    this.name = typeof object.name === 'string' && object.name !== '' ? object.name : 'the file'
    this.place = undefined
    /** @type {number} */
    this.bytes = /** @type {number} */ (object.byteLength ?? object.size)
  }

  /**
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal} signal
   * @returns {Promise<Piece>}
   */
  range(start, end, signal) {
    return this.#slots.run(signal, async () => {
      this.#count.requests += 1
      const bytes = await this.#bytes(start, end)
      this.#count.bytesMoved += bytes.length
      const wanted = end - start
      if (bytes.length === wanted) return { bytes, start, total: this.bytes }
      const what = `${this.name}: ${wanted} bytes were asked for, and slice gave ${bytes.length}`
      throw new ColdpressError('Unavailable', what)
    })
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async #bytes(start, end) {
    const part = await this.#slice(start, end)
    const isBlob = typeof part?.arrayBuffer === 'function'
    const bytes = isBlob ? await part.arrayBuffer().catch((/** @type {any} */ cause) => {
      // A file that was changed or moved after it was chosen.
      const error = changed(`the browser cannot read it any more (${cause?.message ?? cause})`)
      throw new ColdpressError(error.code, `${this.name}: ${error.message}`, { cause })
    }) : part
    if (bytes instanceof ArrayBuffer || ArrayBuffer.isView(bytes)) return bytesOf(bytes)
    const rule = 'it gives an ArrayBuffer or a Uint8Array, or a promise of one'
    const what = `slice gave ${kindOf(bytes)}; ${rule}`
    throw new ColdpressError('Misuse', `${this.name}: ${what}`)
  }
}

/**
 * @param {any} object
 * @returns {boolean}
 */
export function isSliceable(object) {
  const size = object?.byteLength ?? object?.size
  return Number.isSafeInteger(size) && size >= 0 && typeof object.slice === 'function'
}
