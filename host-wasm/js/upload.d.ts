import type { CheckedRow, EncodedFile, EncodeOptions, Policy, Rows, Schema } from './index.js'

/** One signed request; `headers` are sent as they are. */
export interface SignedRequest {
  method: string
  url: string
  headers: Record<string, string>
}

/** The right to write one object, as `coldpress grant` prints it and `coldpress serve` answers. */
export interface Grant {
  version: 1
  prefix: string
  key: string
  expires_ms: number
  bytes_max: number
  /** The encodings that the file is to have, unless its own options say so. */
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

/** What a grant is asked for: the body of `POST /v1/grants`. */
export interface GrantRequest {
  collection: string
  /** Decimal digits. */
  min_lsn: string
  max_lsn: string
  /** The size and hash of the file, where they are known: the store refuses anything else. */
  bytes?: number
  sha256?: string
  /** The multipart upload to go on with. */
  upload_id?: string
}

export type GetGrant = (request: GrantRequest, options: { signal: AbortSignal }) => Promise<Grant>

export interface UploadProgress {
  /** Bytes that the store has confirmed, in steps of whole requests: fetch tells of no smaller ones. */
  sentBytes: number
  /** Bytes of the file that requests carry which are under way now. */
  underWayBytes: number
  /** The size of the file; 0 until it is known, which is before the first byte is sent. */
  totalBytes: number
  /**
   * - `encoding`: rows are read and encoded
   * - `granting`: a grant is asked for
   * - `sending`: the bytes are sent
   * - `completing`: the object is made out of its parts
   * - `checking`: it looks at what lies at the key
   * - `waiting`: nothing is under way; it waits for the next try, or for the network
   * - `aborting`: what must not stay is taken away
   * - `over`: there is a result
   */
  phase: 'encoding' | 'granting' | 'sending' | 'completing' | 'checking' | 'waiting' | 'aborting' | 'over'
  /** In the phase `waiting`, and while a try runs that follows a failed one. */
  retry?: {
    /** Which try this is: 2 is the first repeated one. */
    attempt: number
    /** When it begins, in milliseconds since 1970. Absent while the device is offline. */
    atMs?: number
    /** Why the last try failed, in words without secrets. */
    reason: string
  }
}

export interface UploadOptions<S extends Schema = Schema> extends EncodeOptions<S> {
  onProgress?: (progress: UploadProgress) => void
  /** Aborts everything; a multipart upload leaves no parts behind. */
  signal?: AbortSignal
  /** Requests at a time, where the object goes in parts. Default: 4. */
  concurrency?: number
  /** How often in a row one request is tried again. Default: 8. */
  retries?: number
  /** How long one request may take before it counts as lost. Default: 300,000 (five minutes). */
  timeoutMs?: number
  /** Instead of the global fetch. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>
}

export interface UploadResult {
  key: string
  bytes: number
  rows: number
  /** False where the object was there already, with the same content: an earlier attempt had arrived. */
  created: boolean
  sha256: string
}

/** What an error's `retry` may do in another way than the upload that failed; the rest is as before. */
export interface RetryOptions
  extends Pick<UploadOptions, 'signal' | 'onProgress' | 'concurrency' | 'retries' | 'timeoutMs' | 'fetch'> {
  /** Another grant for the same file, or another function that gets one. */
  grant?: Grant | GetGrant
}

/** A CORS rule of a bucket, as S3 and R2 take it. */
export interface CorsRule {
  AllowedOrigins: string[]
  AllowedMethods: string[]
  AllowedHeaders: string[]
  ExposeHeaders: string[]
  MaxAgeSeconds: number
}

/**
 * Encodes rows (or takes a file that is encoded) and stores them as one object.
 *
 * Where it fails, another call would store the rows under other LSNs, and perhaps twice: call the
 * error's `retry()`.
 */
export function upload<const S extends Schema = Schema, const P extends Policy = 'rescue'>(
  grant: Grant | GetGrant,
  rows: Rows<CheckedRow<NoInfer<S>, NoInfer<P>>> | EncodedFile,
  options?: UploadOptions<S> & { policy?: P },
): Promise<UploadResult>

/**
 * Asks `coldpress serve` at `url` for grants.
 *
 * `token` is a string or a function, asked for each grant. Where the function fails, the upload ends
 * with code `Denied` and what it threw as `cause`; a `ColdpressError` that it throws is taken as it
 * is: with code `Unavailable` it is tried again.
 */
export function grantsFrom(
  url: string | URL,
  options: { token: string | (() => string | Promise<string>); fetch?: (url: string, init: RequestInit) => Promise<Response> },
): GetGrant
