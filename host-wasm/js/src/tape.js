import { ColdpressError } from './error.js'
import { BadValue, isWellFormed, kindOf, pathOf, replacementOf } from './values.js'

// The same numbers are in `host-wasm/src/tape.rs`.
export const NULL = 0
export const FALSE = 1
export const TRUE = 2
export const INT = 3
export const WHOLE = 4
export const DOUBLE = 5
export const DIGITS = 6
export const STRING = 7
export const OPEN_OBJECT = 8
export const CLOSE_OBJECT = 9
export const OPEN_ARRAY = 10
export const CLOSE_ARRAY = 11
export const KEY = 12

/** A tape that is longer than one of these is handed over at the end of the row. */
const OPS_MAX = 1 << 16
const UNITS_MAX = 1 << 20

/** Objects may nest this deep: deeper ones could overflow the stack. */
const DEPTH_MAX = 1000

const encoder = new TextEncoder()
const { isArray } = Array
const { getPrototypeOf, keys: keysOf, prototype: PLAIN } = Object

/**
 * Carries rows into the module. It has one byte for each value, key and bracket, in order. Numbers
 * and lengths are in arrays of their own. All texts are in one string, which is encoded at once.
 *
 * JSON text would be slower, because every number would be printed and parsed. And JSON would lose
 * NaN, BigInt and others without an error.
 */
export class Tape {
  #ops = new Uint8Array(OPS_MAX + 1024)
  #opsEnd = 0
  #words = new Uint32Array(OPS_MAX)
  #wordsEnd = 0
  #doubles = new Float64Array(OPS_MAX / 4)
  #doublesEnd = 0
  #text = ''
  #bytes = new Uint8Array(0)
  #names = new Map()
  /** The number of names that the module knows from earlier tapes. */
  #known = 0
  /** The open objects and arrays, to find cycles. */
  #open = []
  /** The current key or index in each of them, for errors. */
  #at = []
  /** The number of rows on the tape. */
  #rows = 0

  /** Whether to hand the tape over now. */
  get isFull() {
    return this.#opsEnd >= OPS_MAX || this.#text.length >= UNITS_MAX
  }

  /**
   * Writes one row.
   *
   * @param {unknown} row
   * @param {number} number the number of the row, for errors
   */
  push(row, number) {
    this.#rows += 1
    try {
      this.#value(row, '')
    } catch (cause) {
      throw this.#atFault(cause, number)
    }
  }

  /**
   * Hands the rows over. Then the tape is empty.
   *
   * @param {(ops: Uint8Array, words: Uint32Array, doubles: Float64Array, text: Uint8Array, units:
   *   number) => void} take
   * @param {number} first the number of the first row on the tape
   */
  handOver(take, first) {
    if (this.#rows === 0) return
    const text = this.#text
    if (this.#bytes.length < text.length * 3) this.#bytes = new Uint8Array(text.length * 3)
    const { written } = encoder.encodeInto(text, this.#bytes)
    // Only a text that is not pure ASCII can hold half a surrogate pair.
    if (written !== text.length && !isWellFormed(text)) throw this.#malformed(first)
    const ops = this.#ops.subarray(0, this.#opsEnd)
    const words = this.#words.subarray(0, this.#wordsEnd)
    const doubles = this.#doubles.subarray(0, this.#doublesEnd)
    this.#text = ''
    this.#known = this.#names.size
    this.#rows = this.#opsEnd = this.#wordsEnd = this.#doublesEnd = 0
    take(ops, words, doubles, this.#bytes.subarray(0, written), text.length)
  }

  #op(op) {
    if (this.#opsEnd === this.#ops.length) this.#ops = grown(this.#ops)
    this.#ops[this.#opsEnd++] = op
  }

  #word(word) {
    if (this.#wordsEnd === this.#words.length) this.#words = grown(this.#words)
    this.#words[this.#wordsEnd++] = word
  }

  #double(double) {
    if (this.#doublesEnd === this.#doubles.length) this.#doubles = grown(this.#doubles)
    this.#doubles[this.#doublesEnd++] = double
  }

  #string(string) {
    const { length } = string
    // At the end of this string, half a pair could join the other half in the next string.
    if ((string.charCodeAt(length - 1) & 0xfc00) === 0xd800) throw new BadValue(HALF)
    this.#word(length)
    this.#text += string
  }

  #value(value, key) {
    switch (typeof value) {
      case 'string':
        this.#op(STRING)
        return this.#string(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return this.#op(value ? TRUE : FALSE)
      case 'object':
        if (value === null) return this.#op(NULL)
        if (isArray(value)) return this.#array(value)
        return this.#object(value, key)
      case 'undefined':
        return this.#op(NULL)
      case 'bigint':
        this.#op(DIGITS)
        return this.#string(value.toString())
      default:
        throw new BadValue(`a ${typeof value} is no value; leave it out`)
    }
  }

  #number(value) {
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      this.#op(INT)
      return this.#word(value)
    }
    if (!Number.isFinite(value)) {
      throw new BadValue(`${value} is no JSON value, so no reader could return it; use null, or a `
        + 'string')
    }
    this.#op(Number.isSafeInteger(value) && value !== 0 ? WHOLE : DOUBLE)
    this.#double(value)
  }

