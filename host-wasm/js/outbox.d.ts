import type { ColdpressError, EncodeOptions, GetGrant, UploadProgress } from './index.js'

type OwnOptions = 'lsns' | 'signal' | 'collection' | 'tenant' | 'prefix'

export interface OutboxOptions extends Omit<EncodeOptions, OwnOptions> {
  /**
   * The name of the outbox, which its database in IndexedDB gets. One outbox is for one collection
   * and one tenant. So if several users share a device, put the user into the name.
   */
  name: string
  /** The collection of the rows. */
  collection: string
  /**
   * Gets the grants: `grantsFrom(url, { token })`. It is called for each batch, and again for each
   * retry.
   */
  grants: GetGrant
  /** The tenant of the rows. Default: the tenant in the key of the first grant. */
  tenant?: number | bigint | string
  /** A batch with this many rows is uploaded. Default: 10,000. */
  batchRowsMax?: number
  /** A batch of this size, as JSON, is uploaded. Default: 8 MiB. */
  batchBytesMax?: number
  /** Rows are uploaded after this time at the latest. Default: 60,000 (a minute). */
  batchAgeMs?: number
  /** The first pause after a failure. Each further one is at most twice as long. Default: 1,000. */
  backoffMsMin?: number
  /** The longest pause after failures. Default: 300,000 (five minutes). */
  backoffMsMax?: number
  /** The most requests at a time, if an object is sent in parts. Default: 4. */
  concurrency?: number
  /**
   * Asks the browser never to evict the storage of this site (`navigator.storage.persist`). Firefox
   * asks its user. Default: false.
   */
  persist?: boolean
  /**
   * Infers the columns of each object anew. By default, each object keeps the columns of the last
   * one, with their types, because engines that read all objects together take the types of one for
   * all: a value of another type is kept in `_rescued_data`, and new fields become new columns. A
   * given `schema` chooses the columns of all objects. Default: false.
   */
  newSchema?: boolean
  /** Used instead of the global IndexedDB. */
  indexedDB?: IDBFactory
}

/** The rows that wait, and why. */
export interface OutboxState {
  /** Rows that are not known to be in the store, without those of failed batches. */
  rows: number
  /** Their size as JSON. */
  bytes: number
  /** Sealed batches of these rows. Their bytes and key are final; the store may have them. */
  batches: number
  failed: { batches: number; rows: number }
  /** Whether a page or worker uploads, or this one waits until it may. */
  draining: boolean
  online: boolean
  /** The browser's answer to `persist`. */
  persisted?: boolean
  /** Why the last attempt failed, in any page. Absent after a successful attempt. */
  error?: unknown
  /** After a failed attempt: when the next one is due, in milliseconds since 1970. */
  nextAttemptMs?: number
}

/**
 * Rows that could not be stored. They do not stop other rows. They stay on the device until they
 * are retried or discarded.
 */
export interface FailedBatch {
  readonly id: number
  readonly rows: number
  /** Their size as JSON. */
  readonly bytes: number
  readonly at: Date
  readonly error: ColdpressError
  /** The key of the object, if the batch was sealed. */
  readonly key?: string
  /** The rows, as NDJSON. */
  ndjson(): Promise<string>
  /** Puts the batch back into the queue. */
  retry(): Promise<void>
  /** Deletes the rows. */
  discard(): Promise<void>
}

/**
 * Every page and worker that has the outbox open gets all events, except `progress`. `elsewhere`
 * says whether an event comes from another page. Errors from another page have only their code and
 * message. If a page dies, its last event may be lost: `state()` returns the true state.
 */
export interface OutboxEvents {
  /**
   * A batch is in the store, and its rows are deleted here. `created` is false if an earlier
   * attempt had already stored it.
   */
  uploaded: CustomEvent<{
    id: number
    key: string
    rows: number
    bytes: number
    created: boolean
    elsewhere: boolean
  }>
  /** Only the page that uploads gets it. */
  progress: CustomEvent<{ id: number } & UploadProgress>
  /** A batch could not be stored: see `failed()`. */
  failed: CustomEvent<{ id: number; rows: number; error: ColdpressError; elsewhere: boolean }>
  /** An attempt failed. All rows wait for the next attempt. */
  error: CustomEvent<{ error: unknown; elsewhere: boolean }>
  /** The result of `state()` may have changed. */
  change: CustomEvent<Record<string, never>>
}

export interface Outbox extends Omit<EventTarget, 'addEventListener' | 'removeEventListener'> {
  /**
   * Stores rows on this device. Once this resolves, they survive a reload, a crash and a power cut.
   * If it rejects, none of them is stored: with code `Row` if a row cannot be encoded, with `Quota`
   * if the storage is full.
   */
  append(rows: object | Iterable<object> | AsyncIterable<object>): Promise<{ rows: number }>
  /**
   * Uploads all rows that were appended before, now. Rejects if that fails (offline, wrong token,
   * …). Then no row is lost: the outbox tries again by itself. If this page dies, another one
   * uploads the rows.
   */
  flush(): Promise<{ objects: number; rows: number }>
  /** The rows that wait, and why. */
  state(): Promise<OutboxState>
  /** The batches that could not be stored. */
  failed(): Promise<FailedBatch[]>
  /** Stops uploading. The rows stay; another page that is open uploads them. */
  close(): Promise<void>
  addEventListener<Type extends keyof OutboxEvents>(
    type: Type,
    listener: (event: OutboxEvents[Type]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void
  removeEventListener<Type extends keyof OutboxEvents>(
    type: Type,
    listener: (event: OutboxEvents[Type]) => void,
    options?: boolean | EventListenerOptions,
  ): void
}

/** Opens the outbox, and begins to upload the rows in it. */
export function openOutbox(options: OutboxOptions): Promise<Outbox>

export { ColdpressError, grantsFrom } from './index.js'
