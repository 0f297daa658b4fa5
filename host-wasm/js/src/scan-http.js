// Reads ranges of one object over HTTP: plain `bytes=A-B`, never HEAD, never the last bytes of an
// unknown size. Core's table judges every answer.

import { ColdpressError, fullMessage, untilAborted } from './error.js'
import {
  WHOLE_BYTES_MAX, bodyOf, changed, contentRange, errorBodyOf, wrong,
} from './scan-answer.js'
import { pauseUntil, timed } from './scan-pause.js'
import { OF_READS, CorsWatch, corsRule, whatToAllow } from './upload-cors.js'

/** @import { ReadAddress, ScanTools } from './scan-tools.js' */
/** @import { Runtime } from './runtime.js' */
/** @import { Slots } from './scan-slots.js' */
/** @import { ScanCount } from './scan-count.js' */

/** The first request, if the size is not known. A smaller file is then whole. */
export const HEAD_BYTES = 64 << 10
/** Fresh grants in a row that the store may call expired. */
const RENEWALS_MAX = 2
/** A request may take its `timeoutMs`, and as long again for each of these. */
const BYTES_PER_TIMEOUT = 1 << 20

/**
 * @typedef {object} HttpTerms
 * @property {ScanTools} tools
 * @property {Runtime} runtime
 * @property {Slots} slots
 * @property {ScanCount} count
 * @property {number} [retries]
 * @property {number} timeoutMs
 *
 * @typedef {{ bytes: Uint8Array<ArrayBuffer>, start: number, total: number | undefined }} Piece
 */

export class HttpSource {
  /** @type {ReadAddress} */
  #address
  #renew
  /** @type {Promise<ReadAddress> | undefined} */
  #renewing
  #terms
  #cors
  /** @type {string | undefined} */
  #etag

  /**
   * @param {ReadAddress} address
   * @param {((signal: AbortSignal) => Promise<ReadAddress>) | undefined} renew gets another grant
   *   for the same file
   * @param {HttpTerms} terms
   */
  constructor(address, renew, terms) {
    this.#address = address
    this.#renew = renew
    this.#terms = terms
    this.#cors = new CorsWatch(terms.runtime, OF_READS)
    this.#etag = address.etag
    /** What the file is called in errors: its query may hold a signature. */
    this.name = address.place?.key ?? nameOf(address.url)
    this.place = address.place
    /** @type {number | undefined} */
    this.bytes = address.bytes
  }

