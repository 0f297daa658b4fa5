/** A value that `decode` returns. Whole numbers beyond ±2^53 are BigInts. */
export type Value = null | boolean | number | bigint | string | Value[] | { [field: string]: Value }

/**
 * A row that `decode` returns. By default an absent field and `null` are the same, and the row has
 * neither.
 */
export type Row = { [field: string]: Value }

/** A value that `decode` returns with `dates: true`. */
export type DatedValue =
  null | boolean | number | bigint | string | Date | DatedValue[] | { [field: string]: DatedValue }

/** A row that `decode` returns with `dates: true`. */
export type DatedRow = { [field: string]: DatedValue }

/** Rows, in any accepted form. */
export type Rows<R extends object = object> =
  // An array is an iterable too. Named here, it lets the compiler point to the wrong element.
  | readonly (R | JsonText)[]
  | Iterable<R | JsonText>
  | AsyncIterable<R | JsonText>
  | ReadableStream<R | JsonText>
  | JsonText
  | Blob
  | Response

/** NDJSON, or one JSON array. The chunks of a stream, and pushed slices, may be cut anywhere. */
export type JsonText = string | Uint8Array | ArrayBuffer

/** The columns of a file, in order. Rust, grants and the file itself use the same JSON. */
export interface Schema {
  readonly columns: readonly Column[]
  /** The Parquet field ids of `_id` and of `_rescued_data`. Default: none. */
  readonly id_field_id?: number
  readonly rescued_field_id?: number
  /**
   * Whether the columns were inferred. With such a schema, the rows that it was inferred from give
   * the same file again; without the word, every file has `_rescued_data`. Default: false.
   */
  readonly inferred?: boolean
}

export type Column = { readonly name: string; readonly field_id?: number } & ColumnType

export type ColumnType =
  | { readonly type: SimpleType }
  | {
    readonly type: 'decimal'
    readonly precision: number
    readonly scale: number
    readonly form?: Form
  }
  | { readonly type: 'timestamp'; readonly unit: 'ms' | 'us' | 'ns'; readonly form?: Form }
  | { readonly type: 'struct'; readonly fields: readonly Column[] }
  | { readonly type: 'list'; readonly element: ColumnType & { readonly field_id?: number } }

export type SimpleType =
  | 'null' | 'boolean'
  | 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'float32' | 'float64'
  | 'string' | 'json' | 'binary' | 'uuid' | 'date'

/**
 * How rows write timestamps and decimals: as numbers, or as text with this many digits after the
 * decimal point. In timestamps, `trimmed` means as many as it takes, and the text ends with `Z` or
 * with the offset of the form: `text:3`, `text:trimmed`, `text:6+00:00`.
 */
export type Form = 'number' | `text:${number | 'trimmed'}${'' | `${'+' | '-'}${number}:${number}`}`

/**
 * The row that a schema describes, as `encode` takes it.
 *
 * ```ts
 * const schema = {
 *   columns: [
 *     { name: 'ts', type: 'timestamp', unit: 'ms' },
 *     { name: 'tags', type: 'list', element: { type: 'string' } },
 *   ],
 * } as const
 * type Reading = RowOf<typeof schema>
 * // { ts?: Date | string | number | bigint | null, tags?: readonly (string | null)[] | … }
 * ```
 */
export type RowOf<S extends Schema> =
  { _id?: string | number | bigint } & FieldsOf<S['columns'], 'in'>

/** Values that do not fit the schema are rescued, or are errors. */
export type Policy = 'rescue' | 'strict'

/** A row. The compiler checks it if the policy is strict and the schema is known to it. */
export type CheckedRow<S extends Schema, P> =
  [P] extends ['strict'] ? (Schema extends S ? object : RowOf<S>) : object

/** The row that a schema describes, as `decode` returns it. */
export type DecodedRowOf<S extends Schema> =
  { _id?: string | number | bigint } & FieldsOf<S['columns'], 'out'>

/** The row that a schema describes, as `decode` returns it with `dates: true`. */
export type DatedRowOf<S extends Schema> =
  { _id?: string | number | bigint } & FieldsOf<S['columns'], 'dated'>

type Way = 'in' | 'out' | 'dated'

// If the compiler does not know the schema, any row is right.
type FieldsOf<C extends readonly Column[], W extends Way> = readonly Column[] extends C
  ? { [field: string]: W extends 'in' ? unknown : W extends 'out' ? Value : DatedValue }
  : { [K in C[number] as K['name']]?: ValueOf<K, W> | (W extends 'in' ? null : never) }

type SmallNumber =
  | 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32' | 'float32' | 'float64'

