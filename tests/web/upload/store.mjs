// An S3-like store and a grant server in one, over real sockets, that fail as a test says.
// Create-only puts, multipart, checksums, expiry and metadata are kept as S3 keeps them; only
// signatures are a counter instead of a hash.
import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'

import { REQUEST_HEADER } from './clock.mjs'

const TOKEN = 'the right token'

/**
 * What happens to a request: nothing special, a number (that status instead of doing it), 'drop'
 * (the connection ends before it is done), 'drop after' (it is done, but nobody hears of it),
 * 'status after' (done, and answered 500), 'silence' (it is not done and never answered); by
 * `fetch` alone 'silence after' (it is done and never answered) and 'late' (nobody hears of it, and
 * it is done when another request comes).
 *
 * @typedef {undefined | number | 'drop' | 'drop after' | 'status after' | 'silence' | 'silence
 *   after' | 'late'} Fate
 */

export class Store {
  objects = new Map()
  uploads = new Map()
  /** Every request that came: 'PUT /key', 'PUT /key?partNumber=2', 'POST /v1/grants'. */
  log = []
  /** Bodies of grant requests. */
  asked = []
  /** @type {(line: string, count: number) => Fate} count is how often this very line came */
  fate = () => undefined
  partBytes = 0
  expiresInMs = 60_000
  retryAfter = undefined
  origin = 'https://store.test'
  #counts = new Map()
  #late = []

  /**
   * @param {import('./clock.mjs').Clock} clock by which grants expire; it is told of requests that
   *   get no answer
   */
  constructor(clock) {
    this.clock = clock
  }

  /** @param {import('./clock.mjs').Clock} clock */
  static async start(clock) {
    const store = new Store(clock)
    store.server = createServer((request, response) => void store.#serve(request, response))
    await new Promise((resolve) => store.server.listen(0, '127.0.0.1', resolve))
    store.origin = `http://127.0.0.1:${store.server.address().port}`
    return store
  }

  token = TOKEN

  stop() {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(resolve))
  }

