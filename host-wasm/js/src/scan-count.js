// What reading a file, or many, has cost.

export class ScanCount {
  /** HTTP requests that were sent, or slices that were read. */
  requests = 0
  /** Bytes that arrived. */
  bytesMoved = 0
  /** @type {{ start: number, end: number }[]} */
  #ranges = []

  /**
   * Notes that these bytes of the file have arrived.
   *
   * @param {number} start
   * @param {number} end
   */
  fetched(start, end) {
    const apart = (/** @type {{ start: number, end: number }} */ range) =>
      range.end < start || range.start > end
    const touching = this.#ranges.filter((range) => !apart(range))
    const joined = {
      start: Math.min(start, ...touching.map((range) => range.start)),
      end: Math.max(end, ...touching.map((range) => range.end)),
    }
    this.#ranges = [...this.#ranges.filter(apart), joined].sort((a, b) => a.start - b.start)
  }

  /** The ranges that have arrived, in order, without those that touch. */
  get ranges() {
    return this.#ranges.map((range) => ({ ...range }))
  }
}
