import type {
  CheckedRow, EncodedFile, EncodeOptions, LsnRange, ModuleSource, ParsedKey, Policy, Rows, Schema,
  StrictOptions, Target, U64,
} from './types.js'
import type { CorsRule, RetryOptions, UploadResult } from './upload.js'

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
export function encode<const S extends Schema = Schema, const P extends Policy = 'rescue'>(
  rows: Rows<CheckedRow<NoInfer<S>, NoInfer<P>>>,
  options?: EncodeOptions<S> & { policy?: P },
): Promise<EncodedFile>

/**
 * Rows into one Parquet file, as they come. JSON text may be pushed in slices, cut anywhere.
 *
 * With `schema` and `policy: 'strict'` the rows are checked while compiling, as `encode` does.
 * After an error it takes nothing more, and no file comes of it.
 */
export class Encoder<const S extends Schema = Schema> {
  constructor(options: StrictOptions<S>)
  constructor(options?: EncodeOptions)
  /** Takes rows, or a slice of JSON text. */
  push(rows: Rows<CheckedRow<S, 'strict'>>): Promise<void>
  /** Rows taken so far; of JSON text, the last ones may still wait for more of it. */
  readonly rows: number
  /** Chooses the columns and makes the file. */
  finish(): Promise<EncodedFile>
  /** Gives the memory back. Not needed after `finish` or an error. */
  dispose(): void
  [Symbol.dispose](): void
}

/** The key of the object that a file of these rows is. */
export function objectKey(
  target: Omit<Target, 'lsns'> & { lsns: { min: U64; max: U64 } },
): Promise<string>

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
  /** What was asked for is not there: no grant server at the address, no such multipart upload. */
  | 'NotFound'
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
  /**
   * The path of the value, such as `order.items[3].price`. Of a path of more than 20 steps the
   * first and the last ones: `a.b.c.d.e … v.w.x.y.z`.
   */
  readonly column?: string
  /** With `Conflict`: the key, where the store was seen to hold other content. */
  readonly key?: string
  /** With `Cors`: the rule that the bucket lacks. */
  readonly rule?: CorsRule
  /** With `Unavailable`: how long the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number
  /** Of an `upload`: the LSNs of its rows. Only where they were chosen before it failed. */
  readonly lsns?: LsnRange
  /**
   * Performs the same upload again: the same bytes, LSNs and tenant, with fresh grants, so that at
   * most one object comes of all tries. Its own errors have `retry` too. Only where `lsns` is there.
   */
  readonly retry?: (options?: RetryOptions) => Promise<UploadResult>
}
