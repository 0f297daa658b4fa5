// A browser says "Failed to fetch" both if the network is down and if a CORS rule is missing. This
// file tells the two apart.

import { ColdpressError } from './error.js'

/** @import { Runtime } from './runtime.js' */

// A CORS rule counts as missing only after this many failures, one after the other, with an answer
// to a probe after each. Requests that fail together are one event (the connection dropped), and
// prove nothing.
const FAILURES_MIN = 4
// The browser sends no body to a server that refuses the request, so a refusal comes soon. A
// request that fails later was interrupted.
const REFUSED_MS_MAX = 10_000
const PROBE_MS_MAX = 4000

/**
 * What a rule must allow.
 *
 * @typedef {{ methods: string[], headers: string[], exposed: string[] }} CorsNeeds
 */

/** @type {CorsNeeds} */
const OF_UPLOADS = {
  methods: ['PUT', 'POST', 'HEAD', 'DELETE'],
  // All headers that grants sign, for one put and for parts. So a rule that is set once also serves
  // the next file.
  headers: [
    'content-type', 'if-none-match', 'x-amz-checksum-sha256', 'x-amz-meta-coldpress-sha256',
  ],
  exposed: ['ETag', 'x-amz-meta-coldpress-sha256'],
}

/** @type {CorsNeeds} */
export const OF_READS = {
  methods: ['GET'], headers: ['range'], exposed: ['Content-Range', 'ETag'],
}

/**
 * A request that was sent, until its answer comes or it fails.
 *
 * @typedef {{ method: string, server: string, number: number, startMs: number }} SentRequest
 */

/** What requests tell about the CORS rules of their servers. */
export class CorsWatch {
  /**
   * @param {Runtime} runtime
   * @param {CorsNeeds} [needs]
   */
  constructor(runtime, needs = OF_UPLOADS) {
    this.runtime = runtime
    this.needs = needs
    /**
     * By server and method: the number of failures, and the newest request at the time of the last
     * one.
     *
     * @type {Map<string, { count: number, last: number }>}
     */
    this.failures = new Map()
    /** @type {Set<string>} the servers and methods whose answers the page could read */
    this.open = new Set()
    /** @type {Set<string>} the names of all headers that requests carry */
    this.headers = new Set(needs.headers)
    this.requests = 0
  }

  /**
   * Notes a request that is sent now.
   *
   * @param {string} method
   * @param {string} url
   * @param {Iterable<string>} headers their names
   * @returns {SentRequest}
   */
  sent(method, url, headers) {
    for (const name of headers) this.headers.add(name.toLowerCase())
    this.requests += 1
    const startMs = this.runtime.now()
    return { method, server: new URL(url).origin, number: this.requests, startMs }
  }

  /**
   * Notes an answer. The page could read it, so the rule for this method is there.
   *
   * @param {SentRequest} request
   */
  answered(request) {
    this.open.add(nameOf(request))
  }

  /**
   * Notes a request that failed without an answer.
   *
   * @param {SentRequest} request
   * @returns {Promise<ColdpressError | undefined>} an error if CORS is the cause beyond doubt
   */
  async failed(request) {
    const { method, server, number, startMs } = request
    const page = this.runtime.origin()
    const name = nameOf(request)
    if (page === undefined || page === server || this.open.has(name)) return undefined
    if (this.runtime.now() - startMs > REFUSED_MS_MAX) return undefined
    if (!(await this.#answersProbe(server))) {
      this.failures.delete(name)
      return undefined
    }
    const { count, last } = this.failures.get(name) ?? { count: 0, last: 0 }
    // This request ran while another one failed: both may have the same cause.
    if (number <= last) return undefined
    this.failures.set(name, { count: count + 1, last: this.requests })
    return count + 1 >= FAILURES_MIN ? this.#missing({ method, server }) : undefined
  }

  /**
   * The error that names the rule that the bucket lacks.
   *
   * @param {{ method: string, server: string }} request the last one that failed
   */
  #missing({ method, server }) {
    const page = this.runtime.origin() ?? '*'
    const rule = corsRule(page, this.needs, this.headers)
    return new ColdpressError(
      'Cors',
      `${server} answers, but no ${method} request gets through: its CORS rules do not let ${page} `
        + `in. ${whatToAllow(page, rule)}`,
      { rule },
    )
  }

  /** @param {string} server */
  async #answersProbe(server) {
    const stop = new AbortController()
    const timer = this.runtime.setTimer(() => stop.abort(), PROBE_MS_MAX)
    try {
      // In this mode the page cannot read the answer, but it learns that one came.
      const init = { method: 'GET', mode: /** @type {const} */ ('no-cors'), signal: stop.signal }
      const response = await this.runtime.fetch(`${server}/`, init)
      await response.body?.cancel()
      return true
    } catch {
      return false
    } finally {
      this.runtime.clearTimer(timer)
    }
  }
}

/**
 * The rule that a bucket needs.
 *
 * @param {string} origin
 * @param {CorsNeeds} needs
 * @param {Iterable<string>} [headers]
 */
export function corsRule(origin, { methods, exposed, headers: all }, headers = all) {
  return {
    AllowedOrigins: [origin],
    AllowedMethods: methods,
    AllowedHeaders: [...headers].sort(),
    ExposeHeaders: exposed,
    MaxAgeSeconds: 3600,
  }
}

/**
 * The rule, for people.
 *
 * @param {string} page
 * @param {ReturnType<typeof corsRule>} rule
 */
export function whatToAllow(page, rule) {
  const { AllowedMethods: methods, AllowedHeaders: headers, ExposeHeaders: exposed } = rule
  const some = (/** @type {string} */ one, /** @type {string[]} */ all) =>
    `${one}${all.length > 1 ? 's' : ''} ${all.join(', ')}`
  return `Allow the origin ${page}, the ${some('method', methods)} and the `
    + `${some('header', headers)}, and expose `
    + `${exposed.join(' and ')}. As a rule of the bucket: ${JSON.stringify({ CORSRules: [rule] })}`
}

/** @param {SentRequest} request */
function nameOf({ method, server }) {
  return `${method} ${server}`
}
