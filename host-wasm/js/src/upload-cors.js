// A browser says "Failed to fetch" both where the network is down and where CORS is missing. This tells them apart.

import { ColdpressError } from './error.js'

/** @import { World } from './upload-world.js' */

// So often, one time behind the other, must a store answer a probe and refuse a request before it counts: connections that
// drop together, however many, are one event, and no proof.
const FAILURES_MIN = 4
// A browser that is refused sends no body, so it knows soon; what fails later was broken off on the way.
const REFUSED_MS_MAX = 10_000
const PROBE_MS_MAX = 4000
const METHODS = ['PUT', 'POST', 'HEAD', 'DELETE']
// What grants sign, be it for one put or for parts: a rule that is set once should serve the next file too.
const HEADERS = ['content-type', 'if-none-match', 'x-amz-checksum-sha256', 'x-amz-meta-coldpress-sha256']
const EXPOSED = ['ETag', 'x-amz-meta-coldpress-sha256']

/**
 * One request, from `sent` until it is answered or has failed.
 *
 * @typedef {{ method: string, server: string, number: number, startMs: number }} Trial
 */

/** What the requests of one upload say about the CORS rules of the servers it talks to. */
export class CorsWatch {
  /** @param {World} world */
  constructor(world) {
    this.world = world
    /** @type {Map<string, { count: number, last: number }>} failures by server and method, and the last request there was at the latest of them */
    this.failures = new Map()
    /** @type {Set<string>} servers and methods of which an answer could be read */
    this.open = new Set()
    /** @type {Set<string>} the names of all headers that requests carry */
    this.headers = new Set(HEADERS)
    this.requests = 0
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {Iterable<string>} headers their names
   * @returns {Trial}
   */
  sent(method, url, headers) {
    for (const name of headers) this.headers.add(name.toLowerCase())
    this.requests += 1
    return { method, server: new URL(url).origin, number: this.requests, startMs: this.world.now() }
  }

  /**
   * An answer that script may read shows that the rules are there for this method.
   *
   * @param {Trial} trial
   */
  answered(trial) {
    this.open.add(nameOf(trial))
  }

  /**
   * Looks at a request that failed without an answer.
   *
   * @param {Trial} trial
   * @returns {Promise<ColdpressError | undefined>} an error where CORS is the cause beyond doubt
   */
  async failed(trial) {
    const { method, server, number, startMs } = trial
    const page = this.world.origin()
    const name = nameOf(trial)
    if (page === undefined || page === server || this.open.has(name)) return undefined
    if (this.world.now() - startMs > REFUSED_MS_MAX) return undefined
    if (!(await this.#answersProbe(server))) {
      this.failures.delete(name)
      return undefined
    }
    const { count, last } = this.failures.get(name) ?? { count: 0, last: 0 }
    // It was under way when another failed: both may have the same cause.
    if (number <= last) return undefined
    this.failures.set(name, { count: count + 1, last: this.requests })
    return count + 1 >= FAILURES_MIN ? this.#missing(trial) : undefined
  }

  /**
   * The error that names what the bucket must allow.
   *
   * @param {Trial} trial the last one that failed
   */
  #missing({ method, server }) {
    const page = this.world.origin() ?? '*'
    const rule = corsRule(page, this.headers)
    return new ColdpressError(
      'Cors',
      `${server} answers, but no ${method} request gets through: its CORS rules do not let ${page} in. Allow the origin ${page}, the methods ` +
        `${METHODS.join(', ')} and the headers ${rule.AllowedHeaders.join(', ')}, and expose ${EXPOSED.join(' and ')}. ` +
        `As a rule of the bucket: ${JSON.stringify({ CORSRules: [rule] })}`,
      { rule },
    )
  }

  /** @param {string} server */
  async #answersProbe(server) {
    const stop = new AbortController()
    const timer = this.world.setTimer(() => stop.abort(), PROBE_MS_MAX)
    try {
      // The answer stays hidden in this mode, but that there is one does not.
      const response = await this.world.fetch(`${server}/`, { method: 'GET', mode: 'no-cors', signal: stop.signal })
      await response.body?.cancel()
      return true
    } catch {
      return false
    } finally {
      this.world.clearTimer(timer)
    }
  }
}

/**
 * @param {string} origin
 * @param {Iterable<string>} headers
 */
function corsRule(origin, headers) {
  return {
    AllowedOrigins: [origin],
    AllowedMethods: METHODS,
    AllowedHeaders: [...headers].sort(),
    ExposeHeaders: EXPOSED,
    MaxAgeSeconds: 3600,
  }
}

/** @param {Trial} trial */
function nameOf({ method, server }) {
  return `${method} ${server}`
}
