/** Writes figures for people. A kB has 1,000 bytes, as on bills. */

const whole = new Intl.NumberFormat('en')

export const count = value => whole.format(value)

/** `1 row`, `2 rows`. */
export const counted = (value, one, many = `${one}s`) =>
  `${count(value)} ${Number(value) === 1 ? one : many}`

export function bytes(value) {
  if (value < 1000) return `${value} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let scaled = value / 1000
  let unit = 0
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000
    unit++
  }
  return `${significant(scaled)} ${units[unit]}`
}

export function duration(ms) {
  if (ms < 1) return '< 1 ms'
  if (ms < 1000) return `${significant(ms)} ms`
  if (ms < 60_000) return `${significant(ms / 1000)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round(ms % 60_000 / 1000)} s`
}

/** The seconds until a time, for a countdown: whole, and at least one. */
export function countdown(atMs, nowMs) {
  return `${count(Math.max(1, Math.ceil((atMs - nowMs) / 1000)))} s`
}

/** How many times smaller or larger a size became. */
export function ratio(from, to) {
  if (!from || !to) return '–'
  return to <= from ? `${significant(from / to)}× smaller` : `${significant(to / from)}× larger`
}

export const significant = value => value >= 100
  ? count(Math.round(value))
  : String(Number(value.toPrecision(value >= 10 ? 3 : 2)))

/** A value as compact JSON. BigInts are written as numbers, bytes as their count. */
export function json(value, space) {
  if (value === undefined) return 'absent'
  if (typeof value === 'bigint') return String(value)
  const big = []
  const text = JSON.stringify(value, (_key, inner) => {
    if (typeof inner === 'bigint') return `\u0000${big.push(inner) - 1}\u0000`
    if (inner instanceof Uint8Array) return `(${inner.length} bytes)`
    return inner
  }, space)
  return text.replace(/"\\u0000(\d+)\\u0000"/g, (_all, at) => String(big[at]))
}

/** Shortens a text in its middle: both ends may tell something. */
export function shortened(text, charsMax) {
  if (text.length <= charsMax) return text
  const tail = Math.floor(charsMax / 4)
  return `${text.slice(0, charsMax - tail - 1)}…${text.slice(-tail)}`
}

/**
 * The path of a leaf in the form of rescued paths: `items[].price`, where Parquet has
 * `items.list.element.price`.
 */
export const leafName = path => path.replaceAll('.list.element', '[]')
