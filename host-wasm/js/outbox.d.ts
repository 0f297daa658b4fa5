import type { ColdpressError, EncodeOptions, GetGrant } from './index.js'

export interface OutboxOptions extends Omit<EncodeOptions, 'lsns' | 'signal' | 'collection' | 'tenant' | 'prefix'> {
  /**
   * Names the database in IndexedDB. One outbox is for one collection, and for one tenant: put the
   * user into its name.
   */
  name: string
  /** Where the rows belong. */
  collection: string
  /**
   * Asked for a grant for each batch, and for a fresh one on every replay:
   * `grantsFrom(url, { token })`.
   */
  grants: GetGrant
  /** Whose rows they are. Default: what the key of the first grant says. */
  tenant?: number | bigint | string
  /** A batch goes when it has so many rows. Default: 10,000. */
  batchRowsMax?: number
  /** A batch goes when its rows are so large as JSON. Default: 8 MiB. */
  batchBytesMax?: number
  /** A batch goes when its oldest row has waited so long. Default: 60,000 (a minute). */
  batchAgeMs?: number
  /** The first wait after a failure; each further one is twice as long at most. Default: 1,000. */
  backoffMsMin?: number
  /** The longest wait after failures. Default: 300,000 (five minutes). */
  backoffMsMax?: number
  /** Requests at a time where an object goes in parts. */
  concurrency?: number
  /**
   * Asks the browser never to evict this site's storage (`navigator.storage.persist`). Firefox asks
   * its user. Default: false.
   */
  persist?: boolean
  /** Another IndexedDB than the global one. */
  indexedDB?: IDBFactory
}

/** What waits, and why. */
export interface OutboxState {
  /** Rows that are not known to be in the store yet, without those of failed batches. */
  rows: number
  /** Their size as JSON. */
  bytes: number
  /**
   * Sealed batches among them: with fixed bytes and a fixed key, and perhaps in the store already.
   */
  batches: number
  failed: { batches: number; rows: number }
  /** Whether this page or worker uploads or waits for its turn, or another one uploads. */
  draining: boolean
  online: boolean
  /** What the browser said to `persist`. */
  persisted?: boolean
  /** Why the last attempt failed, in whichever page; gone after one that did not. */
  error?: unknown
  /** When the next attempt is due (milliseconds since 1970), after one that failed. */
  nextAttemptMs?: number
}

/**
 * Rows that cannot be stored as things are. They stand in nobody's way, and stay until they are
 * retried or discarded.
 */
export interface FailedBatch {
  readonly id: number
  readonly rows: number
  /** Their size as JSON. */
  readonly bytes: number
  readonly at: Date
  readonly error: ColdpressError
  /** The key of the object, where the batch got as far as having one. */
  readonly key?: string
  /** The rows, as NDJSON. */
  ndjson(): Promise<string>
  /** Puts the batch back into the queue. */
  retry(): Promise<void>
  /** Deletes the rows. */
  discard(): Promise<void>
}

/**
 * Events are told in every page and worker that has the outbox open, except `progress`. `elsewhere`
 * says whether it happened in another one; its errors keep their code and message alone. A page that
 * dies may take an event with it: `state()` tells what is.
 */
export interface OutboxEvents {
  /**
   * A batch is in the store, and gone from here. `created` is false where an earlier attempt had
   * arrived after all.
   */
  uploaded: CustomEvent<{
    id: number
    key: string
    rows: number
    bytes: number
    created: boolean
    elsewhere: boolean
  }>
  /** Told only in the page that uploads. */
  progress: CustomEvent<{ id: number; sentBytes: number; totalBytes: number; phase: string }>
  /** Rows were set aside: see `failed()`. */
  failed: CustomEvent<{ id: number; rows: number; error: ColdpressError; elsewhere: boolean }>
  /** An attempt failed; everything waits for the next one. */
  error: CustomEvent<{ error: unknown; elsewhere: boolean }>
  /** `state()` may say something else than before. */
  change: CustomEvent<Record<string, never>>
}

export interface Outbox extends Omit<EventTarget, 'addEventListener' | 'removeEventListener'> {
  /**
   * Stores rows on this device. They survive reload, crash and power cut once this resolves, and if
   * it rejects none of them is here. A row that no file could be made of is refused with code
   * `Row`, full storage with `Quota`.
   */
  append(rows: object | Iterable<object> | AsyncIterable<object>): Promise<{ rows: number }>
  /**
   * Uploads all that was appended before, now. Rejects where it cannot (offline, wrong token, …):
   * nothing is lost, and it is tried again by itself. Where this page dies before that, another one
   * does it.
   */
  flush(): Promise<{ objects: number; rows: number }>
  state(): Promise<OutboxState>
  failed(): Promise<FailedBatch[]>
  /** Stops what runs. The rows stay, and go from another page where one is open. */
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

/** Opens the outbox, and begins to upload what waits in it. */
export function openOutbox(options: OutboxOptions): Promise<Outbox>

export { ColdpressError, grantsFrom } from './index.js'
