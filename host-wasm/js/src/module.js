import { ColdpressError, misuse } from './error.js'
import { bytesOf } from './text.js'

const HELP = 'copy it from node_modules/coldpress/glue, and tell where it is with init(url), or pass init(bytes) or init(module)'
const MAGIC = [0, 0x61, 0x73, 0x6d]

/**
 * A compiled module from whatever a caller has of it.
 *
 * @param {unknown} source a module, its bytes, where to fetch it, a response, or a promise of these
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(source) {
  const given = /** @type {any} */ (await source)
  // A bundler may hand the module over as the namespace it imported.
  const found = given?.default instanceof WebAssembly.Module ? given.default : given
  if (found instanceof WebAssembly.Module) return found
  if (typeof found === 'string' || found instanceof URL) return fetched(found)
  if (typeof Response === 'function' && found instanceof Response) return fromResponse(found, found.url)
  if (found instanceof ArrayBuffer || ArrayBuffer.isView(found)) return fromBytes(found, 'the bytes passed to init')
  throw misuse('init takes a WebAssembly.Module, its bytes, a URL or a Response of the .wasm file, or a promise of one')
}

/**
 * Fetches and compiles the module.
 *
 * @param {URL | string} url
 * @returns {Promise<WebAssembly.Module>}
 */
export async function fetched(url) {
  let response
  try {
    response = await fetch(url)
  } catch (cause) {
    throw unavailable(`cannot fetch ${url}: ${cause.message}`, cause)
  }
  return fromResponse(response, url)
}

async function fromResponse(response, url) {
  if (!response.ok) throw unavailable(`${url} answers ${response.status}`)
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('application/wasm') && WebAssembly.compileStreaming) {
    return compiled(WebAssembly.compileStreaming(response), url)
  }
  return fromBytes(await response.arrayBuffer(), `${url}${type && ` (${type})`}`)
}

/**
 * @param {ArrayBuffer | ArrayBufferView} source
 * @param {string} name
 * @returns {Promise<WebAssembly.Module>}
 */
export async function fromBytes(source, name) {
  const bytes = bytesOf(source)
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) throw unavailable(`${name} is no WebAssembly module`)
  return compiled(WebAssembly.compile(bytes), name)
}

async function compiled(module, name) {
  try {
    return await module
  } catch (cause) {
    const csp = cause instanceof WebAssembly.CompileError && /content security policy|unsafe-eval/i.test(cause.message)
    if (csp) throw new ColdpressError('Unavailable', `the page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src`, { cause })
    throw unavailable(`${name} does not compile: ${cause.message}`, cause)
  }
}

/**
 * @param {string} what
 * @param {unknown} [cause]
 * @returns {ColdpressError}
 */
export function unavailable(what, cause) {
  return new ColdpressError('Unavailable', `coldpress found no WebAssembly module: ${what}; ${HELP}`, { cause })
}

/**
 * What a Cloudflare Worker that asks for brotli without having brought it is told: imported by default, its
 * megabytes would be in every Worker.
 *
 * @returns {Promise<never>}
 */
export async function importedBrotli() {
  throw new ColdpressError('Unavailable', "brotli is a module of its own; import brotli from 'coldpress/brotli.wasm', and await init(undefined, { brotli })")
}