type ValueOf<T, W extends Way> =
  T extends { type: 'boolean' } ? boolean
    : T extends { type: SmallNumber } ? number
      : T extends { type: 'int64' } ? number | bigint
        : T extends { type: 'string' | 'uuid' | 'date' } ? string
          : T extends { type: 'binary' } ? string | BytesOf<W>
            : T extends { type: 'decimal' } ? number | bigint | string
              : T extends { type: 'timestamp' } ? string | number | bigint | DateOf<W>
                : T extends { type: 'struct'; fields: infer F extends readonly Column[] }
                  ? FieldsOf<F, W>
                  : T extends { type: 'list'; element: infer E } ? Elements<ValueOf<E, W> | null, W>
                    : T extends { type: 'null' } ? null
                      : W extends 'in' ? unknown : Value

// `encode` also takes a Date or bytes; `decode` returns text or a number for bytes, and without
// `dates` for a Date too.
type DateOf<W extends Way> = W extends 'out' ? never : Date
type BytesOf<W extends Way> = W extends 'in' ? Uint8Array | ArrayBuffer : never

type Elements<E, W extends Way> = W extends 'in' ? readonly E[] | ReadonlySet<E> : E[]

/**
 * A codec. Some have a level: `zstd:1` to `zstd:19`, `gzip:0` to `gzip:9`, `brotli:0` to
 * `brotli:11`.
 */
export type Codec =
  | 'none' | 'snappy' | 'lz4' | 'zstd' | 'gzip' | 'brotli'
  | `${'zstd' | 'gzip' | 'brotli'}:${number}`

/** A whole number from 0 to 2^64 - 1. Above 2^53, pass a BigInt or a string. */
export type U64 = number | bigint | string

/** A range of LSNs. It includes both ends. */
export interface LsnRange {
  readonly min: bigint
  readonly max: bigint
}

/**
 * What a file holds, and so its key in the store:
 * `{prefix}{tenant}/{collection}/lsn-{min}-{max}.parquet`.
 */
export interface Target {
  /** The folder of all keys in the bucket. Default: none. */
  prefix?: string
  /** Default: 0. */
  tenant?: U64
  /** Any name. Default: `rows`. */
  collection?: string
  /**
   * The log sequence numbers (LSNs) of the rows; both ends are included. Without `max`, one for
   * each row. `'time'` makes them from the time, so that two files hardly ever have the same ones.
   * Default: from 0, one for each row; in `upload`: `'time'`.
   */
  lsns?: { min: U64; max?: U64 } | 'time'
  /** With 20, keys write LSNs with leading zeros, so that listings are in order. Default: 0. */
  lsnWidth?: 0 | 20
}

export interface EncodeOptions<S extends Schema = Schema> extends Target {
  /** Compression of the pages. Default: `zstd`. `brotli` loads a second module. */
  codec?: Codec
  /**
   * The Parquet encodings. `portable`: those that common engines read; `compact`: all that make the
   * file smaller; `legacy`: only PLAIN and dictionary. Default: as the grant says, or `portable`.
   */
  encodings?: 'portable' | 'compact' | 'legacy'
  /**
   * Which names become columns. `portable`: of names that differ only in case, the first one that
   * has values; the other ones are rescued. `exact`: all names, except the empty one. Default:
   * `portable`.
   */
  names?: 'portable' | 'exact'
  /**
   * The field that holds the id of each row, or the path to it: `_id.$oid`. It is the id column of
   * the file, with its own type. Default: `_id` if rows have it, or the number of the row.
   */
  id?: string
  /** Refuse a row whose id an earlier row has. Default: `false`; they are counted. */
  uniqueIds?: boolean
  /**
   * With `explicit`, an explicit null and an absent field stay different. With `absent`, a null is
   * an absent field. Default: `explicit`.
   */
  nulls?: 'explicit' | 'absent'
  /**
   * What texts become if the columns are inferred. `infer`: a column of instants
   * (`2026-01-02T03:04:05.678Z`) holds timestamps, and a column of days (`2026-01-02`) holds dates,
   * if at most 1 text in 100 is something else. `string`: texts stay texts. Each text comes back to
   * the letter in either case. Default: `infer`.
   */
  textTypes?: 'infer' | 'string'
  /**
   * What numbers become if the columns are inferred. `float64`: columns of integers are doubles too,
   * where each integer is exact as a double; for measurements. Default: `exact`.
   */
  numbers?: 'exact' | 'float64'
  /** The columns. Default: inferred from all rows. */
  schema?: S | string
  /**
   * What becomes of fields that the schema does not have. `rescue` keeps them in `_rescued_data`;
   * `column` makes columns of them, behind those of the schema and in its structs. Default:
   * `rescue`.
   */
  newFields?: 'rescue' | 'column'
  /**
   * What happens to values that do not fit the schema. `rescue` keeps them in `_rescued_data`;
   * `strict` makes them errors. Default: `rescue`.
   */
  policy?: Policy
  /** The most leaf columns. Further fields are kept as JSON. Default: 1,000. */
  columnsMax?: number
  /** The deepest nesting of structs and lists. Deeper values are kept as JSON. Default: 64. */
  depthMax?: number
  /**
   * The most bytes of one row, as JSON text and in memory. A larger row is an error of code
   * `Limit`. Default: 268,435,456 (256 MiB).
   */
  rowBytesMax?: number
  /** The most rows in a row group. Default: 49,152. */
  rowGroupRowsMax?: number
  /**
   * Stops the work, also while it waits for rows. An abort takes effect between two slices of the
   * work. The last step, which writes the file, cannot be stopped.
   */
  signal?: AbortSignal
}

