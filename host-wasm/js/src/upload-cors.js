// A browser says "Failed to fetch" both where the network is down and where CORS is missing. This tells them apart.

import { ColdpressError } from './error.js'

/** @import { World } from './upload-world.js' */

// So often must a store answer every probe and refuse every request before it counts: one dropped connection is no proof.
const FAILURES_MIN = 4
const PROBE_MS_MAX = 4000
const METHODS = ['PUT', 'POST', 'HEAD', 'DELETE']
const EXPOSED = ['ETag', 'x-amz-meta-coldpress-sha256']

/** What the requests of one upload say about the CORS rules of the servers it talks to. */
export class CorsWatch {
  /** @param {World} world */
  constructor(world) {
    this.world = world
    /** @type {Map<string, number>} failures by server and method; none once it has answered */
    this.failures = new Map()
    /** @type {Set<string>} the names of all headers that requests carried */
    this.headers = new Set()
  }

  /**
   * @param {string} method
   * @param {string} url
   * @param {Iterable<string>} headers their names
   */
  sent(method, url, headers) {
    for (const name of headers) this.headers.add(name.toLowerCase())
  }

  /**
   * An answer that script may read shows that the rules are there for this method.
   *
   * @param {string} method
   * @param {string} url
   */
  answered(method, url) {
    this.failures.set(`${method} ${new URL(url).origin}`, -Infinity)
  }

  /**
   * Looks at a request that failed without an answer.
   *
   * @param {string} method
   * @param {string} url
   * @returns {Promise<ColdpressError | undefined>} an error where CORS is the cause beyond doubt
   */
  async failed(method, url) {
    const page = this.world.origin()
    const server = new URL(url).origin
    if (page === undefined || page === server) return undefined
    const name = `${method} ${server}`
    if (!(await this.#answersProbe(server))) {
      if (this.failures.get(name) !== -Infinity) this.failures.delete(name)
      return undefined
    }
    const count = (this.failures.get(name) ?? 0) + 1
    this.failures.set(name, count)
    return count >= FAILURES_MIN ? this.missing(server, `no ${method} request gets through`) : undefined
  }

  /**
   * The error that names what the bucket must allow.
   *
   * @param {string} server
   * @param {string} what it is known by
   */
  missing(server, what) {
    const page = this.world.origin() ?? '*'
    const rule = corsRule(page, this.headers)
    return new ColdpressError(
      'Cors',
      `${server} answers, but ${what}: its CORS rules do not let ${page} in. Allow the origin ${page}, the methods ` +
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
