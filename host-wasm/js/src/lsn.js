// LSN ranges for devices that have no log: made of the time, so that two of them hardly ever meet.

/** @import { World } from './upload-world.js' */

const RANDOM_BITS = 20n

/**
 * `rows` LSNs that begin at this millisecond and a random place within it. Where two devices meet all the same,
 * create-only keys tell, and the one that comes second takes another range.
 *
 * @param {number} rows
 * @param {World} world
 * @param {bigint} [above] the range lies above this LSN
 * @returns {{ min: bigint, max: bigint }}
 */
export function timeRange(rows, world, above = -1n) {
  const random = world.seed() & ((1n << RANDOM_BITS) - 1n)
  const byTime = (BigInt(world.now()) << RANDOM_BITS) | random
  const min = byTime > above ? byTime : above + 1n
  return { min, max: min + BigInt(Math.max(rows, 1)) - 1n }
}
