// Read grants, one after the other in the order of their LSNs: given as a list, or asked of
// `coldpress serve` page by page.

import { ColdpressError, misuse } from './error.js'
import { pauseUntil } from './scan-pause.js'
import { askFailure, questionsTo } from './upload-grants.js'
import { kindOf } from './values.js'

/** @import { ReadAddress, ScanTools } from './scan-tools.js' */
/** @import { Runtime } from './runtime.js' */

/**
 * @typedef {{ min: bigint, max: bigint }} Lsns
 * @typedef {{ address: ReadAddress, source: unknown }} Granted a file, and what `open` takes for it
 * @typedef {{ tools: ScanTools, runtime: Runtime, retries?: number, fetch?: any }} PageTerms
 */

/**
 * @param {any} grants
 * @param {Lsns | undefined} lsns
 * @param {PageTerms} terms
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Granted>}
 */
export async function* grantsOf(grants, lsns, terms, signal) {
  let before
  for await (const file of unordered(grants, lsns, terms, signal)) {
    const { address: { lsns: found, place } } = file
    if (before && found && isBefore(found, before)) {
      throw misuse(`the grants are not in the order of their LSNs: ${place?.key} comes too late`)
    }
    before = found
    yield file
  }
}

/**
 * @param {Lsns} a
 * @param {Lsns} b
 */
const isBefore = (a, b) => a.min < b.min || (a.min === b.min && a.max < b.max)

/**
 * @param {any} grants
 * @param {Lsns | undefined} lsns
 * @param {PageTerms} terms
 * @param {AbortSignal} signal
 */
async function* unordered(grants, lsns, terms, signal) {
  if (Array.isArray(grants)) {
    const files = await Promise.all(grants.map((grant) => granted(grant, terms)))
    yield* files.sort((a, b) => compared(a.address, b.address))
  } else if (typeof grants?.[Symbol.asyncIterator] === 'function' || isIterable(grants)) {
    for await (const grant of grants) yield await granted(grant, terms)
  } else if (grants?.server !== undefined) {
    yield* pages(grants, lsns, terms, signal)
  } else {
    const what = 'an array or an async iterable of read grants, or { server, token, collection }'
    throw misuse(`${kindOf(grants)} is no list of files; pass ${what}`)
  }
}

const isIterable = (/** @type {any} */ grants) => {
  return typeof grants === 'object' && typeof grants?.[Symbol.iterator] === 'function'
}

/**
 * @param {any} grant a grant, its JSON text, or a function that gets one
 * @param {PageTerms} terms
 * @returns {Promise<Granted>}
 */
async function granted(grant, { tools }) {
  return { address: await tools.address(grant), source: grant }
}

/**
 * @param {ReadAddress} a
 * @param {ReadAddress} b
 */
function compared(a, b) {
  const order = (/** @type {ReadAddress} */ { lsns, place }) =>
    /** @type {any[]} */ ([lsns?.min, lsns?.max, place?.key])
  const [left, right] = [order(a), order(b)]
  const at = left.findIndex((value, index) => value !== right[index])
  return at < 0 ? 0 : left[at] < right[at] ? -1 : 1
}

/**
 * @param {{ server: string | URL, token: any, collection: string }} from
 * @param {Lsns | undefined} lsns
 * @param {PageTerms} terms
 * @param {AbortSignal} signal
 */
async function* pages({ server, token, collection, ...others }, lsns, terms, signal) {
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) {
    const what = 'the server knows the tenant from the token, and lsns is an option of the query'
    throw misuse(`${JSON.stringify(unknown)} is no part of { server, token, collection }; ${what}`)
  }
  if (typeof collection !== 'string') {
    throw misuse(`collection is ${kindOf(collection)}; pass the name of a collection`)
  }
  const { tools, runtime, fetch } = terms
  // A "next" that is no text must not pass for the end of the list.
  const isAnswer = (/** @type {any} */ answer) =>
    Array.isArray(answer?.files) && typeof (answer.next ?? '') === 'string'
  const call = { name: 'scanCollection', path: 'v1/scans', what: 'a list of grants', isAnswer }
  const post = questionsTo(server, { token, fetch, runtime }, call)
  const range = lsns && { min_lsn: String(lsns.min), max_lsn: String(lsns.max) }
  const ask = (/** @type {string | undefined} */ page, /** @type {AbortSignal} */ of) => {
    const question = { collection, ...range, ...(page !== undefined && { page }) }
    return asked(() => post(question, { signal: of }), terms, of)
  }
  let page
  do {
    const current = page
    const answer = await ask(current, signal)
    for (const grant of answer.files) {
      const address = await tools.address(grant)
      let isFirst = true
      // The grants of a page expire together: the same page is asked for again.
      const source = async (/** @type {{ signal: AbortSignal }} */ { signal: of }) => {
        const known = isFirst
        isFirst = false
        return known ? grant : sameOf(await ask(current, of), address)
      }
      yield { address, source }
    }
    if (answer.next === current && current !== undefined) {
      throw new ColdpressError('Unavailable', 'the grant server gives the same page for ever')
    }
    page = answer.next ?? undefined
  } while (page !== undefined)
}

/**
 * @param {{ files: any[] }} answer
 * @param {ReadAddress} address
 */
function sameOf({ files }, { place }) {
  const found = files.find((grant) => grant?.key === place?.key)
  if (found) return found
  throw new ColdpressError('NotFound', `the grant server has no grant for ${place?.key} any more`)
}

/**
 * Asks again after failures that may pass.
 *
 * @param {() => Promise<any>} ask
 * @param {PageTerms} terms
 * @param {AbortSignal} signal
 */
async function asked(ask, { tools, runtime, retries }, signal) {
  for (let failures = 1; ; failures += 1) {
    try {
      return await ask()
    } catch (error) {
      signal.throwIfAborted()
      const { code, retryAfterMs } = askFailure(error)
      if (code !== 'Unavailable') throw error
      const tries = { failures, retries, retryAfterMs, seed: runtime.seed(), now: runtime.now() }
      const atMs = await tools.nextTry(tries)
      if (atMs === undefined) throw error
      await pauseUntil(atMs, runtime, signal)
    }
  }
}
