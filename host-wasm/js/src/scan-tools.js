// What a scan asks the module beside the scan itself: what an answer means, when to try again, what
// a grant says.

/**
 * @typedef {{ next: 'done' | 'retry' | 'renew' | 'stop', code: string, said: string, isShorter:
 *   boolean, retryAfterMs: number | undefined }} Verdict what an answer means
 *
 * @typedef {object} ReadAddress what a read grant says
 * @property {string} url
 * @property {[string, string][]} headers
 * @property {{ prefix: string, key: string }} [place] the key that the file was made for
 * @property {number} [bytes]
 * @property {string} [etag]
 * @property {number} [expiresMs]
 * @property {{ min: bigint, max: bigint }} [lsns]
 */

export class ScanTools {
  /** @param {import('./engine.js').Engine} engine */
  constructor(engine) {
    this.engine = engine
  }

  /**
   * Judges the answer to a request that reads, by core's table.
   *
   * @param {{ status: number, retryAfter: string | null, body: Uint8Array, hasGrant: boolean,
   *   hasExpired: boolean, now: number }} answer
   * @returns {Promise<Verdict>}
   */
  judge({ status, retryAfter, body, hasGrant, hasExpired, now }) {
    return this.engine.run((raw) => {
      const verdict =
        raw.judgeRead(status, retryAfter ?? undefined, body, hasGrant, hasExpired, now)
      const [next, code, said] = [verdict.next(), verdict.code(), verdict.said()]
      const [isShorter, retryAfterMs] = [verdict.isShorter(), verdict.retryAfterMs()]
      verdict.free()
      return { next, code, said, isShorter, retryAfterMs }
    })
  }

  /**
   * When to send a request again, in milliseconds since 1970; undefined: not again.
   *
   * @param {{ failures: number, retries: number | undefined, retryAfterMs: number | undefined,
   *   seed: bigint, now: number }} tries
   * @returns {Promise<number | undefined>}
   */
  nextTry({ failures, retries, retryAfterMs, seed, now }) {
    return this.engine.run((raw) => raw.nextTry(failures, retries, retryAfterMs, seed, now))
  }

  /**
   * Reads a read grant.
   *
   * @param {object | string} grant
   * @returns {Promise<ReadAddress>}
   */
  address(grant) {
    // `JSON.stringify(undefined)` is undefined.
    const json = typeof grant === 'string' ? grant : JSON.stringify(grant) ?? 'null'
    return this.engine.run((raw) => {
      const read = raw.readGrant(json)
      const strings = read.headers()
      /** @type {[string, string][]} */
      const headers = []
      for (let at = 0; at < strings.length; at += 2) headers.push([strings[at], strings[at + 1]])
      const address = {
        url: read.url(),
        headers,
        place: { prefix: read.prefix(), key: read.key() },
        bytes: read.bytes(),
        etag: read.etag(),
        expiresMs: read.expiresMs(),
        lsns: { min: BigInt.asUintN(64, read.minLsn()), max: BigInt.asUintN(64, read.maxLsn()) },
      }
      read.free()
      return address
    })
  }
}
