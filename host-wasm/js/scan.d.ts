import type {
  DatedRow, DatedRowOf, DecodedRowOf, ModuleSource, Row, RowGroupReport, Schema, U64,
} from './types.js'
import type { SignedRequest } from './upload.js'

export type * from './types.js'
export { ColdpressError, type ErrorCode } from './encode.js'

/**
 * Loads the WebAssembly module. The other functions load it themselves, so this call is optional.
 * Use it to load the module early, or to say where it is.
 * `codecs` is the module that also reads files of gzip and brotli; it is loaded if there is one.
 */
export function init(source?: ModuleSource, options?: { codecs?: ModuleSource }): Promise<void>

/**
 * The right to read one object until the grant expires. `coldpress grant --read` prints one;
 * `POST /v1/scans` of `coldpress serve` answers with many.
 */
export interface ReadGrant {
  version: 1
  prefix: string
  key: string
  /** In decimal digits, like the LSNs. */
  tenant_id?: string
  collection?: string
  min_lsn?: string
  max_lsn?: string
  bytes: number
  etag?: string
  expires_ms: number
  get: SignedRequest
}

/** Gets a grant. It is called at first, and again when the grant has expired. */
export type GetReadGrant = (options: { signal: AbortSignal }) =>
  | ReadGrant | string | PromiseLike<ReadGrant | string>

/** An object that gives parts of a file: the `AsyncBuffer` of other readers of Parquet. */
export interface Sliceable {
  readonly byteLength: number
  slice(start: number, end: number):
    | ArrayBuffer | ArrayBufferView | PromiseLike<ArrayBuffer | ArrayBufferView>
}

/** What `open` reads. A string is a URL, or a read grant as JSON. */
export type ScanSource =
  | string | URL | ReadGrant | GetReadGrant | Blob | ArrayBuffer | ArrayBufferView | Sliceable

/** How requests are made. */
export interface FetchOptions {
  /** The most requests at a time. Default: 6. */
  concurrency?: number
  /** The most retries of one request in a row. Default: 8. */
  retries?: number
  /**
   * A request that takes longer has failed, in milliseconds; a request for much may take as long
   * again for each MiB. Default: 60,000.
   */
  timeoutMs?: number
  /** Used instead of the global `fetch`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
  signal?: AbortSignal
}

export interface OpenOptions extends FetchOptions {
  /** The size of the file behind a URL, if it is known. Then its end is read at once. */
  byteLength?: number
  /** Headers for requests to a URL, such as `authorization`. */
  headers?: HeadersInit
  /** Ends the opening, and all that reads the file later. */
  signal?: AbortSignal
}

/** A condition in its JSON form: see docs/filters.md. */
export type Condition =
  | { and: Condition[] } | { or: Condition[] } | { not: Condition }
  | { '=': Comparison } | { '!=': Comparison } | { '<': Comparison } | { '<=': Comparison }
  | { '>': Comparison } | { '>=': Comparison }
  | { in: [column: ColumnName, values: FilterValue[]] }
  | { like: [column: ColumnName, pattern: string] }
  | { is_null: ColumnName } | { is_not_null: ColumnName }

export type Comparison = [column: ColumnName, value: FilterValue]
/** A path with dots, or its plain names. */
export type ColumnName = string | string[]
/** A Date is an instant. */
export type FilterValue =
  | number | bigint | string | boolean | Date | { timestamp: string } | { date: string }

export interface ScanQuery {
  /** The fields to read: paths with dots. Default: all. */
  columns?: readonly string[]
  /** Which rows: `year >= 2005 and genre = 'Drama'`, or the JSON form. Default: all. */
  where?: string | Condition
  /** Only rows with this id. */
  id?: string
  /** The most rows. */
  limit?: number
  /** Adds the id of the row as `_id` to rows that have no field `_id`. Default: false. */
  ids?: boolean
  /** Returns Dates for timestamps in milliseconds, as `decode` does. Default: false. */
  dates?: boolean
  /** `ndjson` gives pieces of text, in which every number has exactly its value. */
  as?: 'rows' | 'ndjson'
  signal?: AbortSignal
}

