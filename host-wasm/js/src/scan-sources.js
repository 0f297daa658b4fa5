// What `open` and `scanCollection` read from: URLs, read grants, functions that get them, Blobs,
// bytes and objects with `slice`.

import { ColdpressError, misuse } from './error.js'
import { SlicedSource, isSliceable } from './scan-bytes.js'
import { HttpSource } from './scan-http.js'
import { bytesOf } from './text.js'
import { kindOf } from './values.js'

/** @import { HttpTerms } from './scan-http.js' */
/** @import { ReadAddress } from './scan-tools.js' */
/** @import { Source } from './scan-held.js' */

const WHAT = 'pass a URL, a read grant, a function that gets one, a Blob, bytes, or an object '
  + '{ byteLength, slice(start, end) }'

/**
 * @param {any} source
 * @param {{ byteLength?: number, headers: [string, string][] }} options
 * @param {HttpTerms} terms
 * @param {AbortSignal} signal
 * @returns {Promise<Source>}
 */
export async function sourceOf(source, { byteLength, headers }, terms, signal) {
  if (typeof source === 'function') return granted(source, terms, signal)
  const url = urlOf(source)
  if (url !== undefined) {
    return new HttpSource({ url: url.href, headers, bytes: byteLength }, undefined, terms)
  }
  if (typeof source === 'string' || isGrant(source)) {
    return new HttpSource(await terms.tools.address(source), undefined, terms)
  }
  if (ArrayBuffer.isView(source)) return new SlicedSource(bytesOf(source), terms)
  if (isSliceable(source)) return new SlicedSource(source, terms)
  throw misuse(`${kindOf(source)} is no file to open; ${WHAT}`)
}

/**
 * @param {(options: { signal: AbortSignal }) => any} get
 * @param {HttpTerms} terms
 * @param {AbortSignal} signal
 */
async function granted(get, terms, signal) {
  const address = async (/** @type {AbortSignal} */ of) => {
    return terms.tools.address(await get({ signal: of }))
  }
  return new HttpSource(await address(signal), address, terms)
}

/** @param {any} source */
function urlOf(source) {
  // The text of a grant is JSON, and no URL begins so.
  const isText = typeof source === 'string' && !/^\s*\{/.test(source)
  if (!isText && !(source instanceof URL)) return undefined
  const base = /** @type {any} */ (globalThis).location?.href
  let url
  try {
    url = new URL(source, base)
  } catch (cause) {
    throw new ColdpressError('Misuse', `${JSON.stringify(source)} is no URL; ${WHAT}`, { cause })
  }
  if (/^(https?|blob|data):$/.test(url.protocol)) return url
  const todo = 'in Node, open a file with openAsBlob of node:fs'
  throw misuse(`${JSON.stringify(source)} is no URL that can be fetched; ${todo}`)
}

const isGrant = (/** @type {any} */ source) => {
  return typeof source === 'object' && source !== null && 'version' in source && 'key' in source
}
