// One file behind a `fetch` that answers range requests as a test wants: the whole network of the
// tests of `coldpress/scan` that need no network.
import { pathToFileURL } from 'node:url'

import { unpacked } from '../lib/tools.mjs'

const folder = pathToFileURL(`${unpacked()}/`)

/** `coldpress/scan` and `coldpress`, as Node has them. */
export const scan = await import(new URL('scan.node.js', folder).href)
export const coldpress = await import(new URL('node.js', folder).href)
const { runtime } = await import(new URL('src/runtime.js', folder).href)

export const URL_OF_FILE = 'https://shelf.example/films.parquet?signature=secret'
/** The pauses between tries are shorter, and each request has its time. */
export const TIMEOUT_MS = 60_000

/** A file of so many rows in some row groups, whose pages are not small. */
export async function filmsFile(rows = 20_000, options = {}) {
  const films = Array.from({ length: rows }, (_, n) => ({
    _id: `film-${n}`, year: 1920 + (n * 7919) % 100, n, title: `The ${words(n)}`, score: n / 8,
  }))
  const lsns = { min: 1 }
  const file = await coldpress.encode(films, {
    collection: 'films', tenant: 7, lsns, rowGroupRowsMax: 5_000, ...options,
  })
  return { films, bytes: file.bytes, key: file.key }
}

function words(n) {
  let state = n * 2654435761 % 2147483647 || 1
  const word = () => (state = (state * 48271) % 2147483647).toString(36)
  return Array.from({ length: 6 }, word).join(' ')
}

export class Shelf {
  /** Every request, as it came. */
  requests = []
  /** Requests that ended before their answer was read. */
  aborted = 0
  /** What a test answers instead: `(request, number) => Response | undefined`. */
  answer = () => undefined
  #now = 1_700_000_000_000
  /** @type {Map<number, () => void>} the timers of requests that are under way */
  #timeouts = new Map()
  #timers = 0
  /** How long all pauses took together. */
  pausedMs = 0

  /**
   * @param {Uint8Array} bytes
   * @param {{ etag?: string | null, origin?: string }} [options] with an origin, requests come from
   *   a page
   */
  constructor(bytes, { etag = '"one"', origin } = {}) {
    this.bytes = bytes
    this.etag = etag
    this.origin = origin
  }

  get runtime() {
    return {
      ...runtime,
      fetch: (url, init) => this.#fetch(url, init),
      origin: () => this.origin,
      now: () => this.#now,
      setTimer: (run, ms) => this.#setTimer(run, ms),
      clearTimer: (timer) => this.#timeouts.delete(timer),
    }
  }

  advance(ms) {
    this.#now += ms
  }

  /** The time of all requests that are under way is over. */
  timeOut() {
    for (const run of [...this.#timeouts.values()]) run()
  }

  /** Opens the file. */
  open(source = URL_OF_FILE, options = {}) {
    return scan.open(source, { runtime: this.runtime, timeoutMs: TIMEOUT_MS, ...options })
  }

  /** What the server has for a range: a 206. */
  part(start, end, { etag = this.etag, total = this.bytes.length, headers = {} } = {}) {
    const body = this.bytes.slice(start, end)
    return new Response(body, {
      status: 206,
      headers: {
        ...(etag === null ? {} : { etag }),
        'content-range': `bytes ${start}-${start + body.length - 1}/${total}`,
        ...headers,
      },
    })
  }

  #setTimer(run, ms) {
    this.#timers += 1
    const timer = this.#timers
    if (ms >= TIMEOUT_MS) {
      this.#timeouts.set(timer, run)
    } else {
      this.pausedMs += ms
      setImmediate(() => {
        this.#now += ms
        run()
      })
    }
    return timer
  }

  async #fetch(url, init) {
    const headers = new Headers(init.headers)
    const match = /^bytes=(\d+)-(\d+)$/.exec(headers.get('range') ?? '')
    const { method = 'GET', signal } = init
    const [start, end] = match ? [Number(match[1]), Number(match[2]) + 1] : []
    const request = { method, url, headers: Object.fromEntries(headers), start, end, signal, body: init.body }
    this.requests.push(request)
    signal?.addEventListener('abort', () => { this.aborted += 1 })
    signal?.throwIfAborted()
    const given = await this.answer(request, this.requests.length)
    signal?.throwIfAborted()
    if (given instanceof Error) throw given
    return given ?? this.part(start, Math.min(end, this.bytes.length))
  }
}

/** All of an async iterable. */
export async function all(iterable) {
  const found = []
  for await (const one of iterable) found.push(one)
  return found
}

/** A body that never ends; `read` counts its bytes. */
export function endless(read = () => {}) {
  return new ReadableStream({
    pull(controller) {
      const piece = new Uint8Array(16 << 10)
      read(piece.length)
      controller.enqueue(piece)
    },
  }, { highWaterMark: 0 })
}
