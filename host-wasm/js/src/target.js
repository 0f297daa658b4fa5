import { ColdpressError } from './error.js'
import { lsnsOf, u64 } from './lsn.js'
import { isText } from './values.js'

/**
 * Whose rows a file holds, as the module takes it.
 *
 * @param {{ prefix?: string, tenant?: number | bigint | string, collection?: string, lsns?: any, lsnWidth?: number }} options
 * @param {number} rows
 * @param {Pick<import('./upload-world.js').World, 'now' | 'seed'>} world
 */
export function targetOf(options, rows, world) {
  const { prefix = '', tenant = 0, collection = 'rows', lsns, lsnWidth } = options
  if (lsnWidth !== undefined && lsnWidth !== 0 && lsnWidth !== 20) {
    throw new ColdpressError('Settings', `lsnWidth is ${lsnWidth}; it is 20 for LSNs with leading zeros, or 0`)
  }
  const range = lsns === undefined || lsns === null ? undefined : lsnsOf(lsns, rows, world)
  return {
    prefix: text(prefix, 'prefix'),
    tenant: u64(tenant, 'tenant'),
    collection: text(collection, 'collection'),
    min: range?.min,
    max: range?.max,
    padded: lsnWidth === 20,
  }
}

/** Stands for the runtime's clock where options are only checked. */
export const NOWHERE = { now: () => 0, seed: () => 0n }

function text(value, name) {
  if (typeof value === 'string' && isText(value)) return value
  throw new ColdpressError('Key', `${name} is ${typeof value === 'string' ? 'half a surrogate pair' : String(value)}; it is a string`)
}

/**
 * @param {import('./engine.js').Engine} engine
 */
export function keys(engine) {
  /**
   * The key of the object that a file of these rows is.
   */
  async function objectKey(target) {
    if (target?.lsns?.min === undefined || target.lsns.max === undefined) {
      throw new ColdpressError('Key', 'objectKey needs lsns: { min, max }')
    }
    const { prefix, tenant, collection, min, max, padded } = targetOf(target, 0, NOWHERE)
    return engine.run(raw => raw.objectKey(prefix, tenant, collection, min, max, padded))
  }

  /**
   * What a key says, exactly as `objectKey` took it.
   */
  async function parseObjectKey(key, { prefix = '' } = {}) {
    return engine.run(raw => {
      const parsed = raw.parseObjectKey(text(prefix, 'prefix'), text(key, 'key'))
      const [min, max] = [parsed.minLsn(), parsed.maxLsn()]
      const [node, segment] = [parsed.node(), parsed.segment()]
      const [tenant, collection] = [parsed.tenant(), parsed.collection()]
      parsed.free()
      if (segment !== undefined) return { kind: 'wal', ...(node !== undefined && { node }), segment }
      return { kind: 'data', tenant, collection, lsns: { min, max } }
    })
  }

  return { objectKey, parseObjectKey }
}
