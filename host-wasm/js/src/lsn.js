// LSN ranges. Devices without a log make LSNs from the time, so that two devices hardly ever choose
// the same ones.

import { ColdpressError } from './error.js'

/** @import { Runtime } from './runtime.js' */

const RANDOM_BITS = 20n
const U64_MAX = (1n << 64n) - 1n

/**
 * A whole number from 0 to 2^64 - 1, from a number, a BigInt or a string.
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
    const rule = 'pass a whole number from 0 to 2^64 - 1, and above 2^53 a BigInt or a string'
    throw new ColdpressError('Key', `${name} is ${String(value)}; ${rule}`)
  }
  return exact
}

/**
 * The LSNs of the rows, as the option `lsns` says.
 *
 * @param {any} lsns `{ min, max }`, `{ min }` (one LSN for each row) or `'time'`
 * @param {number} rows
 * @param {Pick<Runtime, 'now' | 'seed'>} runtime
 * @returns {{ min: bigint, max: bigint }}
 */
export function lsnsOf(lsns, rows, runtime) {
  if (lsns === 'time') return timeRange(rows, runtime)
  if (typeof lsns !== 'object' || lsns === null) {
    const shown = typeof lsns === 'string' ? JSON.stringify(lsns) : String(lsns)
    throw new ColdpressError('Key', `lsns is ${shown}; pass { min, max }, { min } or "time"`)
  }
  const min = u64(lsns.min, 'lsns.min')
  const max = lsns.max === undefined ? lastOf(min, rows) : u64(lsns.max, 'lsns.max')
  if (max < min) {
    throw new ColdpressError('Key', `lsns.max is ${max}, which is less than lsns.min, ${min}`)
  }
  if (max <= U64_MAX) return { min, max }
  const what = `lsns.min is ${min}; with ${rows} rows, lsns.max would be above 2^64 - 1`
  throw new ColdpressError('Key', what)
}

/**
 * LSNs that begin at this millisecond, plus a random number. If two devices still choose the same
 * ones, the create-only put of the second device fails, and it takes another range.
 *
 * @param {number} rows
 * @param {Pick<Runtime, 'now' | 'seed'>} runtime
 * @param {bigint} [above] the range begins above this LSN
 * @returns {{ min: bigint, max: bigint }}
 */
export function timeRange(rows, runtime, above = -1n) {
  const random = runtime.seed() & ((1n << RANDOM_BITS) - 1n)
  const byTime = (BigInt(runtime.now()) << RANDOM_BITS) | random
  const min = byTime > above ? byTime : above + 1n
  return { min, max: lastOf(min, rows) }
}

const lastOf = (/** @type {bigint} */ min, /** @type {number} */ rows) =>
  min + BigInt(Math.max(rows, 1)) - 1n
