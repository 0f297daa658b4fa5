import { decoding } from './decode.js'
import { encoderApi } from './encoder-api.js'
import { uploads } from './upload.js'

/**
 * All functions of the package `coldpress`.
 *
 * @param {import('./engine.js').Engine} engine
 * @param {import('./engine.js').Engine} brotli
 */
export function fullApi(engine, brotli) {
  const api = encoderApi(engine, brotli)
  return { ...api, ...decoding(engine), ...uploads(engine, api) }
}