  #array(values) {
    if (typeof values.toJSON === 'function') return this.#object(values, '')
    const depth = this.#enter(values)
    this.#op(OPEN_ARRAY)
    const { length } = values
    for (let at = 0; at < length; at += 1) {
      this.#at[depth] = at
      this.#value(values[at], at)
    }
    this.#op(CLOSE_ARRAY)
    this.#open.length = depth
  }

  #object(value, key) {
    const prototype = getPrototypeOf(value)
    const isPlain = prototype === PLAIN || prototype === null
    if (isPlain && typeof value.toJSON !== 'function') return this.#fields(value, keysOf(value))
    const other = replacementOf(value, key)
    if (other.value === value) return this.#fields(value, keysOf(value))
    if (other.entries) return this.#entries(value, other.entries)
    if (other.elements) return this.#elements(value, other.elements)
    // The replacement may contain the object itself: this finds such a cycle too.
    const depth = this.#enter(value)
    this.#at[depth] = undefined
    this.#value(other.value, key)
    this.#open.length = depth
  }

  #fields(object, keys) {
    const depth = this.#enter(object)
    const names = this.#names
    this.#op(OPEN_OBJECT)
    for (let i = 0; i < keys.length; i += 1) {
      const key = keys[i]
      this.#at[depth] = key
      const value = object[key]
      if (value === undefined) continue
      this.#key(names, key)
      this.#value(value, key)
    }
    this.#op(CLOSE_OBJECT)
    this.#open.length = depth
  }

  #key(names, key) {
    this.#op(KEY)
    const name = names.get(key)
    if (name !== undefined) return this.#word(name)
    this.#word(names.size)
    names.set(key, names.size)
    this.#string(key)
  }

  #entries(map, entries) {
    const depth = this.#enter(map)
    this.#op(OPEN_OBJECT)
    for (const [key, value] of entries) {
      if (typeof key !== 'string') {
        const found = kindOf(key)
        throw new BadValue(`a Map's keys must be strings to be field names, and one is ${found}`)
      }
      this.#at[depth] = key
      if (value === undefined) continue
      this.#key(this.#names, key)
      this.#value(value, key)
    }
    this.#op(CLOSE_OBJECT)
    this.#open.length = depth
  }

  #elements(list, elements) {
    const depth = this.#enter(list)
    this.#op(OPEN_ARRAY)
    let at = 0
    for (const element of elements) {
      this.#at[depth] = at
      this.#value(element, at)
      at += 1
    }
    this.#op(CLOSE_ARRAY)
    this.#open.length = depth
  }

  #enter(object) {
    const depth = this.#open.length
    if (depth > 0 && this.#open.includes(object)) {
      throw new BadValue('it contains itself; a row must not have cycles')
    }
    if (depth === DEPTH_MAX) {
      const what = `it nests deeper than ${DEPTH_MAX} levels; flatten it, or pass it as JSON text`
      throw new BadValue(what, 'Limit')
    }
    this.#open.push(object)
    return depth
  }

  #atFault(cause, row) {
    if (cause instanceof ColdpressError) return cause
    const path = pathOf(this.#at.slice(0, this.#open.length))
    if (cause instanceof BadValue) return atRow(row, path, cause.message, { code: cause.code })
    return atRow(row, path, `reading it threw ${cause}`, { cause })
  }

  /** Finds the string with half a surrogate pair on the tape, and makes the error. */
  #malformed(first) {
    const names = [...this.#names.keys()]
    const open = []
    let [known, row, word, unit] = [this.#known, first, 0, 0]
    for (const op of this.#ops.subarray(0, this.#opsEnd)) {
      if (op === KEY) {
        const name = this.#words[word++]
        open[open.length - 1] = names[name]
        // Only the first occurrence of a name has its text.
        if (name < known) continue
        known += 1
      }
      if (op === KEY || op === STRING || op === DIGITS) {
        const end = unit + this.#words[word++]
        if (!isWellFormed(this.#text.slice(unit, end))) return atRow(row, pathOf(open), HALF)
        unit = end
        if (op === KEY) continue
      } else if (op === INT) {
        word += 1
      } else if (op === OPEN_OBJECT || op === OPEN_ARRAY) {
        open.push(op === OPEN_ARRAY ? 0 : undefined)
        continue
      } else if (op === CLOSE_OBJECT || op === CLOSE_ARRAY) {
        open.pop()
      }
      const top = open.length - 1
      if (top < 0) row += 1
      else if (typeof open[top] === 'number') open[top] += 1
    }
    return atRow(first, '', HALF)
  }
}

const HALF = 'the string holds half a surrogate pair, which is no character; repair it with '
  + 'toWellFormed(), or pass the bytes as a Uint8Array'

/**
 * @param {number} row
 * @param {string} path
 * @param {string} message
 * @param {{ code?: string, cause?: unknown }} [more]
 */
function atRow(row, path, message, { code = 'Row', cause } = {}) {
  const place = path === '' ? `row ${row}` : `row ${row}, column ${path}`
  return new ColdpressError(code, `${place}: ${message}`, { row, column: path || undefined, cause })
}

function grown(array) {
  const larger = new array.constructor(array.length * 2)
  larger.set(array)
  return larger
}
