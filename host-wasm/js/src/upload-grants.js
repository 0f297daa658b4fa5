// Asks `coldpress serve` for grants, and says why if it gets none.

import { ColdpressError, fullMessage, stopIfAborted } from './error.js'
import { runtimeWith } from './runtime.js'
import { checkFunctions } from './settings.js'
import { CorsWatch } from './upload-cors.js'
import { kindOf } from './values.js'

/** @import { Runtime } from './runtime.js' */
/** @import { GetGrant, GrantRequest } from '../index.js' */

/** What a status means if the answer is not that of a grant server, but for example a proxy's. */
const CODES = {
  401: 'Denied',
  403: 'Denied',
  408: 'Unavailable',
  413: 'Limit',
  425: 'Unavailable',
  429: 'Unavailable',
}
/** The codes that the answer of a grant server may name. */
const CODES_OF_SERVER = new Set([
  'Key', 'Limit', 'Misuse', 'Denied', 'NotFound', 'Conflict', 'Unavailable',
])
/** With these the server says that it cannot handle such a request: a retry would fail too. */
const NO_RETRY = new Set([501, 505])
const RETRY_AFTER = /^\d{1,9}$/
/** What a header may hold. With other characters `fetch` would fail and not name the token. */
const TOKEN = /^[\x20-\x7e]+$/
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Only these redirects keep the method and the body of a request. */
const REDIRECTS_AS_IT_IS = new Set([307, 308])
const REDIRECTS_MAX = 5

/**
 * Returns a function that asks the grant server (`coldpress serve`) at `url` for grants.
 *
 * @param {string | URL} url the address of the server, with its path if it has one
 * @param {{ token: Token, fetch?: typeof globalThis.fetch, runtime?: Runtime }} options
 * @returns {GetGrant}
 *
 * @typedef {string | (() => string | Promise<string>)} Token
 */
export function grantsFrom(url, options) {
  const isAnswer = (/** @type {any} */ answer) => typeof answer?.key === 'string'
  const call = { name: 'grantsFrom', path: 'v1/grants', what: 'a grant', isAnswer }
  return questionsTo(url, options, call)
}

/**
 * Returns a function that posts a request to the grant server, and returns its answer.
 *
 * @param {string | URL} url
 * @param {{ token: Token, fetch?: typeof globalThis.fetch, runtime?: Runtime }} options
 * @param {{ name: string, path: string, what: string, isAnswer: (answer: any) => boolean }} call
 *   what the caller is called, and what it asks for
 * @returns {(request: any, options?: { signal?: AbortSignal }) => Promise<any>}
 */
export function questionsTo(url, options, { name, path, what, isAnswer }) {
  checkFunctions({ fetch: options?.fetch })
  const runtime = options?.runtime ?? runtimeWith(options?.fetch)
  const address = addressOf(url, name)
  const endpoint = new URL(path, address)
  const token = options?.token
  if (typeof token !== 'function' && !isToken(token)) {
    const rule = 'a string of printable ASCII, or a function that returns one'
    throw new ColdpressError('Misuse', `${name} needs a token: ${rule}`)
  }
  const cors = new CorsWatch(runtime)
  return async (request, options) => {
    const signal = options?.signal
    const authorization = `Bearer ${await bearer(token)}`
    const headers = { authorization, 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(request), signal }
    const sent = cors.sent('POST', endpoint.href, Object.keys(headers))
    let response
    let text
    try {
      response = await fetched(runtime, endpoint, init)
      cors.answered(sent)
      text = await response.text()
    } catch (error) {
      stopIfAborted(signal)
      throw await unreachable(runtime, cors, sent, error)
    }
    const answer = parsed(text)
    if (!response.ok) throw refusal(address, endpoint, response, answer, name)
    if (isAnswer(answer)) return answer
    throw strange(address, endpoint, response, `, with ${start(text)} for ${what}`)
  }
}

/**
 * Follows redirects within the server only: `fetch` itself would drop the token on the way to
 * another server, or fail with words that do not name the redirect. A page must leave redirects to
 * the browser, which hides them.
 *
 * @param {Runtime} runtime
 * @param {URL} endpoint
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
async function fetched(runtime, endpoint, init) {
  if (runtime.origin() !== undefined) return runtime.fetch(endpoint.href, init)
  let url = endpoint
  for (let redirects = 0; ; redirects += 1) {
    const response = await runtime.fetch(url.href, { ...init, redirect: 'manual' })
    const next = redirects < REDIRECTS_MAX ? redirectOf(response, url) : undefined
    const isSame = next?.origin === endpoint.origin && REDIRECTS_AS_IT_IS.has(response.status)
    if (next === undefined || !isSame) return response
    await response.body?.cancel()
    url = next
  }
}

/**
 * @param {Response} response
 * @param {URL} url of the request
 * @returns {URL | undefined} where the answer redirects to
 */
function redirectOf({ status, headers }, url) {
  const location = headers.get('location')
  if (!REDIRECTS.has(status) || location === null) return undefined
  try {
    return new URL(location, url)
  } catch {
    return undefined
  }
}

