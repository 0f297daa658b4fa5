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
  if (signal?.aborted) throw aborted(signal)
}

/**
 * What a promise gives, unless the signal is aborted first.
 *
 * @template T
 * @param {AbortSignal | undefined} signal
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function untilAborted(signal, promise) {
  if (signal === undefined) return promise
  /** @type {() => void} */
  let stop = () => {}
  const heard = new Promise((_, reject) => {
    stop = () => reject(aborted(signal))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  // Whichever comes second is of no interest, not even as a failure.
  promise.catch(() => {})
  try {
    return await Promise.race([promise, /** @type {Promise<never>} */ (heard)])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const aborted = (/** @type {AbortSignal} */ signal) =>
  new ColdpressError('Aborted', 'the work was aborted by its signal', { cause: signal.reason })