  /** A grant for a file that may be known. */
  grant(
    {
      collection = 'events',
      min_lsn: min = '1',
      max_lsn: max = '9',
      bytes,
      sha256,
      upload_id: uploadId,
    } = {},
    tenant = 7,
  ) {
    const key = `data/${tenant}/${encodeURIComponent(collection)}/lsn-${min}-${max}.parquet`
    const expires = this.clock.now() + this.expiresInMs
    const signed = (method, headers = {}, query = '') => ({
      method,
      headers,
      url: `${this.origin}/${key.replaceAll('%', '%25')}?expires=${expires}${query}`,
    })
    const content = { 'content-type': 'application/vnd.apache.parquet', 'if-none-match': '*' }
    const meta = sha256 === undefined ? {} : { 'x-amz-meta-coldpress-sha256': sha256 }
    const grant = {
      version: 1,
      prefix: 'data/',
      key,
      expires_ms: expires,
      bytes_max: 1 << 30,
      check: signed('HEAD'),
    }
    if (this.partBytes === 0 || (bytes ?? 0) <= this.partBytes) {
      const length = bytes === undefined ? {} : { 'content-length': String(bytes) }
      const checksum = sha256 === undefined
        ? {}
        : { 'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64') }
      return { ...grant, put: signed('PUT', { ...content, ...length, ...checksum, ...meta }) }
    }
    const id = uploadId ?? randomUUID()
    if (uploadId === undefined) this.uploads.set(id, { key, parts: new Map(), meta: sha256 })
    const count = Math.ceil(bytes / this.partBytes)
    const parts = Array.from(
      { length: count },
      (_, at) => signed('PUT', {}, `&partNumber=${at + 1}&uploadId=${id}`),
    )
    return {
      ...grant,
      multipart: {
        upload_id: id,
        part_bytes: this.partBytes,
        parts,
        complete: signed(
          'POST',
          { 'content-type': 'application/xml', 'if-none-match': '*' },
          `&uploadId=${id}`,
        ),
        abort: signed('DELETE', {}, `&uploadId=${id}`),
      },
    }
  }

  /** A `fetch` without sockets; `number` is the number of the request in the clock. */
  fetch = async (address, { method, headers, body, signal }, number) => {
    const url = new URL(address)
    const fate = this.#fateOf(method, url)
    this.arrive()
    const request = { method, headers: Object.fromEntries(new Headers(headers)) }
    const act = () => this.#answer(request, url, Buffer.from(body ?? ''))
    if (fate === 'late') this.#late.push(act)
    const acts = [undefined, 'drop after', 'status after', 'silence after'].includes(fate)
    const answer = typeof fate === 'number' ? this.#refused(fate) : acts ? act() : undefined
    if (fate?.startsWith?.('silence')) return this.#never(signal, number)
    if (fate === 'status after') {
      return new Response('<Error><Code>InternalError</Code></Error>', { status: 500 })
    }
    if (fate !== undefined && typeof fate !== 'number') {
      throw new TypeError('the connection was lost')
    }
    const empty = method === 'HEAD' || answer.status === 204
    return new Response(empty ? null : answer.body, {
      status: answer.status,
      headers: answer.headers,
    })
  }

  /** Late requests take effect now. */
  arrive() {
    for (const act of this.#late.splice(0)) act()
  }

  #never(signal, number) {
    this.clock.release(number)
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }

  #fateOf(method, url) {
    const part = url.searchParams.get('partNumber')
    const line = `${method} ${url.pathname}${part === null ? '' : `?partNumber=${part}`}`
    this.log.push(line)
    const count = (this.#counts.get(line) ?? 0) + 1
    this.#counts.set(line, count)
    return this.fate(line, count)
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.origin)
    const fate = this.#fateOf(request.method, url)
    if (fate === 'silence') return this.clock.release(request.headers[REQUEST_HEADER])
    if (fate === 'drop') return request.socket.destroy()
    const pieces = []
    try {
      for await (const piece of request) pieces.push(piece)
    } catch {
      return
    }
    const body = Buffer.concat(pieces)
    const answer = typeof fate === 'number' ? this.#refused(fate) : this.#answer(request, url, body)
    if (fate === 'drop after') return request.socket.destroy()
    if (fate === 'status after') {
      return response.writeHead(500).end('<Error><Code>InternalError</Code></Error>')
    }
    response.writeHead(answer.status, answer.headers ?? {}).end(
      request.method === 'HEAD' ? undefined : answer.body,
    )
  }

  #refused(status) {
    const headers = this.retryAfter === undefined ? {} : { 'retry-after': String(this.retryAfter) }
    return { status, headers, body: '<Error><Code>SlowDown</Code></Error>' }
  }

  #answer(request, url, body) {
    if (url.pathname === '/v1/grants') return this.#granted(request, JSON.parse(body))
    if (Number(url.searchParams.get('expires')) < this.clock.now()) {
      return failure(403, 'AccessDenied', 'Request has expired')
    }
    const key = decodeURIComponent(url.pathname.slice(1))
    const id = url.searchParams.get('uploadId')
    if (request.method === 'HEAD') return this.#head(key)
    if (id === null) return this.#put(key, request.headers, body)
    const upload = this.uploads.get(id)
    if (upload === undefined) return failure(404, 'NoSuchUpload', 'The upload does not exist')
    if (request.method === 'DELETE') {
      this.uploads.delete(id)
      return { status: 204 }
    }
    if (request.method === 'POST') return this.#complete(id, upload, String(body))
    upload.parts.set(Number(url.searchParams.get('partNumber')), body)
    return { status: 200, headers: { etag: etag(body) } }
  }

  #granted(request, asked) {
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      const body = JSON.stringify({
        error: { code: 'Denied', message: 'this token is not known here' },
      })
      return { status: 401, body }
    }
    this.asked.push(asked)
    if (asked.upload_id !== undefined && !this.uploads.has(asked.upload_id)) {
      return {
        status: 404,
        body: JSON.stringify({ error: { code: 'NotFound', message: 'there is no such upload' } }),
      }
    }
    return { status: 200, body: JSON.stringify(this.grant(asked)) }
  }

  #put(key, headers, body) {
    const checksum = headers['x-amz-checksum-sha256']
    if (checksum !== undefined && checksum !== createHash('sha256').update(body).digest('base64')) {
      return failure(400, 'BadDigest', 'The checksum does not match')
    }
    if (this.objects.has(key)) return failure(412, 'PreconditionFailed', 'It exists')
    this.objects.set(key, { body, meta: headers['x-amz-meta-coldpress-sha256'] })
    return { status: 200, headers: { etag: etag(body) } }
  }

  #complete(id, { key, parts, meta }, xml) {
    const named = [...xml.matchAll(/<PartNumber>(\d+)<\/PartNumber>\s*<ETag>([^<]+)<\/ETag>/g)]
    const pieces = named.map(([, number, tag]) => {
      const part = parts.get(Number(number))
      return part && tag.replaceAll('&quot;', '"') === etag(part) ? part : undefined
    })
    if (pieces.length === 0 || pieces.includes(undefined)) {
      return failure(400, 'InvalidPart', 'A part is missing')
    }
    if (this.objects.has(key)) return failure(412, 'PreconditionFailed', 'It exists')
    this.objects.set(key, { body: Buffer.concat(pieces), meta })
    this.uploads.delete(id)
    return {
      status: 200,
      body: '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>',
    }
  }

  #head(key) {
    const object = this.objects.get(key)
    if (object === undefined) return { status: 404 }
    const meta = object.meta === undefined ? {} : { 'x-amz-meta-coldpress-sha256': object.meta }
    return {
      status: 200,
      headers: { 'content-length': String(object.body.length), etag: etag(object.body), ...meta },
    }
  }
}

function etag(body) {
  return `"${createHash('md5').update(body).digest('hex')}"`
}

function failure(status, code, message) {
  return { status, body: `<Error><Code>${code}</Code><Message>${message}</Message></Error>` }
}
