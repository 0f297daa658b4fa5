import { sha256Hex } from './sha256.js'

/**
 * A finished Parquet file, not yet stored.
 */
export class EncodedFile {
  /** @type {Promise<string> | undefined} */
  #sha256

  constructor(told) {
    const { bytes, key, rows, columns, rescued, warnings, schema } = told
    /** The whole file. @type {Uint8Array<ArrayBuffer>} */
    this.bytes = bytes
    /** Its object key in the store. @type {string} */
    this.key = key
    /** @type {number} */
    this.rows = rows
    /** The number of top-level columns, with `_id` and `_rescued_data`. @type {number} */
    this.columns = columns
    /**
     * The paths of values that are in `_rescued_data`. `otherForm` of them are in their column
     * too, in the column's form.
     *
     * @type {{ path: string, count: number, otherForm: number }[]}
     */
    this.rescued = rescued
    /** Rows whose id an earlier row has. @type {number} */
    this.duplicateIds = told.duplicateIds
    /** Repeated keys in objects of JSON text; the last value of each was kept. @type {number} */
    this.duplicateKeys = told.duplicateKeys
    /** What engines in wide use cannot read of the schema. @type {string[]} */
    this.warnings = warnings
    this.schema = schema
  }

  /**
   * @param {any} raw the module's own file, which is freed
   */
  static take(raw) {
    const [counts, otherForms] = [raw.rescuedCounts(), raw.rescuedOtherForms()]
    const rescued = (path, at) => ({ path, count: counts[at], otherForm: otherForms[at] })
    const file = new EncodedFile({
      bytes: raw.bytes(),
      key: raw.key(),
      rows: raw.rows(),
      columns: raw.columns(),
      rescued: raw.rescuedPaths().map(rescued),
      duplicateIds: raw.duplicateIds(),
      duplicateKeys: raw.duplicateKeys(),
      warnings: raw.warnings(),
      schema: JSON.parse(raw.schema()),
    })
    raw.free()
    return file
  }

  /** The SHA-256 of the bytes, in hex. @returns {Promise<string>} */
  sha256() {
    return sha256Hex(this.bytes)
  }

  /** What `JSON.stringify` shows: all except the bytes, and their number as `size`. */
  toJSON() {
    const { bytes, key, rows, columns, rescued, duplicateIds, duplicateKeys, warnings, schema } =
      this
    const size = bytes.length
    return {
      key, size, rows, columns, rescued, duplicateIds, duplicateKeys, warnings, schema,
    }
  }

  /** @returns {ReadableStream<Uint8Array>} */
  stream() {
    const SLICE = 1 << 16
    const { bytes } = this
    let at = 0
    return new ReadableStream({
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, at += SLICE))
        if (at >= bytes.length) controller.close()
      },
    })
  }

  /** @returns {Blob} */
  blob() {
    return new Blob([this.bytes], { type: 'application/vnd.apache.parquet' })
  }
}
