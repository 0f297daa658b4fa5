/** Why a value cannot be in a row; whoever knows the place makes an error of it. */
export class Faulty extends Error {
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
 * What stands in a row for an object that is neither plain nor an array.
 *
 * @param {any} object
 * @param {string | number} key where it stands, which a toJSON method is told
 * @returns {{ value?: unknown, entries?: Iterable<[unknown, unknown]>, elements?: Iterable<unknown> }}
 */
export function standIn(object, key) {
  const tag = tagOf(object)
  switch (tag) {
    case '[object Date]':
      if (Number.isNaN(object.getTime())) throw new Faulty('the Date is invalid; use null, or leave it out')
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
  if (ArrayBuffer.isView(object) && tag !== '[object DataView]') return { elements: /** @type {any} */ (object) }
  const name = tag.slice('[object '.length, -1)
  const hint = name === 'Promise' ? 'await it' : 'give it a toJSON method, or take from it what you need'
  throw new Faulty(`${withArticle(name)} has no form in JSON; ${hint}`)
}

/** A path of more steps is told by its ends. */
const STEPS_MAX = 20
const ENDS_STEPS = 5

/**
 * Where a value stands in its row, for people: `order.items[3].price`. Of a very long path its
 * beginning and its end: `a.b.c.d.e … x.y.z`.
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
 * What a value is, in words that fit into a sentence: `null`, `undefined`, `a number`, `an object`.
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
 * Whether a string is text: no half of a surrogate pair stands alone.
 *
 * @param {string} text
 * @returns {boolean}
 */
export function isText(text) {
  // @ts-ignore - not in every runtime yet
  return text.isWellFormed ? text.isWellFormed() : !/\p{Surrogate}/u.test(text)
}

/**
 * Padded base64 of the standard alphabet, which a `binary` column reads.
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
