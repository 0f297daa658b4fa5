// LSN ranges. Devices that have no log make them of the time, so that two of them hardly ever meet.

import { ColdpressError } from './error.js'

/** @import { World } from './upload-world.js' */

const RANDOM_BITS = 20n
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
    const rule = 'it is a whole number from 0 to 2^64 - 1, and past 2^53 a BigInt or a string'
    throw new ColdpressError('Key', `${name} is ${String(value)}; ${rule}`)
  }
  return exact
}

/**
 * The LSNs of so many rows, as the option `lsns` says.
 *
 * @param {any} lsns `{ min, max }`; without `max` by the number of rows; `'time'`: made of the time
 * @param {number} rows
 * @param {Pick<World, 'now' | 'seed'>} world
 * @returns {{ min: bigint, max: bigint }}
 */
export function lsnsOf(lsns, rows, world) {
  if (lsns === 'time') return timeRange(rows, world)
  if (typeof lsns !== 'object' || lsns === null) {
    const shown = typeof lsns === 'string' ? JSON.stringify(lsns) : String(lsns)
    throw new ColdpressError('Key', `lsns is ${shown}; it is { min, max }, { min } or "time"`)
  }
  const min = u64(lsns.min, 'lsns.min')
  const max = lsns.max === undefined ? lastOf(min, rows) : u64(lsns.max, 'lsns.max')
  if (max < min) {
    throw new ColdpressError('Key', `lsns.max is ${max}, which is less than lsns.min, ${min}`)
  }
  if (max <= U64_MAX) return { min, max }
  throw new ColdpressError('Key', `lsns.min is ${min}; ${rows} rows end past 2^64 - 1`)
}

/**
 * `rows` LSNs that begin at this millisecond and a random place within it. Where two devices meet
 * all the same, create-only keys tell, and the one that comes second takes another range.
 *
 * @param {number} rows
 * @param {Pick<World, 'now' | 'seed'>} world
 * @param {bigint} [above] the range lies above this LSN
 * @returns {{ min: bigint, max: bigint }}
 */
export function timeRange(rows, world, above = -1n) {
  const random = world.seed() & ((1n << RANDOM_BITS) - 1n)
  const byTime = (BigInt(world.now()) << RANDOM_BITS) | random
  const min = byTime > above ? byTime : above + 1n
  return { min, max: lastOf(min, rows) }
}

const lastOf = (/** @type {bigint} */ min, /** @type {number} */ rows) =>
  min + BigInt(Math.max(rows, 1)) - 1n