  /**
   * The bytes of a range. Without a known size, `end` may lie behind the end of the file.
   *
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal} signal
   * @returns {Promise<Piece>} more than the range if the server sent a whole small file
   */
  async range(start, end, signal) {
    const { tools, runtime, slots, retries } = this.#terms
    let [failures, renewals] = [0, 0]
    for (;;) {
      const address = await this.#current(signal)
      const found = await slots.run(signal, () => this.#try(address, start, end, signal))
      if ('bytes' in found) return found
      const { error, next, retryAfterMs } = found
      if (next === 'renew' && this.#renew !== undefined && renewals < RENEWALS_MAX) {
        renewals += 1
        await this.#renewed(address, signal)
        continue
      }
      if (next !== 'retry') throw this.#told(error)
      failures += 1
      const tries = { failures, retries, retryAfterMs, seed: runtime.seed(), now: runtime.now() }
      const atMs = await tools.nextTry(tries)
      const asked = retryAfterMs === undefined ? {} : { retryAfterMs }
      if (atMs === undefined) throw Object.assign(this.#told(error), asked)
      await pauseUntil(atMs, runtime, signal)
    }
  }

  /**
   * The address to ask. A grant that has expired by our clock is renewed first, if it can be.
   *
   * @param {AbortSignal} signal
   */
  async #current(signal) {
    const address = this.#address
    const has = this.#hasExpired(address)
    if (has && this.#renew !== undefined) await this.#renewed(address, signal)
    return this.#address
  }

  /** @param {ReadAddress} address */
  #hasExpired({ expiresMs }) {
    return expiresMs !== undefined && this.#terms.runtime.now() >= expiresMs
  }

  /**
   * Gets another grant, once for all requests that need it.
   *
   * @param {ReadAddress} old
   * @param {AbortSignal} signal
   */
  async #renewed(old, signal) {
    if (this.#address !== old) return
    this.#renewing ??= this.#renewal().finally(() => { this.#renewing = undefined })
    await untilAborted(signal, this.#renewing)
  }

  async #renewal() {
    const renew = /** @type {(signal: AbortSignal) => Promise<ReadAddress>} */ (this.#renew)
    // The abort of one scan must not take the grant from the others.
    const fresh = await renew(new AbortController().signal)
    const [before, now] = [this.#address, fresh].map(({ place, bytes }) => {
      return `${place?.key}, ${bytes}`
    })
    const [etag, pinned] = [fresh.etag, this.#etag]
    const isOther = etag !== undefined && pinned !== undefined && etag !== pinned
    if (before !== now || isOther) {
      throw this.#told(changed(`the new grant is for another file (${now} bytes, not ${before})`))
    }
    this.#address = fresh
    return fresh
  }

  /**
   * @param {ReadAddress} address
   * @param {number} start
   * @param {number} end
   * @param {AbortSignal} signal
   * @returns {Promise<Piece | { error: ColdpressError, next: string, retryAfterMs?: number }>}
   */
  async #try(address, start, end, signal) {
    const { runtime, count } = this.#terms
    const headers = [...address.headers, ['range', `bytes=${start}-${end - 1}`]]
    const isPage = runtime.origin() !== undefined
    // In a page this header would cost a preflight for each file.
    if (this.#etag?.startsWith('"') && !isPage) headers.push(['if-match', this.#etag])
    const sent = this.#cors.sent('GET', address.url, address.headers.map(([name]) => name))
    const timer = timed(runtime, signal, this.#timeoutMs(end - start))
    count.requests += 1
    const answer = async () => {
      const init = { method: 'GET', headers: /** @type {any} */ (headers), signal: timer.signal }
      const response = await runtime.fetch(address.url, init)
      this.#cors.answered(sent)
      try {
        return await this.#taken(response, address, start, end)
      } finally {
        // Whatever was not read must not arrive any more.
        if (response.body?.locked === false) response.body.cancel().catch(() => {})
      }
    }
    try {
      // A body that cannot be decompressed can hang in Node, which then heeds no signal.
      return await untilAborted(timer.signal, answer())
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof ColdpressError && !timer.isOver()) return { error, next: 'stop' }
      const isLost = timer.isOver() || !runtime.online()
      const missing = isLost ? undefined : await this.#cors.failed(sent)
      signal.throwIfAborted()
      if (missing) return { error: missing, next: 'stop' }
      const why = timer.isOver() ? 'it took too long to answer' : fullMessage(error)
      return { error: wrong(why), next: 'retry' }
    } finally {
      timer.end()
    }
  }

  /** @param {number} bytes */
  #timeoutMs(bytes) {
    return this.#terms.timeoutMs * (1 + Math.floor(bytes / BYTES_PER_TIMEOUT))
  }

  /**
   * @param {Response} response
   * @param {ReadAddress} address
   * @param {number} start
   * @param {number} end
   */
  async #taken(response, address, start, end) {
    if (response.status === 206) return this.#part(response, start, end)
    if (response.status === 200) return this.#whole(response, start, end)
    const { tools, runtime } = this.#terms
    const verdict = await tools.judge({
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      body: await errorBodyOf(response),
      hasGrant: address.place !== undefined,
      hasExpired: this.#hasExpired(address),
      now: runtime.now(),
    })
    const { next, code, said, retryAfterMs } = verdict
    if (verdict.isShorter) throw this.#shorter(response, start)
    if (code === 'Conflict') throw changed(`the store answered ${said}`)
    const error = new ColdpressError(code, this.#refusal(next, `it answered ${said}`))
    // A success that is neither 200 nor 206 has no bytes of the file.
    return { error, next: next === 'done' ? 'stop' : next, retryAfterMs }
  }

  /**
   * @param {string} next
   * @param {string} said
   */
  #refusal(next, said) {
    if (next !== 'renew') return said
    const todo = 'pass a function that gets grants: then it is asked for a fresh one'
    return this.#renew === undefined ? `the grant has expired (${said}); ${todo}` : said
  }

