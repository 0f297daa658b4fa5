/** A value cannot be in a row. The tape adds the place and makes a `ColdpressError` of it. */
export class BadValue extends Error {
  /**
   * @param {string} message
   * @param {'Row' | 'Limit'} [code]
   */
  constructor(message, code = 'Row') {
    super(message)
    this.code = code
  }
}

const tagOf = Function.prototype.call.bind(Object.prototype.toString)

/**
 * What a row stores for an object that is neither plain nor an array.
 *
 * @param {any} object
 * @param {string | number} key its key, which a toJSON method gets
 * @returns {{ value?: unknown, entries?: Iterable<[unknown, unknown]>, elements?:
 *   Iterable<unknown> }}
 */
export function replacementOf(object, key) {
  const tag = tagOf(object)
  switch (tag) {
    case '[object Date]':
      if (Number.isNaN(object.getTime())) {
        throw new BadValue('the Date is invalid; use null, or leave it out')
      }
      return { value: object.toISOString() }
    case '[object Uint8Array]':
      return { value: base64(object) }
    case '[object ArrayBuffer]':
      return { value: base64(new Uint8Array(object)) }
    case '[object Number]':
    case '[object String]':
    case '[object Boolean]':
    case '[object BigInt]':
      return { value: object.valueOf() }
  }
  if (typeof object.toJSON === 'function') return { value: object.toJSON(String(key)) }
  switch (tag) {
    case '[object Map]':
      return { entries: object.entries() }
    case '[object Set]':
      return { elements: object.values() }
    case '[object Object]':
      return { value: object }
  }
  if (ArrayBuffer.isView(object) && tag !== '[object DataView]') {
    return { elements: /** @type {any} */ (object) }
  }
  const name = tag.slice('[object '.length, -1)
  const hint = name === 'Promise'
    ? 'await it'
    : 'give it a toJSON method, or pass only the values that you need'
  throw new BadValue(`${withArticle(name)} has no form in JSON; ${hint}`)
}

/** Of a longer path, only its beginning and its end are shown. */
const STEPS_MAX = 20
const ENDS_STEPS = 5

/**
 * The path of a value in its row, for people: `order.items[3].price`. A very long path is
 * shortened in the middle: `a.b.c.d.e … v.w.x.y.z`.
 *
 * @param {(string | number | undefined)[]} steps
 * @returns {string}
 */
export function pathOf(steps) {
  const known = steps.filter((step) => step !== undefined)
  if (known.length <= STEPS_MAX) return joined(known)
  return `${joined(known.slice(0, ENDS_STEPS))} … ${joined(known.slice(-ENDS_STEPS))}`
}

/** @param {(string | number | undefined)[]} steps */
function joined(steps) {
  let path = ''
  for (const step of steps) {
    if (typeof step === 'number') path += `[${step}]`
    else path += path === '' ? step : `.${step}`
  }
  return path
}

/**
 * The kind of a value, for a sentence: `null`, `undefined`, `a number`, `an object`.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function kindOf(value) {
  if (value === null || value === undefined) return String(value)
  return withArticle(typeof value)
}

/** @param {string} noun */
const withArticle = (noun) => `${/^[aeiou]/i.test(noun) ? 'an' : 'a'} ${noun}`

/**
 * Whether a string has no half of a surrogate pair without the other half.
 *
 * @param {string} text
 * @returns {boolean}
 */
export function isWellFormed(text) {
  // @ts-ignore - not in every runtime yet
  return text.isWellFormed ? text.isWellFormed() : !/\p{Surrogate}/u.test(text)
}

/**
 * Base64 as a `binary` column reads it: the standard alphabet, with padding.
 *
 * @param {Uint8Array} bytes
 * @returns {string}
 */
function base64(bytes) {
  // @ts-ignore - not in every runtime yet
  if (bytes.toBase64) return bytes.toBase64()
  const SLICE = 0x6000
  let text = ''
  for (let at = 0; at < bytes.length; at += SLICE) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + SLICE)))
  }
  return text
}
