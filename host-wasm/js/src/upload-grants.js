// Grants from `coldpress serve`, and what went wrong with one that did not come.

import { ColdpressError, stopIfAborted } from './error.js'
import { CorsWatch } from './upload-cors.js'
import { kindOf } from './values.js'
import { worldWith } from './upload-world.js'

/** @import { World } from './upload-world.js' */
/** @import { GetGrant, GrantRequest } from '../index.js' */

/** What an answer means that does not come in the form of a grant server: a proxy speaks, say. */
const CODES = {
  401: 'Denied',
  403: 'Denied',
  408: 'Unavailable',
  413: 'Limit',
  425: 'Unavailable',
  429: 'Unavailable',
}
const OURS = new Set(['Key', 'Limit', 'Misuse', 'Denied', 'NotFound', 'Conflict', 'Unavailable'])
/** No server that will answer later says so: it does not know what is asked of it. */
const NEVER = new Set([501, 505])
const RETRY_AFTER = /^\d{1,9}$/
/** What may stand in the header: anything else would fail in words that name no token. */
const TOKEN = /^[\x20-\x7e]+$/

/**
 * Asks `coldpress serve` at `url` for grants.
 *
 * @param {string | URL} url where the server is, with its path if it has one
 * @param {{ token: Token, fetch?: typeof globalThis.fetch, world?: World }} options
 * @returns {GetGrant}
 *
 * @typedef {string | (() => string | Promise<string>)} Token
 */
export function grantsFrom(url, options) {
  const here = options?.world ?? worldWith(options?.fetch)
  const address = addressOf(url)
  const endpoint = new URL('v1/grants', address)
  const token = options?.token
  if (typeof token !== 'function' && !isToken(token)) {
    const rule = 'a string of printable ASCII, or a function that gives one'
    throw new ColdpressError('Misuse', `grantsFrom needs a token: ${rule}`)
  }
  const cors = new CorsWatch(here)
  return async (request, options) => {
    const signal = options?.signal
    const authorization = `Bearer ${await bearer(token)}`
    const headers = { authorization, 'content-type': 'application/json' }
    const body = JSON.stringify(request)
    const trial = cors.sent('POST', endpoint.href, Object.keys(headers))
    let response
    let text
    try {
      response = await here.fetch(endpoint.href, { method: 'POST', headers, body, signal })
      cors.answered(trial)
      text = await response.text()
    } catch (error) {
      stopIfAborted(signal)
      throw await unreachable(here, cors, trial, error)
    }
    const said = parsed(text)
    if (!response.ok) throw refusal(address, endpoint, response, said)
    if (typeof said?.key === 'string') return said
    throw strange(address, endpoint, response, `, with ${start(text)} for a grant`)
  }
}

/** @param {Token} token */
async function bearer(token) {
  if (typeof token === 'string') return token
  let given
  try {
    given = await token()
  } catch (cause) {
    // It chose the code itself: with `Unavailable` the question is repeated.
    if (cause instanceof ColdpressError) throw cause
    const said = /** @type {any} */ (cause)?.message ?? cause
    const message = `the function token failed, so no grant was asked for: ${said}`
    throw new ColdpressError('Denied', message, { cause })
  }
  if (isToken(given)) return given
  const found = typeof given === 'string' ? 'a string that is no token' : kindOf(given)
  const rule = 'it gives a string of printable ASCII, or a promise of one'
  throw new ColdpressError('Denied', `the function token gave ${found}; ${rule}`)
}

/**
 * @param {unknown} token
 * @returns {token is string}
 */
const isToken = (token) => typeof token === 'string' && TOKEN.test(token) && token.trim() !== ''

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
  const told = String(message ?? error)
  return { code: unavailable ? 'Unavailable' : 'Denied', message: told, retryAfterMs: undefined }
}

/**
 * @param {string | URL} url
 * @returns {URL} the folder of the server, with a slash at its end
 */
function addressOf(url) {
  const shown = JSON.stringify(String(url))
  const message = `grantsFrom: ${shown} is no URL of a grant server; it begins with http:// or https://`
  let base
  try {
    base = new URL(url, /** @type {any} */ (globalThis).location?.href)
  } catch (cause) {
    throw new ColdpressError('Misuse', message, { cause })
  }
  if (!/^https?:$/.test(base.protocol)) throw new ColdpressError('Misuse', message)
  if (base.username !== '' || base.password !== '') {
    const rule = 'a password in a URL is not sent; pass a token'
    throw new ColdpressError('Misuse', `grantsFrom: the URL of ${base.host} has a user in it; ${rule}`)
  }
  base.search = base.hash = ''
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return base
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
      `the grant server ${server} answers, but does not let ${page} in: start it with that origin on `
        + `its list (coldpress serve --allow-origin ${page})`,
      { cause },
    )
  }
  const reason = String(/** @type {any} */ (cause)?.message ?? cause)
  const message = `the grant server ${server} cannot be reached: ${reason}`
  return new ColdpressError('Unavailable', message, { cause })
}

/**
 * @param {string} text
 * @returns {any} what the JSON says; undefined where it is none
 */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const start = (/** @type {string} */ text) =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

/**
 * @param {URL} address
 * @param {URL} endpoint
 * @param {Response} response
 * @param {any} answer the body, where it is JSON
 */
function refusal(address, endpoint, response, answer) {
  const { status } = response
  const after = response.headers.get('retry-after') ?? ''
  const retryAfterMs = RETRY_AFTER.test(after) ? Number(after) * 1000 : undefined
  const said = answer?.error
  const isBusy = status >= 500 && !NEVER.has(status)
  const code = isBusy ? 'Unavailable' : CODES[/** @type {keyof typeof CODES} */ (status)]
  if (typeof said?.message === 'string') {
    const theirs = !isBusy && OURS.has(said.code) ? said.code : undefined
    return new ColdpressError(theirs ?? code ?? 'Denied', said.message, { retryAfterMs })
  }
  if (code === undefined) return strange(address, endpoint, response)
  return new ColdpressError(code, answered(address, endpoint, response), { retryAfterMs })
}

/**
 * The error where something else than a grant server answers.
 *
 * @param {URL} address
 * @param {URL} endpoint
 * @param {Response} response
 * @param {string} [more]
 */
function strange(address, endpoint, response, more = '') {
  const did = `${answered(address, endpoint, response)}${more}`
  return new ColdpressError('NotFound', `${did}: is it the address of a coldpress grant server?`)
}

/**
 * @param {URL} address
 * @param {URL} endpoint
 * @param {Response} response
 */
function answered({ href }, { pathname }, { status, statusText }) {
  return `${href} answered ${`${status} ${statusText}`.trimEnd()} to POST ${pathname}`
}
