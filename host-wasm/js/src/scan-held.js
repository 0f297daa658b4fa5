// Keeps the ends of a file, which every scan reads again: its head, if that came first, and its
// tail with footer and indexes.

/** @import { Piece } from './scan-http.js' */

/** The most bytes of a tail that are kept. */
const TAIL_BYTES_MAX = 16 << 20
const NOTHING = new Uint8Array(0)

/**
 * @typedef {{ name: string, place?: { prefix: string, key: string }, bytes: number | undefined,
 *   range(start: number, end: number, signal: AbortSignal): Promise<Piece> }} Source
 */

export class HeldEnds {
  /**
   * From the first byte on.
   *
   * @type {{ start: number, bytes: Uint8Array<ArrayBuffer> } | undefined}
   */
  #head
  /** @type {{ start: number, bytes: Uint8Array<ArrayBuffer> } | undefined} */
  #tail
  #source
  #count
  /** How many bytes at the end hold footer and indexes, as far as scans have found out. */
  tailBytes = 0

  /**
   * @param {Source} source
   * @param {import('./scan-count.js').ScanCount} count
   */
  constructor(source, count) {
    this.#source = source
    this.#count = count
  }

  /**
   * How long the file is. If nobody has said it, the first bytes are asked for, and kept.
   *
   * @param {number} headBytes
   * @param {AbortSignal} signal
   * @returns {Promise<number>}
   */
  async size(headBytes, signal) {
    if (this.#source.bytes === undefined) this.#head = await this.#fetch(0, headBytes, signal)
    return /** @type {number} */ (this.#source.bytes)
  }

  /**
   * The bytes of a range.
   *
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal} signal
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  async read(start, end, signal) {
    const held = partOf(this.#head, start, end) ?? partOf(this.#tail, start, end)
    if (held) return held
    // Of a range that reaches into head or tail, only what lies between them is lacking.
    const [head, tail] = [this.#head, this.#tail]
    const to = tail && end > tail.start ? Math.max(tail.start, start) : end
    const from = head && start < head.bytes.length ? Math.min(head.bytes.length, to) : start
    const front = partOf(head, start, from) ?? NOTHING
    const back = partOf(tail, to, end) ?? NOTHING
    if (from === to) return joined(front, back)
    const piece = await this.#fetch(from, to, signal)
    this.#keep(piece)
    return joined(front, partOf(piece, from, to) ?? NOTHING, back)
  }

  /**
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal} signal
   */
  async #fetch(start, end, signal) {
    const piece = await this.#source.range(start, end, signal)
    this.#count.fetched(piece.start, piece.start + piece.bytes.length)
    return piece
  }

  /**
   * Keeps a piece that ends where the tail begins, or the file.
   *
   * @param {Piece} piece
   */
  #keep({ start, bytes }) {
    const size = /** @type {number} */ (this.#source.bytes)
    const tail = this.#tail
    const end = start + bytes.length
    if (start === 0 && end === size && end <= TAIL_BYTES_MAX) this.#head = { start, bytes }
    if (end !== (tail?.start ?? size)) return
    if (bytes.length + (tail?.bytes.length ?? 0) > TAIL_BYTES_MAX) return
    // Rows that lie before the tail are not kept: nobody may read them again.
    if (tail && start < size - this.tailBytes) return
    this.#tail = { start, bytes: tail ? joined(bytes, tail.bytes) : bytes }
  }
}

/**
 * @param {{ start: number, bytes: Uint8Array<ArrayBuffer> } | undefined} piece
 * @param {number} start
 * @param {number} end
 */
function partOf(piece, start, end) {
  if (!piece || start < piece.start || end > piece.start + piece.bytes.length) return undefined
  return piece.bytes.subarray(start - piece.start, end - piece.start)
}

/** @param {Uint8Array<ArrayBuffer>[]} pieces */
function joined(...pieces) {
  const some = pieces.filter((piece) => piece.length > 0)
  if (some.length === 1) return some[0]
  const all = new Uint8Array(some.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of some) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}