  /**
   * @param {Response} response
   * @param {number} start
   */
  #shorter(response, start) {
    const { total } = contentRange(response) ?? {}
    if (total !== undefined && total > start) {
      return wrong(`it refuses the bytes from ${start} on, and says that it has ${total}`)
    }
    if (start === 0) return new ColdpressError('Corrupt', 'it is empty')
    return changed(`it had ${this.bytes} bytes, and has fewer`)
  }

  /** @param {number} piece */
  #counting = (piece) => { this.#terms.count.bytesMoved += piece }

  /**
   * @param {Response} response
   * @param {number} start
   * @param {number} end
   */
  async #part(response, start, end) {
    const told = contentRange(response)
    this.#isSame(response, told?.total)
    const asked = `bytes ${start} to ${end - 1} were asked for`
    if (told?.start !== undefined && told.start !== start) {
      throw wrong(`${asked}, but its answer begins at byte ${told.start}`)
    }
    const total = this.bytes ?? told?.total
    if (total === undefined) throw this.#unknownSize(response)
    const wanted = Math.min(end, total) - start
    const bytes = await bodyOf(response, wanted, this.#counting)
    const found = bytes.length
    if (found > wanted) throw wrong(`${asked}, but its answer is too long`)
    if (found < wanted) {
      const error = wrong(`${asked}, but its answer is too short: ${found} bytes of ${wanted}`)
      return { error, next: 'retry' }
    }
    this.#pin(response, total)
    return { bytes, start, total }
  }

  /**
   * The whole file, though a part was asked for. That is of use only if it is small.
   *
   * @param {Response} response
   * @param {number} start
   * @param {number} end
   */
  async #whole(response, start, end) {
    this.#isSame(response, undefined)
    const isAll = start === 0 && end === this.bytes
    const most = isAll ? end : Math.min(this.bytes ?? WHOLE_BYTES_MAX, WHOLE_BYTES_MAX)
    const length = Number(response.headers.get('content-length') ?? 0)
    const isLarge = length > most || (this.bytes ?? 0) > most
    const bytes = isLarge ? undefined : await bodyOf(response, most, this.#counting)
    if (bytes === undefined || bytes.length > most) {
      throw new ColdpressError(
        'Settings',
        `it ignores range requests: asked for bytes ${start} to ${end - 1}, it answered 200 with `
          + 'the whole file; serve the file from a server that knows ranges, or fetch it whole and '
          + 'open the Blob',
      )
    }
    if (bytes.length < (this.bytes ?? 0)) {
      const error = wrong(`its answer is too short: ${bytes.length} bytes of ${this.bytes}`)
      return { error, next: 'retry' }
    }
    if (bytes.length === 0) throw new ColdpressError('Corrupt', 'it is empty')
    this.#pin(response, bytes.length)
    return { bytes, start: 0, total: bytes.length }
  }

  /**
   * @param {Response} response
   * @param {number | undefined} total
   */
  #isSame(response, total) {
    const etag = response.headers.get('etag')
    if (this.#etag !== undefined && etag !== null && etag !== this.#etag) {
      throw changed(`its ETag was ${this.#etag} and is ${etag.slice(0, 80)}`)
    }
    if (this.bytes !== undefined && total !== undefined && total !== this.bytes) {
      throw changed(`it had ${this.bytes} bytes and has ${total}`)
    }
  }

  /**
   * @param {Response} response
   * @param {number} total
   */
  #pin(response, total) {
    this.bytes ??= total
    this.#etag ??= response.headers.get('etag') ?? undefined
  }

  /** @param {Response} response */
  #unknownSize(response) {
    const { runtime } = this.#terms
    const page = runtime.origin()
    const isForeign = page !== undefined && response.type === 'cors'
    const pass = 'or pass { byteLength }'
    if (!isForeign) {
      const what = 'its answer does not say how long the file is (Content-Range)'
      return wrong(`${what}; mend the server, ${pass}`)
    }
    const rule = corsRule(page, OF_READS)
    const what = 'its CORS rules hide from this page how long the file is (Content-Range)'
    return new ColdpressError('Cors', `${what}. ${whatToAllow(page, rule)} ${pass}`, { rule })
  }

  /**
   * The error, with the name of the file.
   *
   * @param {ColdpressError} error
   */
  #told(error) {
    if (!error.message.startsWith(this.name)) error.message = `${this.name}: ${error.message}`
    return error
  }
}

/** @param {string} url */
function nameOf(url) {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
