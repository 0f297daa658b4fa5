import { setField } from './dates.js'

const MARK = '#'

/**
 * Removes the marks that `host-wasm/src/exact.rs` put before numbers that JavaScript would
 * round, and makes BigInts of them.
 */
export function unmarked(value) {
  if (typeof value === 'string') {
    if (value[0] !== MARK) return value
    return value[1] === MARK ? value.slice(1) : BigInt(value.slice(1))
  }
  if (Array.isArray(value)) return value.map(unmarked)
  if (value === null || typeof value !== 'object') return value
  for (const name of Object.keys(value)) {
    const plain = unmarked(value[name])
    if (plain !== value[name]) setField(value, name, plain)
  }
  return value
}
