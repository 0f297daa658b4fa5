// A store with many files and the grant server beside it, behind one `fetch`: what tests of
// `scanCollection` read from.
import { Shelf, coldpress } from './shelf.mjs'

export const SERVER = 'https://grants.example/'
const STORE = 'https://store.example/'
export const TOKEN = 'the token'

export class Library extends Shelf {
  /** @type {Map<string, Uint8Array>} by key */
  files = new Map()
  expiresInMs = 900_000
  filesPerPage = 2
  /** What was asked of the grant server. */
  asked = []
  /** Which try of a grant a URL belongs to: later ones expire later. */
  #expires = new Map()

  /** So many files of so many rows each, in the order of their LSNs. */
  static async filled(files, rows) {
    const library = new Library(new Uint8Array(0))
    for (let file = 0; file < files; file += 1) {
      const made = await coldpress.encode(rowsOf(file, rows), {
        prefix: 'cold', tenant: 7, collection: 'films', lsns: { min: 1 + file * rows }, rowGroupRowsMax: 500,
      })
      library.files.set(made.key, made.bytes)
    }
    library.answer = (request) => library.served(request)
    return library
  }

  /** A read grant for a key. */
  grant(key, more = {}) {
    const [, tenant, collection, min, max] = /(\d+)\/(\w+)\/lsn-(\d+)-(\d+)\.parquet$/.exec(key)
    const url = `${STORE}${key}?grant=${this.#expires.size}`
    const expires = this.runtime.now() + this.expiresInMs
    this.#expires.set(url, expires)
    return {
      version: 1, prefix: 'cold/', key, tenant_id: tenant, collection, min_lsn: min, max_lsn: max,
      bytes: this.files.get(key).length, etag: `"${key.length}"`, expires_ms: expires,
      get: { method: 'GET', url, headers: {} }, ...more,
    }
  }

  grants() {
    return [...this.files.keys()].map((key) => this.grant(key))
  }

  /** The server, as `scanCollection` takes it. */
  get server() {
    return { server: SERVER, token: TOKEN, collection: 'films' }
  }

  /** The keys whose bytes were asked for. */
  get touched() {
    const ofStore = this.requests.filter(({ url }) => url.startsWith(STORE))
    return [...new Set(ofStore.map(({ url }) => new URL(url).pathname.slice(1)))]
  }

  served(request) {
    const { url, start, end, headers, method } = request
    if (url.startsWith(SERVER)) return this.#page(request)
    const expired = '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'
    if (this.runtime.now() >= this.#expires.get(url)) return new Response(expired, { status: 403 })
    const key = new URL(url).pathname.slice(1)
    const bytes = this.files.get(key)
    if (method !== 'GET' || start === undefined) return new Response(null, { status: 403 })
    const etag = `"${key.length}"`
    if (headers['if-match'] !== undefined && headers['if-match'] !== etag) return new Response(null, { status: 412 })
    const last = Math.min(end, bytes.length)
    const says = `bytes ${start}-${last - 1}/${bytes.length}`
    return new Response(bytes.slice(start, last), { status: 206, headers: { etag, 'content-range': says } })
  }

  #page({ url, headers, body }) {
    if (url !== `${SERVER}v1/scans` || headers.authorization !== `Bearer ${TOKEN}`) {
      const error = { code: 'Denied', message: 'this token is not known here' }
      return Response.json({ error }, { status: 401 })
    }
    const request = JSON.parse(body)
    this.asked.push(request)
    const of = (key) => /lsn-(\d+)-(\d+)/.exec(key).slice(1).map(Number)
    const keys = [...this.files.keys()].filter((key) => {
      const [min, max] = of(key)
      return max >= Number(request.min_lsn ?? 0) && min <= Number(request.max_lsn ?? Infinity)
    })
    const from = request.page === undefined ? 0 : keys.findIndex((key) => key.endsWith(request.page)) + 1
    const some = keys.slice(from, from + this.filesPerPage)
    const hasMore = from + this.filesPerPage < keys.length
    const next = hasMore ? { next: some.at(-1).split('/').at(-1) } : {}
    return Response.json({ files: some.map((key) => this.grant(key)), ...next })
  }
}

export function rowsOf(file, rows) {
  return Array.from({ length: rows }, (_, at) => {
    const n = file * rows + at
    return { _id: `film-${n}`, n, text: `${(n * 48271) % 2147483647} of ${(n * 69621) % 2147483647}` }
  })
}
