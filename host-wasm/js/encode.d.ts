import type { EncodedFile, EncodeOptions, ModuleSource, ParsedKey, Rows, RowOf, Schema, StrictOptions, Target } from './types.js'

export type * from './types.js'

/**
 * Loads the WebAssembly. Nobody has to call it: everything else does, and finds the module by itself. Call it to load early, or
 * to say where the module is.
 */
export function init(source?: ModuleSource, options?: { brotli?: ModuleSource }): Promise<void>

/**
 * Rows into one Parquet file.
 *
 * ```js
 * const file = await encode([{ city: 'Oslo', temp: 3.5 }, { city: 'Rome', temp: 14 }], { collection: 'weather' })
 * file.key   // '0/weather/lsn-0-1.parquet'
 * file.bytes // a Uint8Array: the file
 * ```
 */
export function encode<const S extends Schema>(rows: Rows<RowOf<NoInfer<S>>>, options: StrictOptions<S>): Promise<EncodedFile>
export function encode(rows: Rows, options?: EncodeOptions & { policy?: 'rescue' }): Promise<EncodedFile>

/**
 * Rows into one Parquet file, as they come. JSON text may be pushed in slices, cut anywhere.
 *
 * After an error it takes nothing more, and no file comes of it.
 */
export class Encoder<R extends object = object> {
  constructor(options?: EncodeOptions)
  /** Takes rows, or a slice of JSON text. */
  push(rows: Rows<R>): Promise<void>
  /** Rows taken so far; of JSON text, the last ones may still wait for more of it. */
  readonly rows: number
  /** Chooses the columns and makes the file. */
  finish(): Promise<EncodedFile>
  /** Gives the memory back. Not needed after `finish` or an error. */
  dispose(): void
  [Symbol.dispose](): void
}

/** The key of the object that a file of these rows is. */
export function objectKey(target: Target & { lsns: NonNullable<Target['lsns']> }): Promise<string>

/** What a key says: the exact inverse of `objectKey`. */
export function parseObjectKey(key: string, options?: { prefix?: string }): Promise<ParsedKey>

/** The kinds of errors; match on these, show the message. */
export type ErrorCode =
  /** A row is not one the options allow: `row`, `id`, `line` and `column` say where. */
  | 'Row'
  /** An option or a schema is not valid. */
  | 'Settings'
  /** A tenant, collection, prefix or LSN cannot be in a key. */
  | 'Key'
  /** Bytes are no Coldpress file, or are damaged. */
  | 'Corrupt'
  /** Something is larger than a stated limit. */
  | 'Limit'
  /** The calling code is wrong. */
  | 'Misuse'
  /** Something could not be reached; trying again may help. */
  | 'Unavailable'
  /** Credentials or a grant were refused. */
  | 'Denied'
  /** The key holds other content. */
  | 'Conflict'
  /** A grant's time is over. */
  | 'Expired'
  /** The store's CORS rules keep the answer from the page. */
  | 'Cors'
  /** The signal aborted the work. */
  | 'Aborted'
  /** The browser's storage is full. */
  | 'Quota'
  /** A bug of ours. */
  | 'Internal'

/** What everything here fails with. */
export class ColdpressError extends Error {
  constructor(code: ErrorCode, message: string, place?: { row?: number; id?: string; line?: number; column?: string; cause?: unknown })
  readonly name: 'ColdpressError'
  readonly code: ErrorCode
  /** The row, counted from 0 over all that was pushed. */
  readonly row?: number
  readonly id?: string
  /** The line of the JSON text, counted from 1. */
  readonly line?: number
  /** The path of the value, such as `order.items[3].price`. */
  readonly column?: string
}
