import type {
  CheckedRow, EncodedFile, EncodeOptions, LsnRange, ModuleSource, ParsedKey, Policy, Rows, Schema,
  StrictOptions, Target, U64,
} from './types.js'
import type { CorsRule, RetryOptions, UploadResult } from './upload.js'

export type * from './types.js'

/**
 * Loads the WebAssembly module. The other functions load it themselves, so this call is optional.
 * Use it to load the module early, or to say where it is.
 */
export function init(source?: ModuleSource, options?: { brotli?: ModuleSource }): Promise<void>

/**
 * Encodes rows as one Parquet file.
 *
 * ```js
 * const rows = [{ city: 'Oslo', temp: 3.5 }, { city: 'Rome', temp: 14 }]
 * const file = await encode(rows, { collection: 'weather' })
 * file.key   // '0/weather/lsn-0-1.parquet'
 * file.bytes // a Uint8Array: the file
 * ```
 */
export function encode<const S extends Schema = Schema, const P extends Policy = 'rescue'>(
  rows: Rows<CheckedRow<NoInfer<S>, NoInfer<P>>>,
  options?: EncodeOptions<S> & { policy?: P },
): Promise<EncodedFile>

/**
 * Encodes rows as one Parquet file, piece by piece. Slices of JSON text may be cut anywhere.
 *
 * With `schema` and `policy: 'strict'` the compiler checks the rows, as with `encode`. After an
 * error the encoder takes nothing more, and makes no file.
 */
export class Encoder<const S extends Schema = Schema> {
  constructor(options: StrictOptions<S>)
  constructor(options?: EncodeOptions)
  /** Takes rows, or a slice of JSON text. */
  push(rows: Rows<CheckedRow<S, 'strict'>>): Promise<void>
  /** Rows taken so far. The end of a JSON text may still wait for the next slice. */
  readonly rows: number
  /** Chooses the columns and makes the file. */
  finish(): Promise<EncodedFile>
  /** Frees the memory. Not needed after `finish` or an error. */
  dispose(): void
  [Symbol.dispose](): void
}

/** Builds the object key of a data file. */
export function objectKey(
  target: Omit<Target, 'lsns'> & { lsns: { min: U64; max: U64 } },
): Promise<string>

/** Reads a key: the exact inverse of `objectKey`. */
export function parseObjectKey(key: string, options?: { prefix?: string }): Promise<ParsedKey>

/** The codes of errors. Programs compare the code; people read the message. */
export type ErrorCode =
  /** The options do not allow a row. `row`, `id`, `line` and `column` say which one, and where. */
  | 'Row'
  /** An option or a schema is not valid. */
  | 'Settings'
  /** A key cannot hold this tenant, collection, prefix or LSN. */
  | 'Key'
  /** The bytes are no Coldpress file, or they are damaged. */
  | 'Corrupt'
  /** Something is larger than a limit allows. */
  | 'Limit'
  /** The calling code is wrong. */
  | 'Misuse'
  /** The store, the grant server or the module could not be reached. A retry may help. */
  | 'Unavailable'
  /** The store or the grant server refused the credentials or the grant. */
  | 'Denied'
  /** Something does not exist: no grant server at the address, or no such multipart upload. */
  | 'NotFound'
  /** There is other content at the key. */
  | 'Conflict'
  /** The grant has expired. */
  | 'Expired'
  /** A CORS rule is missing: the browser keeps the answer of the server from the page. */
  | 'Cors'
  /** The signal aborted the work. */
  | 'Aborted'
  /** The storage of the browser is full. */
  | 'Quota'
  /** A bug in this package. */
  | 'Internal'

/** The error that every function of this package throws. */
export class ColdpressError extends Error {
  constructor(
    code: ErrorCode,
    message: string,
    place?: { row?: number; id?: string; line?: number; column?: string; cause?: unknown },
  )
  readonly name: 'ColdpressError'
  readonly code: ErrorCode
  /** The number of the row, from 0, over all rows that were pushed. */
  readonly row?: number
  /** The id of the row. */
  readonly id?: string
  /** The line of the JSON text, from 1. */
  readonly line?: number
  /**
   * The path of the value, such as `order.items[3].price`. A path of more than 20 steps is
   * shortened in the middle: `a.b.c.d.e … v.w.x.y.z`.
   */
  readonly column?: string
  /** With `Conflict`: the key, if the store was seen to hold other content there. */
  readonly key?: string
  /** With `Cors`: the rule that the bucket lacks. */
  readonly rule?: CorsRule
  /** With `Unavailable`: how long the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number
  /** After a failed `upload`: the LSNs of its rows, if they were already chosen. */
  readonly lsns?: LsnRange
  /**
   * Repeats the failed `upload`: the same bytes, LSNs and tenant, with new grants. All attempts
   * together store at most one object. Errors of the repeated upload have `retry` too. Present
   * together with `lsns`.
   */
  readonly retry?: (options?: RetryOptions) => Promise<UploadResult>
}
