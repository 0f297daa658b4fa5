// The functions of `coldpress/scan`.

import { stopIfAborted } from './error.js'
import { runtimeWith } from './runtime.js'
import { collectionRows } from './scan-collection.js'
import { ScanCount } from './scan-count.js'
import { openFile } from './scan-file.js'
import { HeldEnds } from './scan-held.js'
import { HEAD_BYTES } from './scan-http.js'
import { collectionOptions, fetchOptions, openOptions } from './scan-options.js'
import { grantsOf } from './scan-pages.js'
import { Slots } from './scan-slots.js'
import { sourceOf } from './scan-sources.js'
import { ScanTools } from './scan-tools.js'

/** @import { Engine } from './engine.js' */

/**
 * @param {Engine} engine
 * @param {Engine} codecs the same with all codecs
 */
export function scanApi(engine, codecs) {
  const tools = new ScanTools(engine)

  /**
   * @param {unknown} [source]
   * @param {{ codecs?: unknown }} [others]
   */
  async function init(source, { codecs: other } = {}) {
    await engine.init(source)
    if (other !== undefined) await codecs.init(other)
  }

  /**
   * Opens a file: reads its footer.
   *
   * @param {unknown} source
   * @param {object} [options]
   */
  async function open(source, options = {}) {
    const { signal, fetch, ...rest } = openOptions(options)
    stopIfAborted(signal)
    const runtime = rest.runtime ?? runtimeWith(fetch)
    const terms = { ...rest, tools, runtime, slots: new Slots(rest.concurrency) }
    return opened(source, rest, terms, signal)
  }

  /**
   * @param {unknown} source
   * @param {{ byteLength?: number, headers: [string, string][] }} options
   * @param {any} terms
   * @param {AbortSignal | undefined} signal
   */
  async function opened(source, options, terms, signal) {
    const count = new ScanCount()
    const ofOpening = signal ?? new AbortController().signal
    try {
      const from = await sourceOf(source, options, { ...terms, count }, ofOpening)
      const ends = new HeldEnds(from, count)
      const bytes = await ends.size(HEAD_BYTES, ofOpening)
      const parts = { engine, codecs, ends, count, bytes, name: from.name, signal }
      return await openFile(parts, from.place, undefined)
    } catch (error) {
      stopIfAborted(signal)
      throw error
    }
  }

  /**
   * Reads the rows of many files, in the order of their LSNs.
   *
   * @param {unknown} grants
   * @param {object} [options]
   */
  function scanCollection(grants, options = {}) {
    const query = collectionOptions(options)
    const { fetch, ...rest } = fetchOptions(options)
    const runtime = rest.runtime ?? runtimeWith(fetch)
    const terms = { ...rest, tools, runtime, slots: new Slots(rest.concurrency) }
    const files = (/** @type {AbortSignal} */ signal) => grantsOf(grants, query.lsns, terms, signal)
    const openOne = (/** @type {any} */ source, /** @type {AbortSignal} */ signal) =>
      opened(source, { headers: [] }, terms, signal)
    return collectionRows({ query, files, open: openOne })
  }

  return { init, open, scanCollection }
}