/** What reading has cost. */
export interface ScanStats {
  /** Requests that were sent, with retries. */
  requests: number
  bytesMoved: number
  rowGroups: RowGroupCounts
  /** Rows that were decoded to find those of the query. */
  rowsRead: number
  /** Rows of the query so far. A loop that was left early may have had some thousands fewer. */
  rows: number
  /**
   * Columns that the query names and that no file that was read has: rows can have such a field
   * only among their rescued values. The case of a name matters.
   */
  columnsUnknown: string[]
}

/** The row groups of the files that a query has looked at. */
export interface RowGroupCounts {
  all: number
  /** Left out, and by what. */
  pruned: { lsns: number; statistics: number; bloomFilters: number; pageIndex: number }
  read: number
}

export interface FileStats extends ScanStats {
  bytesInFile: number
}

export interface CollectionStats extends ScanStats {
  files: { all: number; pruned: { lsns: number }; read: number }
  bytesInFiles: number
}

/** The row groups, and where their columns lie. */
export interface FileLayout {
  created_by: string
  row_groups: RowGroupReport[]
}

/** A file that is open. */
export interface ScanFile<S extends Schema = Schema> {
  /** Its key, its URL without the query, or its name. */
  readonly name: string
  readonly byteLength: number
  readonly schema: S
  readonly rowCount: number
  readonly tenant: bigint
  readonly collection: string
  readonly lsns: { min: bigint; max: bigint }
  /** Since it was opened; the row groups and rows are those of the last query. */
  readonly stats: FileStats
  /** The ranges of the file that have arrived. */
  readonly fetched: { start: number; end: number }[]
  layout(options?: { signal?: AbortSignal }): Promise<FileLayout>
  /**
   * The rows of a query, in the order of the file. To leave the loop ends all requests and frees
   * the memory.
   *
   * ```js
   * for await (const row of file.rows({ where: 'year >= 2005', columns: ['title'], limit: 10 })) {
   *   console.log(row.title)
   * }
   * ```
   */
  rows(query: ScanQuery & { as: 'ndjson'; dates?: false }): AsyncGenerator<string, void, undefined>
  rows(query: ScanQuery & { as?: 'rows'; dates: true }):
    AsyncGenerator<Schema extends S ? DatedRow : DatedRowOf<S>, void, undefined>
  rows(query?: ScanQuery & { as?: 'rows'; dates?: false }):
    AsyncGenerator<Schema extends S ? Row : DecodedRowOf<S>, void, undefined>
}

/** Opens a file that Coldpress wrote: reads its footer, and nothing else. */
export function open<S extends Schema = Schema>(
  source: ScanSource,
  options?: OpenOptions,
): Promise<ScanFile<S>>

/** Where read grants come from. */
export type ReadGrants =
  | readonly (ReadGrant | string)[]
  | Iterable<ReadGrant | string>
  | AsyncIterable<ReadGrant | string>
  | {
    /** The address of `coldpress serve`. */
    server: string | URL
    token: string | (() => string | Promise<string>)
    collection: string
  }

export interface CollectionQuery extends ScanQuery, FetchOptions {
  /** Only files that have one of these LSNs: the first and the last. */
  lsns?: readonly [min: U64, max: U64]
  /** How many files are begun before their rows are asked for. Default: 4. */
  readAhead?: number
  signal?: AbortSignal
}

/** Rows of many files, and what they have cost so far. */
export interface CollectionRows<T> extends AsyncGenerator<T, void, undefined> {
  readonly stats: CollectionStats
}

/**
 * Reads the rows of many files, in the order of their LSNs.
 *
 * ```js
 * const rows = scanCollection(
 *   { server: 'https://grants.example', token, collection: 'readings' },
 *   { where: 'celsius > 30', lsns: [1, 500], limit: 100 },
 * )
 * for await (const row of rows) console.log(row)
 * console.log(rows.stats.bytesMoved)
 * ```
 */
export function scanCollection(
  grants: ReadGrants,
  query: CollectionQuery & { as: 'ndjson'; dates?: false },
): CollectionRows<string>
export function scanCollection(
  grants: ReadGrants,
  query: CollectionQuery & { as?: 'rows'; dates: true },
): CollectionRows<DatedRow>
export function scanCollection(
  grants: ReadGrants,
  query?: CollectionQuery & { as?: 'rows'; dates?: false },
): CollectionRows<Row>
