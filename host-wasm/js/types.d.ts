/** A value as it comes out of a file. Whole numbers past ±2^53 are BigInts. */
export type Value = null | boolean | number | bigint | string | Value[] | { [field: string]: Value }

/** A row as it comes out of a file: an absent field and `null` are the same, so neither is there. */
export type Row = { [field: string]: Value }

/** Rows, in any form they may come in. */
export type Rows<R extends object = object> =
  // An array is an iterable; named by itself, an error in it is told where it is.
  | readonly (R | JsonText)[]
  | Iterable<R | JsonText>
  | AsyncIterable<R | JsonText>
  | ReadableStream<R | JsonText>
  | JsonText
  | Blob
  | Response

/** NDJSON, or one JSON array; as chunks of a stream, or pushed, cut anywhere. */
export type JsonText = string | Uint8Array | ArrayBuffer

/** The columns of a file, in order. The same JSON in Rust, in a grant and in the file itself. */
export interface Schema {
  readonly columns: readonly Column[]
  /** The Parquet field ids of `_id` and of `_rescued_data`. Default: none. */
  readonly id_field_id?: number
  readonly rescued_field_id?: number
}

export type Column = { readonly name: string; readonly field_id?: number } & ColumnType

export type ColumnType =
  | { readonly type: SimpleType }
  | { readonly type: 'decimal'; readonly precision: number; readonly scale: number; readonly form?: Form }
  | { readonly type: 'timestamp'; readonly unit: 'ms' | 'us' | 'ns'; readonly form?: Form }
  | { readonly type: 'struct'; readonly fields: readonly Column[] }
  | { readonly type: 'list'; readonly element: ColumnType & { readonly field_id?: number } }

export type SimpleType =
  | 'null' | 'boolean'
  | 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'float32' | 'float64'
  | 'string' | 'json' | 'binary' | 'uuid' | 'date'

/** How timestamps and decimals stand in the rows: as numbers, or as text with so many digits after the point. */
export type Form = 'number' | `text:${number}`

/**
 * The row that a schema describes, as `encode` takes it.
 *
 * ```ts
 * const schema = { columns: [{ name: 'ts', type: 'timestamp', unit: 'ms' }, { name: 'tags', type: 'list', element: { type: 'string' } }] } as const
 * type Reading = RowOf<typeof schema> // { ts?: Date | string | number | bigint | null, tags?: Iterable<string | null> | null, … }
 * ```
 */
export type RowOf<S extends Schema> = { _id?: string | number | bigint } & FieldsOf<S['columns'], 'in'>

/** What becomes of values that the schema has no place for. */
export type Policy = 'rescue' | 'strict'

/** A row as far as it can be checked while compiling: by its schema, where that is strict and known. */
export type CheckedRow<S extends Schema, P> =
  [P] extends ['strict'] ? (Schema extends S ? object : RowOf<S>) : object

/** The row that a schema describes, as `decode` gives it. */
export type DecodedRowOf<S extends Schema> = { _id?: string | number | bigint } & FieldsOf<S['columns'], 'out'>

type Way = 'in' | 'out'

// A schema that is not known while compiling describes any row.
type FieldsOf<C extends readonly Column[], W extends Way> = readonly Column[] extends C
  ? { [field: string]: W extends 'in' ? unknown : Value }
  : { [K in C[number] as K['name']]?: ValueOf<K, W> | (W extends 'in' ? null : never) }

