import { decoding } from './decode.js'
import { encoding } from './encoder.js'
import { Engine } from './engine.js'
import { keys } from './target.js'
import { uploads } from './upload.js'

/**
 * What `coldpress/encode` is made of.
 *
 * @param {Engine} engine
 * @param {Engine} brotli
 */
export function encoderApi(engine, brotli) {
  /**
   * @param {unknown} [source]
   * @param {{ brotli?: unknown }} [others]
   */
  async function init(source, { brotli: other } = {}) {
    await engine.init(source)
    if (other !== undefined) await brotli.init(other)
  }
  return { init, ...encoding(engine, brotli), ...keys(engine) }
}

/**
 * What `coldpress` is made of.
 *
 * @param {Engine} engine
 * @param {Engine} brotli
 */
export function fullApi(engine, brotli) {
  const api = encoderApi(engine, brotli)
  return { ...api, ...decoding(engine), ...uploads(engine, api) }
}
