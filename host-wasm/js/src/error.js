/**
 * What everything here fails with. `code` is stable; `message` says what was wrong, where, and what to do next.
 */
export class ColdpressError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ [name: string]: unknown }} [place] `row`, `id`, `line`, `column`, and `cause`
   */
  constructor(code, message, { cause, ...place } = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ColdpressError'
    this.code = code
    for (const [name, value] of Object.entries(place)) {
      if (value !== undefined) this[name] = value
    }
  }
}

/** What to do about a mistake of ours. */
export const REPORT = 'this is a bug of coldpress: please report it, with this message, at the issue tracker named in its package.json'

/**
 * @param {string} message
 * @returns {ColdpressError}
 */
export const misuse = message => new ColdpressError('Misuse', message)

/**
 * Throws where the signal has been aborted.
 *
 * @param {AbortSignal | undefined} signal
 */
export function stopIfAborted(signal) {
  if (signal?.aborted) throw new ColdpressError('Aborted', 'the work was aborted by its signal', { cause: signal.reason })
}
