import { ColdpressError } from './error.js'
import { Faulty, isText, kindOf, pathOf, standIn } from './values.js'

// The numbers are `host-wasm/src/tape.rs`'s too.
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

/** A tape is handed over at the first row's end past one of these. */
const OPS_MAX = 1 << 16
const UNITS_MAX = 1 << 20

/** Objects nest no deeper than the stack surely holds. */
const DEPTH_MAX = 1000

const encoder = new TextEncoder()
const { isArray } = Array
const { getPrototypeOf, keys: keysOf, prototype: PLAIN } = Object

/**
 * Rows on their way into the module: what is there is written one behind the other, one byte for each
 * thing, with numbers and lengths in arrays of their own and all texts in one string, which is encoded
 * at once. JSON text would have to print and read every number, and loses NaN, BigInt and others in silence.
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
  /** How many names went over with earlier tapes. */
  #known = 0
  /** The objects and arrays that are open, and where in each we are: for errors and cycles. */
  #open = []
  #at = []
  /** How many rows are on the tape. */
  #rows = 0

  /** Whether it should be handed over. */
  get isFull() {
    return this.#opsEnd >= OPS_MAX || this.#text.length >= UNITS_MAX
  }

  /**
   * Writes one row.
   *
   * @param {unknown} row
   * @param {number} number the row's own, for errors
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
   * Hands the rows over, and is empty then.
   *
   * @param {(ops: Uint8Array, words: Uint32Array, doubles: Float64Array, text: Uint8Array, units: number) => void} take
   * @param {number} first the number of the first row on the tape
   */
  handOver(take, first) {
    if (this.#rows === 0) return
    const text = this.#text
    if (this.#bytes.length < text.length * 3) this.#bytes = new Uint8Array(text.length * 3)
    const { written } = encoder.encodeInto(text, this.#bytes)
    // A string that is no text can hide only where there is more than ASCII.
    if (written !== text.length && !isText(text)) throw this.#malformed(first)
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
    // In one text with the next string, the half pair might find another half.
    if ((string.charCodeAt(length - 1) & 0xfc00) === 0xd800) throw new Faulty(HALF)
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
        throw new Faulty(`a ${typeof value} is no value; leave it out`)
    }
  }

  #number(value) {
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      this.#op(INT)
      return this.#word(value)
    }
    if (!Number.isFinite(value)) throw new Faulty(`${value} is no value that JSON or a column of another engine could give back; use null, or a string`)
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
    if ((prototype === PLAIN || prototype === null) && typeof value.toJSON !== 'function') return this.#fields(value, keysOf(value))
    const other = standIn(value, key)
    if (other.value === value) return this.#fields(value, keysOf(value))
    if (other.entries) return this.#entries(value, other.entries)
    if (other.elements) return this.#elements(value, other.elements)
    // What stands for another object may be the object itself again, under a key.
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
      if (typeof key !== 'string') throw new Faulty(`a Map's keys must be strings to be field names, and one is ${kindOf(key)}`)
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
    if (depth > 0 && this.#open.includes(object)) throw new Faulty('it contains itself; rows are trees')
    if (depth === DEPTH_MAX) throw new Faulty(`it nests deeper than ${DEPTH_MAX}; flatten it, or pass it as JSON text`, 'Limit')
    this.#open.push(object)
    return depth
  }

  #atFault(cause, row) {
    if (cause instanceof ColdpressError) return cause
    const path = pathOf(this.#at.slice(0, this.#open.length))
    if (cause instanceof Faulty) return atRow(row, path, cause.message, { code: cause.code })
    return atRow(row, path, `reading it threw ${cause}`, { cause })
  }

  /** The error for a string that is no text, which is sought on the tape. */
  #malformed(first) {
    const names = [...this.#names.keys()]
    const open = []
    let [known, row, word, unit] = [this.#known, first, 0, 0]
    for (const op of this.#ops.subarray(0, this.#opsEnd)) {
      if (op === KEY) {
        const name = this.#words[word++]
        open[open.length - 1] = names[name]
        // A name's text stands only where it comes first.
        if (name < known) continue
        known += 1
      }
      if (op === KEY || op === STRING || op === DIGITS) {
        const end = unit + this.#words[word++]
        if (!isText(this.#text.slice(unit, end))) return atRow(row, pathOf(open), HALF)
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

const HALF = 'the string holds half a surrogate pair, which is no character; mend it with toWellFormed(), or keep the bytes as a Uint8Array'

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