type ValueOf<T, W extends Way> =
  T extends { type: 'boolean' } ? boolean
    : T extends { type: 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32' | 'float32' | 'float64' } ? number
      : T extends { type: 'int64' } ? number | bigint
        : T extends { type: 'string' | 'uuid' | 'date' } ? string
          : T extends { type: 'binary' } ? (W extends 'in' ? string | Uint8Array | ArrayBuffer : string)
            : T extends { type: 'decimal' } ? number | bigint | string
              : T extends { type: 'timestamp' } ? (W extends 'in' ? Date | string | number | bigint : string | number | bigint)
                : T extends { type: 'struct'; fields: infer F extends readonly Column[] } ? FieldsOf<F, W>
                  : T extends { type: 'list'; element: infer E } ? Elements<ValueOf<E, W> | null, W>
                    : T extends { type: 'null' } ? null
                      : W extends 'in' ? unknown : Value

type Elements<E, W extends Way> = W extends 'in' ? readonly E[] | ReadonlySet<E> : E[]

/** A codec, with a level where it has one: `zstd:1` to `zstd:19`, `gzip:0` to `gzip:9`, `brotli:0` to `brotli:11`. */
export type Codec = 'none' | 'snappy' | 'lz4' | 'zstd' | 'gzip' | 'brotli' | `${'zstd' | 'gzip' | 'brotli'}:${number}`

/** A whole number from 0 to 2^64 - 1; past 2^53 as a BigInt or in a string. */
export type U64 = number | bigint | string

/** LSNs, both ends included. */
export interface LsnRange {
  readonly min: bigint
  readonly max: bigint
}

/** Whose rows a file holds, and so where it lies: `{prefix}{tenant}/{collection}/lsn-{min}-{max}.parquet`. */
export interface Target {
  /** The folder of all keys. Default: none. */
  prefix?: string
  /** Default: 0. */
  tenant?: U64
  /** Any name. Default: `rows`. */
  collection?: string
  /**
   * The log sequence numbers of the rows, both ends included. Without `max` as many as there are
   * rows. `'time'`: made of the time, so that two files of one collection hardly ever have the same.
   * Default: from 0 to the number of rows less one; in `upload`: `'time'`.
   */
  lsns?: { min: U64; max?: U64 } | 'time'
  /** 20: with leading zeros in the key, so that a listing is in order. Default: 0, as short as they are. */
  lsnWidth?: 0 | 20
}

export interface EncodeOptions<S extends Schema = Schema> extends Target {
  /** Compression of the pages. Default: `zstd`. `brotli` loads a second module. */
  codec?: Codec
  /**
   * The encodings of values. `portable`: what the engines people have read; `compact`: all that
   * make the file smaller; `legacy`: PLAIN and dictionary alone. Default: what the grant says where
   * there is one, else `portable`.
   */
  encodings?: 'portable' | 'compact' | 'legacy'
  /**
   * Which names become columns. `portable`: of names that differ only in case, the first one that
   * has values, and the others are rescued; `exact`: all but the empty name. Default: `portable`.
   */
  names?: 'portable' | 'exact'
  /** The field that rows have their ids in, or a path to it: `_id.$oid`. Default: `_id` where there is one, else the row's number. */
  id?: string
  /** `preserve` keeps an explicit null apart from an absent field. Default: `absent`. */
  nulls?: 'absent' | 'preserve'
  /** The columns. Default: inferred from all rows. */
  schema?: S | string
  /** What becomes of values the schema has no place for: kept in `_rescued_data`, or an error. Default: `rescue`. */
  policy?: Policy
  /** The most leaf columns; fields past it are kept as JSON. Default: 1,000. */
  columnsMax?: number
  /** The deepest nesting that becomes structs and lists; what is deeper is kept as JSON. Default: 64. */
  depthMax?: number
  /** The most bytes of one row, as JSON text and in memory; a larger row is an error of code `Limit`. Default: 268,435,456 (256 MiB). */
  rowBytesMax?: number
  /** The most rows in a row group. Default: 49,152. */
  rowGroupRowsMax?: number
  /**
   * Stops the work, also while rows are awaited. It is heard between slices of the work; the writing
   * of the file, once all rows are there, is one piece.
   */
  signal?: AbortSignal
}

/** Options under which rows must be what the schema says. */
export interface StrictOptions<S extends Schema> extends EncodeOptions<S> {
  schema: S
  policy: 'strict'
}

/** A finished Parquet file, not yet stored. */
export interface EncodedFile {
  /** The whole file. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where it belongs in the store. */
  readonly key: string
  readonly rows: number
  /** Columns at the top, `_id` and `_rescued_data` among them. */
  readonly columns: number
  /** Where values fitted no column and are in `_rescued_data`, sorted by path. */
  readonly rescued: { path: string; count: number }[]
  /** Keys that stood twice in one object of JSON text; the last value was kept. */
  readonly duplicateKeys: number
  /** The columns as they were chosen, with those that had only nulls. */
  readonly schema: Schema
  /** The SHA-256 of the bytes, in hex. */
  sha256(): Promise<string>
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>
  blob(): Blob
  /** All but the bytes, of which it has the number: `size`. */
  toJSON(): object
}

/** A file, in any form its bytes may come in. */
export type FileSource = ArrayBuffer | ArrayBufferView | Blob | Response | ReadableStream<Uint8Array> | EncodedFile

export interface DecodeOptions {
  /** The fields to read. Default: all. */
  columns?: readonly string[]
  /** Adds `_id`, the row's id, where the row has none of its own. Default: false. */
  ids?: boolean
  /** `ndjson`: the text, with numbers of exactly the same value. Default: `rows`. */
  as?: 'rows' | 'ndjson'
  signal?: AbortSignal
}

/** What `objectKey` made a key of. */
export type ParsedKey =
  | { kind: 'data'; tenant: bigint; collection: string; lsns: { min: bigint; max: bigint } }
  | { kind: 'wal'; node?: string; segment: string }

/** What a file is made of. */
export interface FileReport {
  bytes: number
  rows: number
  /** A decimal number: it may be past 2^53. */
  tenant_id: string
  collection: string
  min_lsn: string
  max_lsn: string
  created_by: string
  metadata: { [name: string]: string }
  schema: Schema
  row_groups: RowGroupReport[]
}

export interface RowGroupReport {
  rows: number
  bytes: number
  columns: ChunkReport[]
}

/** One leaf column within a row group. */
export interface ChunkReport {
  /** The path, its names joined by dots. */
  column: string
  path: string[]
  /** That of the schema the file was made with, if it stated one. */
  field_id: number | null
  physical_type: string
  logical_type: string
  codec: string
  encodings: string[]
  values: number
  nulls: number | null
  min: string | null
  max: string | null
  compressed_bytes: number
  uncompressed_bytes: number
  bloom_filter: boolean
  column_index: boolean
  offset_index: boolean
}

/** Where the WebAssembly is, for when it does not lie where the package expects it. */
export type ModuleSource =
  | WebAssembly.Module
  | ArrayBuffer
  | ArrayBufferView
  | URL
  | string
  | Response
  | PromiseLike<WebAssembly.Module | ArrayBuffer | ArrayBufferView | URL | string | Response>
