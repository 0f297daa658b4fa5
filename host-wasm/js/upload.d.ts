import type { EncodedFile, EncodeOptions, Rows } from './index.js'

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
  totalBytes: number
  phase: 'granting' | 'sending' | 'completing' | 'checking' | 'aborting' | 'over'
}

export interface UploadOptions extends EncodeOptions {
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

/** Encodes rows (or takes a file that is encoded) and stores them as one object. */
export function upload(grant: Grant | GetGrant, rows: Rows | EncodedFile, options?: UploadOptions): Promise<UploadResult>

/** Asks `coldpress serve` at `url` for grants. */
export function grantsFrom(
  url: string | URL,
  options: { token: string | (() => string | Promise<string>); fetch?: (url: string, init: RequestInit) => Promise<Response> },
): GetGrant
