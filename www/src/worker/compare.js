/**
 * Whether a row read back is the row that went in, by the law of rows: an absent field and `null` are one,
 * and numbers are equal where their values are.
 */

/**
 * A row's JSON as values that `decode` could give: integers past 2^53 as BigInt, so that none is rounded
 * before it is compared.
 *
 * @param {string} text
 */
export function parseExact(text) {
  return LONG_NUMBER.test(text) ? JSON.parse(text, reviveInteger) : JSON.parse(text)
}

/**
 * The path of the first difference, or undefined where there is none.
 *
 * @param {unknown} was what went in
 * @param {unknown} is what came back
 * @param {{nullsCount?: boolean}} rules nullsCount: a `null` is not the same as an absent field
 * @returns {{path: string, was: unknown, is: unknown} | undefined}
 */
export function difference(was, is, rules = {}, path = '') {
  if (was === is) return undefined
  if (was == null && is == null && !(rules.nullsCount && (was === null) !== (is === null))) return undefined
  if (typeof was === 'object' && typeof is === 'object' && was && is) {
    if (Array.isArray(was) !== Array.isArray(is)) return { path, was, is }
    return Array.isArray(was)
      ? elementsDifference(was, /** @type {unknown[]} */ (is), rules, path)
      : fieldsDifference(was, is, rules, path)
  }
  return sameNumber(was, is) ? undefined : { path, was, is }
}

function elementsDifference(was, is, rules, path) {
  if (was.length !== is.length) return { path, was, is }
  for (let at = 0; at < was.length; at++) {
    const found = difference(was[at], is[at], rules, `${path}[${at}]`)
    if (found) return found
  }
}

function fieldsDifference(was, is, rules, path) {
  for (const name of Object.keys(was)) {
    const found = difference(was[name], own(is, name), rules, path ? `${path}.${name}` : name)
    if (found) return found
  }
  for (const name of Object.keys(is)) {
    if (is[name] != null && !Object.hasOwn(was, name)) {
      return { path: path ? `${path}.${name}` : name, was: undefined, is: is[name] }
    }
  }
}

const own = (object, name) => Object.hasOwn(object, name) ? object[name] : undefined

// Same value, whichever of number and bigint holds it; loose equality of the two is exact in JavaScript.
function sameNumber(was, is) {
  const numeric = value => typeof value === 'number' || typeof value === 'bigint'
  // eslint-disable-next-line eqeqeq
  return numeric(was) && numeric(is) && was == is
}

// Cheap test that spares most rows the reviver, which is many times slower than plain JSON.parse.
const LONG_NUMBER = /\d{16}|\de\+?\d{3}/i
const INTEGER = /^-?\d+$/

function reviveInteger(_key, value, context) {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !context?.source) return value
  // Past the largest double, what was written is all there is to compare.
  if (!Number.isFinite(value)) return context.source
  return INTEGER.test(context.source) ? BigInt(context.source) : value
}
