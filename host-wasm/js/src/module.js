import { ColdpressError, fullMessage, misuse } from './error.js'
import { bytesOf } from './text.js'

const HELP = 'copy it from node_modules/coldpress/glue to your site, and call init(url), '
  + 'init(bytes) or init(module)'
const MAGIC = [0, 0x61, 0x73, 0x6d]

/**
 * Compiles the module from what the caller passed.
 *
 * @param {unknown} source a module, its bytes, its URL, a response, or a promise of one of these
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(source) {
  const given = /** @type {any} */ (await source)
  // With some bundlers an import of the module gives a namespace, and the module is its default.
  const found = given?.default instanceof WebAssembly.Module ? given.default : given
  if (found instanceof WebAssembly.Module) return found
  if (typeof found === 'string' || found instanceof URL) return fetched(found)
  if (typeof Response === 'function' && found instanceof Response) {
    return fromResponse(found, found.url)
  }
  if (found instanceof ArrayBuffer || ArrayBuffer.isView(found)) {
    return fromBytes(found, 'what was passed to init')
  }
  throw misuse('init takes a WebAssembly.Module, its bytes, a URL or a Response of the .wasm file, '
    + 'or a promise of one of these')
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
    throw unavailable(`cannot fetch ${url}: ${fullMessage(cause)}`, cause)
  }
  return fromResponse(response, url)
}

async function fromResponse(response, url) {
  if (!response.ok) throw unavailable(`${url || 'the server'} answered ${response.status}`)
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
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) {
    throw unavailable(`${name} is no WebAssembly module`)
  }
  return compiled(WebAssembly.compile(bytes), name)
}

async function compiled(module, name) {
  try {
    return await module
  } catch (cause) {
    const isCompileError = cause instanceof WebAssembly.CompileError
    if (isCompileError && /content security policy|unsafe-eval/i.test(cause.message)) {
      const what = 'the Content-Security-Policy of the page forbids WebAssembly'
      const todo = "add 'wasm-unsafe-eval' to its script-src"
      throw new ColdpressError('Unavailable', `${what}; ${todo}`, { cause })
    }
    throw unavailable(`${name} does not compile: ${cause.message}`, cause)
  }
}

/**
 * @param {string} what
 * @param {unknown} [cause]
 * @returns {ColdpressError}
 */
export function unavailable(what, cause) {
  const message = `coldpress found no WebAssembly module: ${what}; ${HELP}`
  return new ColdpressError('Unavailable', message, { cause })
}

/**
 * Throws the error for a Cloudflare Worker that uses brotli but does not import its module. The
 * package does not import it itself, because then every Worker would carry its 2 MB.
 *
 * @returns {Promise<never>}
 */
export async function importedBrotli() {
  throw new ColdpressError(
    'Unavailable',
    "the brotli encoder is a module of its own; import brotli from 'coldpress/brotli.wasm', and "
      + 'await init(undefined, { brotli })',
  )
}

/**
 * Throws the error for a Cloudflare Worker that reads files of gzip or brotli, but does not import
 * the module that can.
 *
 * @returns {Promise<never>}
 */
export async function importedCodecs() {
  throw new ColdpressError(
    'Unavailable',
    "reading gzip and brotli is a module of its own; import codecs from 'coldpress/scan-all.wasm', "
      + 'and await init(undefined, { codecs })',
  )
}
