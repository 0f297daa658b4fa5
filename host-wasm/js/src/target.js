import { ColdpressError } from './error.js'
import { lsnsOf, u64 } from './lsn.js'
import { isWellFormed } from './values.js'

/**
 * The target of a file (prefix, tenant, collection, LSNs), as the module takes it.
 *
 * @param {Record<string, any>} options
 * @param {number} rows
 * @param {Pick<import('./runtime.js').Runtime, 'now' | 'seed'>} runtime
 */
export function targetOf(options, rows, runtime) {
  const { prefix = '', tenant = 0, collection = 'rows', lsns, lsnWidth } = options
  if (lsnWidth !== undefined && lsnWidth !== 0 && lsnWidth !== 20) {
    const rule = 'pass 20 for LSNs with leading zeros, or 0'
    throw new ColdpressError('Settings', `lsnWidth is ${lsnWidth}; ${rule}`)
  }
  const range = lsns === undefined || lsns === null ? undefined : lsnsOf(lsns, rows, runtime)
  return {
    prefix: text(prefix, 'prefix'),
    tenant: u64(tenant, 'tenant'),
    collection: text(collection, 'collection'),
    min: range?.min,
    max: range?.max,
    padded: lsnWidth === 20,
  }
}

/** Used instead of the runtime if options are only checked. */
export const NO_RUNTIME = { now: () => 0, seed: () => 0n }

function text(value, name) {
  if (typeof value !== 'string') {
    throw new ColdpressError('Key', `${name} is ${String(value)}; pass a string`)
  }
  if (isWellFormed(value)) return value
  const what = `${name} holds half a surrogate pair, which is no character`
  throw new ColdpressError('Key', `${what}; repair it with toWellFormed()`)
}

/**
 * @param {import('./engine.js').Engine} engine
 */
export function keys(engine) {
  /** Builds the object key of a data file. */
  async function objectKey(target) {
    if (target?.lsns?.min === undefined || target.lsns.max === undefined) {
      throw new ColdpressError('Key', 'objectKey needs lsns: { min, max }')
    }
    const { prefix, tenant, collection, min, max, padded } = targetOf(target, 0, NO_RUNTIME)
    return engine.run(raw => raw.objectKey(prefix, tenant, collection, min, max, padded))
  }

  /** Reads a key: the exact inverse of `objectKey`. */
  async function parseObjectKey(key, { prefix = '' } = {}) {
    return engine.run(raw => {
      const parsed = raw.parseObjectKey(text(prefix, 'prefix'), text(key, 'key'))
      const [min, max] = [parsed.minLsn(), parsed.maxLsn()]
      const [node, segment] = [parsed.node(), parsed.segment()]
      const [tenant, collection] = [parsed.tenant(), parsed.collection()]
      parsed.free()
      if (segment !== undefined) {
        return { kind: 'wal', ...(node !== undefined && { node }), segment }
      }
      return { kind: 'data', tenant, collection, lsns: { min, max } }
    })
  }

  return { objectKey, parseObjectKey }
}
