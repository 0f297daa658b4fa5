/**
 * Compares a decoded row with the row that was encoded. Numbers are equal if their values are.
 * Whether an absent field and `null` are equal is a rule of the caller.
 */

/**
 * Parses a row as `decode` would return it: whole numbers beyond 2^53 become BigInts, so that none
 * is rounded before the comparison.
 *
 * @param {string} text
 */
export function parseExact(text) {
  return LONG_NUMBER.test(text) ? JSON.parse(text, reviveInteger) : JSON.parse(text)
}

/**
 * The first difference, or undefined if there is none.
 *
 * @param {unknown} was the encoded value
 * @param {unknown} is the decoded value
 * @param {{nullsCount?: boolean}} rules nullsCount: `null` and an absent field are different
 * @returns {{path: string, was: unknown, is: unknown} | undefined}
 */
export function difference(was, is, rules = {}, path = '') {
  if (was === is) return undefined
  if (was == null && is == null && !(rules.nullsCount && (was === null) !== (is === null))) {
    return undefined
  }
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
    const isThere = rules.nullsCount ? is[name] !== undefined : is[name] != null
    if (isThere && !Object.hasOwn(was, name)) {
      return { path: path ? `${path}.${name}` : name, was: undefined, is: is[name] }
    }
  }
}

const own = (object, name) => Object.hasOwn(object, name) ? object[name] : undefined

// A number and a BigInt of the same value are equal. `==` compares the two exactly.
function sameNumber(was, is) {
  const numeric = value => typeof value === 'number' || typeof value === 'bigint'
  // eslint-disable-next-line eqeqeq
  return numeric(was) && numeric(is) && was == is
}

// The reviver is many times slower than plain JSON.parse. With this cheap test, most rows need
// none.
const LONG_NUMBER = /\d{16}|\de\+?\d{3}/i
const INTEGER = /^-?\d+$/

function reviveInteger(_key, value, context) {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || !context?.source) return value
  // Beyond the largest double, the text itself is compared.
  if (!Number.isFinite(value)) return context.source
  return INTEGER.test(context.source) ? BigInt(context.source) : value
}
