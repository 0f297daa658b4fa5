/**
 * The error that every function of this package throws. `code` is stable; `message` says what went
 * wrong, where, and what to do next.
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

/** What to do about a bug of this package. */
export const REPORT = 'this is a bug in coldpress: please report it, with this message, at the '
  + 'issue tracker that its package.json names'

/**
 * @param {string} message
 * @returns {ColdpressError}
 */
export const misuse = message => new ColdpressError('Misuse', message)

/**
 * The message of an error, and of the errors that caused it. Node's `fetch` says only "fetch
 * failed"; its cause says why.
 *
 * @param {any} error
 * @returns {string}
 */
export function fullMessage(error) {
  const said = String(error?.message ?? error)
  const cause = error?.cause
  if (!(cause instanceof Error)) return said
  // Node leaves the message empty if it tried several addresses.
  const why = cause.message || /** @type {any} */ (cause).code
  return why && !said.includes(why) ? `${said}: ${why}` : said
}

/**
 * Throws if the signal has been aborted.
 *
 * @param {AbortSignal | null | undefined} signal
 */
export function stopIfAborted(signal) {
  if (signal?.aborted) throw aborted(signal)
}

/**
 * Waits for a promise, and rejects as soon as the signal is aborted.
 *
 * @template T
 * @param {AbortSignal | null | undefined} signal
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function untilAborted(signal, promise) {
  if (signal === undefined || signal === null) return promise
  /** @type {() => void} */
  let stop = () => {}
  const heard = new Promise((_, reject) => {
    stop = () => reject(aborted(signal))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  // After an abort nobody waits for this promise: its failure must not count as unhandled.
  promise.catch(() => {})
  try {
    return await Promise.race([promise, /** @type {Promise<never>} */ (heard)])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const aborted = (/** @type {AbortSignal} */ signal) =>
  new ColdpressError('Aborted', 'the signal aborted the work', { cause: signal.reason })
