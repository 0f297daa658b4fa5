// Numbers that depend on a seed alone.

/** A generator of whole numbers below `n` (mulberry32, by whole numbers alone). */
export function generator(seed) {
  let state = Math.imul(seed, 0x9e3779b1)
  return (n) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n
  }
}
