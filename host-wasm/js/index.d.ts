import type {
  DatedRow, DatedRowOf, DecodedRowOf, DecodeOptions, FileReport, FileSource, Row, Schema,
} from './types.js'

export * from './encode.js'
export * from './upload.js'

/**
 * Decodes a file into its rows, exactly as they were encoded.
 *
 * ```js
 * await decode(await fetch('/cold/7/weather/lsn-0-1.parquet'), { columns: ['city'] })
 * // [{ city: 'Oslo' }, { city: 'Rome' }]
 * ```
 */
export function decode(
  file: FileSource,
  options: DecodeOptions & { as: 'ndjson'; dates?: false },
): Promise<string>
export function decode(
  file: FileSource,
  options?: DecodeOptions & { as?: 'rows'; dates?: false },
): Promise<Row[]>
export function decode(
  file: FileSource,
  options: DecodeOptions & { as?: 'rows'; dates: true },
): Promise<DatedRow[]>
export function decode<S extends Schema>(
  file: FileSource,
  options?: DecodeOptions & { as?: 'rows'; dates?: false },
): Promise<DecodedRowOf<S>[]>
export function decode<S extends Schema>(
  file: FileSource,
  options: DecodeOptions & { as?: 'rows'; dates: true },
): Promise<DatedRowOf<S>[]>

/**
 * Reads the metadata of a file: row groups, columns, encodings, codecs and sizes. It also counts the
 * rescued values.
 */
export function inspect(file: FileSource): Promise<FileReport>
