import { encoding } from './encoder.js'
import { keys } from './target.js'

/**
 * All functions of `coldpress/encode`. They have a file of their own, so that a page without a
 * bundler loads nothing else.
 *
 * @param {import('./engine.js').Engine} engine
 * @param {import('./engine.js').Engine} brotli
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
