import type { DecodedRowOf, DecodeOptions, FileReport, FileSource, Row, Schema } from './types.js'

export * from './encode.js'
export * from './upload.js'

/**
 * A file back into its rows, exactly as they came.
 *
 * ```js
 * await decode(await fetch('/cold/7/weather/lsn-0-1.parquet'), { columns: ['city'] })
 * // [{ city: 'Oslo' }, { city: 'Rome' }]
 * ```
 */
export function decode(file: FileSource, options: DecodeOptions & { as: 'ndjson' }): Promise<string>
export function decode(file: FileSource, options?: DecodeOptions & { as?: 'rows' }): Promise<Row[]>
export function decode<S extends Schema>(file: FileSource, options?: DecodeOptions & { as?: 'rows' }): Promise<DecodedRowOf<S>[]>

/** What a file is made of: row groups, columns, encodings, codecs and sizes. */
export function inspect(file: FileSource): Promise<FileReport>
