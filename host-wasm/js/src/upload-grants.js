// Grants from `coldpress serve`, and what went wrong with one that did not come.

import { ColdpressError } from './error.js'
import { CorsWatch } from './upload-cors.js'
import { worldWith } from './upload-world.js'

/** @import { World } from './upload-world.js' */
/** @import { GetGrant, GrantRequest } from '../index.js' */

const CODES = {
  400: 'Misuse',
  401: 'Denied',
  403: 'Denied',
  404: 'NotFound',
  408: 'Unavailable',
  409: 'Conflict',
  413: 'Limit',
  429: 'Unavailable',
}
const OURS = new Set(['Key', 'Limit', 'Misuse', 'Denied', 'NotFound', 'Conflict', 'Unavailable'])
const RETRY_AFTER = /^\d{1,9}$/

/**
 * Asks `coldpress serve` at `url` for grants.
 *
 * @param {string | URL} url where the server is, with its path if it has one
 * @param {{ token: string | (() => string | Promise<string>), fetch?: typeof globalThis.fetch, world?: World }} options
 * @returns {GetGrant}
 */
export function grantsFrom(url, options) {
  const here = options?.world ?? worldWith(options?.fetch)
  const endpoint = grantsUrl(url)
  const token = options?.token
  if (typeof token !== 'string' && typeof token !== 'function') {
    throw new ColdpressError('Misuse', 'grantsFrom needs a token: a string, or a function that gives one')
  }
  const cors = new CorsWatch(here)
  return async (request, { signal } = {}) => {
    const bearer = typeof token === 'function' ? await token() : token
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
    const body = JSON.stringify(request)
    const trial = cors.sent('POST', endpoint, Object.keys(headers))
    let response
    let text
    try {
      response = await here.fetch(endpoint, { method: 'POST', headers, body, signal })
      cors.answered(trial)
      text = await response.text()
    } catch (error) {
      if (signal?.aborted) throw new ColdpressError('Aborted', 'the upload was aborted', { cause: signal.reason })
      throw await unreachable(here, cors, trial, error)
    }
    if (response.ok) return parsed(endpoint, text)
    throw refusal(endpoint, response, text)
  }
}

/**
 * How a failed ask is told to the machine: retried later where it may go better then.
 *
 * @param {unknown} error
 * @returns {{ code: string, message: string, retryAfterMs: number | undefined }}
 */
export function askFailure(error) {
  const { code, message, retryAfterMs } = /** @type {any} */ (error ?? {})
  if (error instanceof ColdpressError) return { code, message, retryAfterMs }
  // fetch reports a network that is down as a TypeError, in a caller's own function too.
  const unavailable = error instanceof TypeError
  return { code: unavailable ? 'Unavailable' : 'Denied', message: String(message ?? error), retryAfterMs: undefined }
}

/** @param {string | URL} url */
function grantsUrl(url) {
  try {
    const base = new URL(url, /** @type {any} */ (globalThis).location?.href)
    if (!base.pathname.endsWith('/')) base.pathname += '/'
    return new URL('v1/grants', base).href
  } catch (cause) {
    throw new ColdpressError('Misuse', `grantsFrom: ${JSON.stringify(String(url))} is no URL of a grant server`, { cause })
  }
}

/**
 * @param {World} here
 * @param {CorsWatch} cors
 * @param {import('./upload-cors.js').Trial} trial
 * @param {unknown} cause
 */
async function unreachable(here, cors, trial, cause) {
  const { server } = trial
  if (here.online() && (await cors.failed(trial))) {
    const page = here.origin()
    return new ColdpressError(
      'Cors',
      `the grant server ${server} answers, but does not let ${page} in: start it with that origin on its list ` +
        `(coldpress serve --allow-origin ${page})`,
      { cause },
    )
  }
  const reason = String(/** @type {any} */ (cause)?.message ?? cause)
  return new ColdpressError('Unavailable', `the grant server ${server} cannot be reached: ${reason}`, { cause })
}

/**
 * @param {string} endpoint
 * @param {string} text
 */
function parsed(endpoint, text) {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const start = JSON.stringify(text.slice(0, 100))
    throw new ColdpressError('Unavailable', `${endpoint} answered with what is no grant: ${start}`, { cause })
  }
}

/**
 * @param {string} endpoint
 * @param {Response} response
 * @param {string} text
 */
function refusal(endpoint, response, text) {
  let said
  try {
    said = JSON.parse(text).error
  } catch {
    // What stands between us and the server answers in forms of its own; its status says enough.
  }
  const { status } = response
  const byStatus = CODES[/** @type {keyof typeof CODES} */ (status)] ?? (status >= 500 ? 'Unavailable' : 'Denied')
  const code = status < 500 && OURS.has(said?.code) ? said.code : byStatus
  const after = response.headers.get('retry-after') ?? ''
  const retryAfterMs = RETRY_AFTER.test(after) ? Number(after) * 1000 : undefined
  const message = said?.message ?? `${endpoint} answered ${status} ${response.statusText}`.trim()
  return new ColdpressError(code, message, { retryAfterMs })
}