/** @param {Token} token */
async function bearer(token) {
  if (typeof token === 'string') return token
  let given
  try {
    given = await token()
  } catch (cause) {
    // The function chose the code itself. With `Unavailable`, the upload asks again later.
    if (cause instanceof ColdpressError) throw cause
    const said = /** @type {any} */ (cause)?.message ?? cause
    const message = `the function token failed, so no grant was asked for: ${said}`
    throw new ColdpressError('Denied', message, { cause })
  }
  if (isToken(given)) return given
  const found = typeof given === 'string' ? 'a string that is no token' : kindOf(given)
  const rule = 'it must return a string of printable ASCII, or a promise of one'
  throw new ColdpressError('Denied', `the function token gave ${found}; ${rule}`)
}

/**
 * @param {unknown} token
 * @returns {token is string}
 */
const isToken = (token) => typeof token === 'string' && TOKEN.test(token) && token.trim() !== ''

/**
 * A failed request for a grant, as the machine takes it: by the code it decides whether to retry.
 *
 * @param {unknown} error
 * @returns {{ code: string, message: string, retryAfterMs: number | undefined }}
 */
export function askFailure(error) {
  const { code, message, retryAfterMs } = /** @type {any} */ (error ?? {})
  if (error instanceof ColdpressError) return { code, message, retryAfterMs }
  // fetch throws a TypeError if the network is down, also in a function of the caller's.
  const isNetwork = error instanceof TypeError
  return {
    code: isNetwork ? 'Unavailable' : 'Denied',
    message: fullMessage(error),
    retryAfterMs: undefined,
  }
}

/**
 * @param {string | URL} url
 * @param {string} name
 * @returns {URL} the folder of the server, with a slash at its end
 */
function addressOf(url, name) {
  const shown = JSON.stringify(String(url))
  const rule = 'it begins with http:// or https://'
  const message = `${name}: ${shown} is no URL of a grant server; ${rule}`
  let base
  try {
    base = new URL(url, /** @type {any} */ (globalThis).location?.href)
  } catch (cause) {
    throw new ColdpressError('Misuse', message, { cause })
  }
  if (!/^https?:$/.test(base.protocol)) throw new ColdpressError('Misuse', message)
  if (base.username !== '' || base.password !== '') {
    const rule = 'a password in a URL is not sent; pass a token'
    const what = `${name}: the URL of ${base.host} has a user in it`
    throw new ColdpressError('Misuse', `${what}; ${rule}`)
  }
  base.search = base.hash = ''
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return base
}

/**
 * @param {Runtime} runtime
 * @param {CorsWatch} cors
 * @param {import('./upload-cors.js').SentRequest} sent
 * @param {unknown} cause
 */
async function unreachable(runtime, cors, sent, cause) {
  const { server } = sent
  if (runtime.online() && (await cors.failed(sent))) {
    const page = runtime.origin()
    return new ColdpressError(
      'Cors',
      `the grant server ${server} answers, but does not let ${page} in: start it with that origin `
        + `on its list (coldpress serve --allow-origin ${page})`,
      { cause },
    )
  }
  const message = `the grant server ${server} cannot be reached: ${fullMessage(cause)}`
  return new ColdpressError('Unavailable', message, { cause })
}

/**
 * @param {string} text
 * @returns {any} the JSON value; undefined if the text is no JSON
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
 * @param {any} answer the body, if it is JSON
 * @param {string} name
 */
function refusal(address, endpoint, response, answer, name) {
  const { status } = response
  const target = redirectOf(response, endpoint)
  if (target !== undefined) return redirected(address, endpoint, response, target, name)
  const after = response.headers.get('retry-after') ?? ''
  const retryAfterMs = RETRY_AFTER.test(after) ? Number(after) * 1000 : undefined
  const said = answer?.error
  const isBusy = status >= 500 && !NO_RETRY.has(status)
  const code = isBusy ? 'Unavailable' : CODES[/** @type {keyof typeof CODES} */ (status)]
  if (typeof said?.message === 'string') {
    const theirs = !isBusy && CODES_OF_SERVER.has(said.code) ? said.code : undefined
    return new ColdpressError(theirs ?? code ?? 'Denied', said.message, { retryAfterMs })
  }
  if (code === undefined) return strange(address, endpoint, response)
  return new ColdpressError(code, answered(address, endpoint, response), { retryAfterMs })
}

/**
 * @param {URL} address
 * @param {URL} endpoint
 * @param {Response} response
 * @param {URL} target
 * @param {string} name
 */
function redirected(address, endpoint, response, target, name) {
  // These parts may hold a secret.
  target.search = target.hash = target.username = target.password = ''
  const what = `${answered(address, endpoint, response)}: it redirects to ${target.href}`
  const todo = `pass ${name} the address of the grant server itself`
  return new ColdpressError('NotFound', `${what}: ${todo}`)
}

/**
 * The error if something else than a grant server answers.
 *
 * @param {URL} address
 * @param {URL} endpoint
 * @param {Response} response
 * @param {string} [more]
 */
function strange(address, endpoint, response, more = '') {
  const what = `${answered(address, endpoint, response)}${more}`
  return new ColdpressError('NotFound', `${what}: is it the address of a coldpress grant server?`)
}

/**
 * @param {URL} address
 * @param {URL} endpoint
 * @param {Response} response
 */
function answered({ href }, { pathname }, { status, statusText }) {
  return `${href} answered ${`${status} ${statusText}`.trimEnd()} to POST ${pathname}`
}
