import type { CheckedRow, EncodedFile, EncodeOptions, Policy, Rows, Schema } from './types.js'

/** A signed request. Send its `headers` unchanged. */
export interface SignedRequest {
  method: string
  url: string
  headers: Record<string, string>
}

/**
 * The right to write one object. `coldpress grant` prints one; `coldpress serve` answers with one.
 */
export interface Grant {
  version: 1
  prefix: string
  key: string
  expires_ms: number
  bytes_max: number
  /** The encodings of the file, unless the options of the upload choose them. */
  encodings?: 'portable' | 'compact' | 'legacy'
  put?: SignedRequest
  multipart?: {
    upload_id: string
    part_bytes: number
    parts: SignedRequest[]
    complete: SignedRequest
    abort: SignedRequest
  }
  check: SignedRequest
}

/** A request for a grant: the body of `POST /v1/grants`. */
export interface GrantRequest {
  collection: string
  /** In decimal digits, like `max_lsn`. */
  min_lsn: string
  max_lsn: string
  /** The size and hash of the file, if they are known. Then the store refuses other content. */
  bytes?: number
  sha256?: string
  /** The multipart upload to continue. */
  upload_id?: string
}

/** Gets a grant. It is called for each upload, and again when a grant expires. */
export type GetGrant = (request: GrantRequest, options: { signal: AbortSignal }) => Promise<Grant>

export interface UploadProgress {
  /** Bytes that the store has confirmed. They grow by whole requests: `fetch` reports no less. */
  sentBytes: number
  /** Bytes of the file in requests that run now. */
  underWayBytes: number
  /** The size of the file. It is 0 until the file is encoded. */
  totalBytes: number
  /**
   * - `encoding`: reads and encodes the rows
   * - `granting`: asks for a grant
   * - `sending`: sends the bytes
   * - `completing`: makes the object of its parts
   * - `checking`: looks at the object at the key
   * - `waiting`: no request runs; waits for the next attempt, or for the network
   * - `aborting`: removes the parts that were sent
   * - `over`: the upload has ended
   */
  phase:
    | 'encoding' | 'granting' | 'sending' | 'completing' | 'checking' | 'waiting' | 'aborting'
    | 'over'
  /** Present in the phase `waiting`, and during each attempt after a failed one. */
  retry?: {
    /** The number of the attempt: 2 is the first retry. */
    attempt: number
    /** When it begins, in milliseconds since 1970. Absent while the device is offline. */
    atMs?: number
    /** Why the last attempt failed. It holds no secrets. */
    reason: string
  }
}

/**
 * Options of `upload`. An `EncodedFile` has its target and its encoding already: for it, only the
 * options that are named here are valid.
 */
export interface UploadOptions<S extends Schema = Schema> extends EncodeOptions<S> {
  /** Called at each change. */
  onProgress?: (progress: UploadProgress) => void
  /** Aborts the upload. A multipart upload leaves no parts behind. */
  signal?: AbortSignal
  /** The most requests at a time, if the object is sent in parts. Default: 4. */
  concurrency?: number
  /** The most retries of one request in a row. Default: 8. */
  retries?: number
  /** A request that takes longer has failed, in milliseconds. Default: 300,000 (five minutes). */
  timeoutMs?: number
  /** Used instead of the global `fetch`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
}

export interface UploadResult {
  key: string
  bytes: number
  rows: number
  /** False if the object was already there with the same content: an earlier attempt stored it. */
  created: boolean
  /** In hex. */
  sha256: string
}

/** Options of an error's `retry`. What is left out stays as before. */
export interface RetryOptions extends Pick<
  UploadOptions, 'signal' | 'onProgress' | 'concurrency' | 'retries' | 'timeoutMs' | 'fetch'
> {
  /** A new grant for the same file, or another function that gets one. */
  grant?: Grant | GetGrant
}

/** A CORS rule of a bucket, in the form of S3 and R2. */
export interface CorsRule {
  AllowedOrigins: string[]
  AllowedMethods: string[]
  AllowedHeaders: string[]
  ExposeHeaders: string[]
  MaxAgeSeconds: number
}

/**
 * Encodes rows and stores them as one object, or stores an encoded file.
 *
 * After an error, call its `retry()`. Another call of `upload` would store the rows with other
 * LSNs, and perhaps twice.
 */
export function upload<const S extends Schema = Schema, const P extends Policy = 'rescue'>(
  grant: Grant | GetGrant,
  rows: Rows<CheckedRow<NoInfer<S>, NoInfer<P>>> | EncodedFile,
  options?: UploadOptions<S> & { policy?: P },
): Promise<UploadResult>

/**
 * Returns a function that asks the grant server (`coldpress serve`) at `url` for grants.
 *
 * `token` is a string, or a function that is called for each grant. If that function throws, the
 * upload fails with code `Denied`, and the thrown value is the `cause`. If it throws a
 * `ColdpressError`, the upload fails with that error; with code `Unavailable` it asks again later.
 *
 * Pass the address of the server itself: redirects to another server are errors.
 */
export function grantsFrom(
  url: string | URL,
  options: {
    token: string | (() => string | Promise<string>)
    fetch?: (url: string, init: RequestInit) => Promise<Response>
  },
): GetGrant
