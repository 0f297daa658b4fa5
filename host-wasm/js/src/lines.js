// Prints rows as lines of JSON. The encoder makes exactly the same of a line as of its object.

import * as op from './tape.js'

const NAMES_MAX = 10_000

/** Kept for the next call, because the arrays of a tape are large. */
/** @type {LineWriter | undefined} */
let idle

/**
 * A line of JSON for each row, with a newline at its end.
 *
 * @param {Iterable<unknown>} rows
 * @returns {string[]}
 */
export function rowLines(rows) {
  const writer = idle ?? new LineWriter()
  // After an error, half a row is on the tape: then the writer is not kept.
  idle = undefined
  const lines = []
  for (const row of rows) lines.push(writer.line(row, lines.length))
  if (writer.names.length < NAMES_MAX) idle = writer
  return lines
}

class LineWriter {
  constructor() {
    this.tape = new op.Tape()
    /** @type {string[]} the JSON of each field name, by its number on the tape */
    this.names = []
  }

  /**
   * Prints what the tape made of the row.
   *
   * @param {unknown} row
   * @param {number} number
   */
  line(row, number) {
    this.tape.push(row, number)
    let line = ''
    this.tape.handOver((ops, words, doubles, bytes) => {
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
      line = this.#printed(ops, words, doubles, text)
    }, number)
    return `${line}\n`
  }

  /**
   * @param {Uint8Array} ops
   * @param {Uint32Array} words
   * @param {Float64Array} doubles
   * @param {string} text
   */
  #printed(ops, words, doubles, text) {
    let [word, double, unit] = [0, 0, 0]
    const string = () => text.slice(unit, (unit += words[word++]))
    let json = ''
    let comma = ''
    for (const what of ops) {
      switch (what) {
        case op.CLOSE_OBJECT:
          json += '}'
          break
        case op.CLOSE_ARRAY:
          json += ']'
          break
        case op.KEY: {
          const name = words[word++]
          if (name === this.names.length) this.names.push(JSON.stringify(string()))
          json += `${comma}${this.names[name]}:`
          comma = ''
          continue
        }
        case op.OPEN_OBJECT:
          json += `${comma}{`
          comma = ''
          continue
        case op.OPEN_ARRAY:
          json += `${comma}[`
          comma = ''
          continue
        case op.NULL:
          json += `${comma}null`
          break
        case op.FALSE:
          json += `${comma}false`
          break
        case op.TRUE:
          json += `${comma}true`
          break
        case op.INT:
          json += comma + (words[word++] | 0)
          break
        case op.WHOLE:
          json += comma + doubles[double++]
          break
        case op.DOUBLE:
          json += comma + doubleText(doubles[double++])
          break
        case op.DIGITS:
          json += comma + string()
          break
        case op.STRING:
          json += comma + JSON.stringify(string())
          break
      }
      comma = ','
    }
    return json
  }
}

/** @param {number} value finite, and not a safe integer (but -0 is possible) */
function doubleText(value) {
  if (Object.is(value, -0)) return '-0.0'
  // Without an exponent, a large double would be read back as an integer.
  return Number.isInteger(value) ? value.toExponential() : String(value)
}
