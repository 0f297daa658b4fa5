import { ColdpressError } from './error.js'
import { isText } from './values.js'

const U64_MAX = (1n << 64n) - 1n

/**
 * A whole number from 0 to 2^64 - 1, in any form that has it exactly.
 *
 * @param {number | bigint | string} value
 * @param {string} name
 * @returns {bigint}
 */
export function u64(value, name) {
  const exact =
    typeof value === 'bigint' ? value
      : typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value)
        : typeof value === 'string' && /^[0-9]{1,20}$/.test(value) ? BigInt(value)
          : -1n
  if (exact < 0n || exact > U64_MAX) {
    throw new ColdpressError('Key', `${name} is ${String(value)}; it is a whole number from 0 to 2^64 - 1, and past 2^53 a BigInt or a string`)
  }
  return exact
}

/**
 * Whose rows a file holds, as the module takes it.
 *
 * @param {{ prefix?: string, tenant?: number | bigint | string, collection?: string, lsns?: { min: any, max: any }, lsnWidth?: number }} options
 */
export function targetOf({ prefix = '', tenant = 0, collection = 'rows', lsns, lsnWidth }) {
  if (lsnWidth !== undefined && lsnWidth !== 0 && lsnWidth !== 20) {
    throw new ColdpressError('Settings', `lsnWidth is ${lsnWidth}; it is 20 for LSNs with leading zeros, or 0`)
  }
  return {
    prefix: text(prefix, 'prefix'),
    tenant: u64(tenant, 'tenant'),
    collection: text(collection, 'collection'),
    min: lsns && u64(lsns.min, 'lsns.min'),
    max: lsns && u64(lsns.max, 'lsns.max'),
    padded: lsnWidth === 20,
  }
}

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
    if (!target?.lsns) throw new ColdpressError('Key', 'objectKey needs lsns: { min, max }')
    const { prefix, tenant, collection, min, max, padded } = targetOf(target)
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
