import { readFile } from 'node:fs/promises'
import { fromBytes, unavailable } from './module.js'

/**
 * Reads and compiles the module.
 *
 * @param {URL} url
 * @returns {Promise<WebAssembly.Module>}
 */
export async function readModule(url) {
  let bytes
  try {
    bytes = await readFile(url)
  } catch (cause) {
    throw unavailable(`cannot read ${url}: ${cause.message}`, cause)
  }
  return fromBytes(bytes, String(url))
}