/** Options with which all rows must match the schema. */
export interface StrictOptions<S extends Schema> extends EncodeOptions<S> {
  schema: S
  policy: 'strict'
}

/** A finished Parquet file, not yet stored. */
export interface EncodedFile {
  /** The whole file. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Its object key in the store. */
  readonly key: string
  readonly rows: number
  /** The number of top-level columns, with `_id` and `_rescued_data`. */
  readonly columns: number
  /**
   * The paths of values that are in `_rescued_data`, sorted. `otherForm` of them are in their
   * column too, as timestamps or the like: only their own text is kept beside it. The column lacks
   * the others.
   */
  readonly rescued: { path: string; count: number; otherForm: number }[]
  /** Rows whose id an earlier row has. */
  readonly duplicateIds: number
  /** Repeated keys in objects of JSON text. The last value of each was kept. */
  readonly duplicateKeys: number
  /** What engines in wide use cannot read of the columns: a sentence each, for people. */
  readonly warnings: string[]
  /** The chosen columns, and the ones that had only nulls. */
  readonly schema: Schema
  /** The SHA-256 of the bytes, in hex. */
  sha256(): Promise<string>
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>
  blob(): Blob
  /** All fields except the bytes, and their number as `size`. */
  toJSON(): object
}

/** A file, in any accepted form. */
export type FileSource =
  | ArrayBuffer | ArrayBufferView | Blob | Response | ReadableStream<Uint8Array> | EncodedFile

export interface DecodeOptions {
  /** The fields to read. Default: all. */
  columns?: readonly string[]
  /** Adds the id of the row as `_id` to rows that have no field `_id`. Default: false. */
  ids?: boolean
  /** `ndjson` returns text, in which every number has exactly its value. Default: `rows`. */
  as?: 'rows' | 'ndjson'
  /**
   * Returns Dates for the timestamps in milliseconds. Finer timestamps would lose digits, so they
   * stay text or numbers; so do dates, because a day is no instant. `encode` gives the same columns
   * again, but a text of another form than `toISOString` has loses it. Default: false.
   */
  dates?: boolean
  signal?: AbortSignal
}

/** The parts of a key. */
export type ParsedKey =
  | { kind: 'data'; tenant: bigint; collection: string; lsns: { min: bigint; max: bigint } }
  | { kind: 'wal'; node?: string; segment: string }

/** The metadata of a file. */
export interface FileReport {
  bytes: number
  rows: number
  /** In decimal digits: it may be above 2^53. */
  tenant_id: string
  collection: string
  min_lsn: string
  max_lsn: string
  created_by: string
  metadata: { [name: string]: string }
  schema: Schema
  /** The paths of values that are in `_rescued_data`; `other_form` of them are in a column too. */
  rescued: { path: string; count: number; other_form: number }[]
  row_groups: RowGroupReport[]
}

export interface RowGroupReport {
  rows: number
  bytes: number
  columns: ChunkReport[]
}

/** One leaf column in a row group. */
export interface ChunkReport {
  /** The names of the path, joined by dots. */
  column: string
  path: string[]
  /** The Parquet field id, if the given schema had one. */
  field_id: number | null
  physical_type: string
  logical_type: string
  codec: string
  encodings: string[]
  values: number
  nulls: number | null
  min: string | null
  max: string | null
  /** Where its first page begins in the file. */
  offset: number
  compressed_bytes: number
  uncompressed_bytes: number
  bloom_filter: boolean
  column_index: boolean
  offset_index: boolean
}

/** The WebAssembly module, if it is not where the package expects it. */
export type ModuleSource =
  | WebAssembly.Module
  | ArrayBuffer
  | ArrayBufferView
  | URL
  | string
  | Response
  | PromiseLike<WebAssembly.Module | ArrayBuffer | ArrayBufferView | URL | string | Response>
