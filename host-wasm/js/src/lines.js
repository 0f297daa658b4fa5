// Rows as lines of JSON, each worth exactly what its object would be to the encoder.

import * as op from './tape.js'

const NAMES_MAX = 10_000

/** Kept from call to call, because a tape's arrays are large. */
/** @type {LineWriter | undefined} */
let idle

/**
 * One line of JSON, with a newline at its end, for each row.
 *
 * @param {Iterable<unknown>} rows
 * @returns {string[]}
 */
export function rowLines(rows) {
  const writer = idle ?? new LineWriter()
  // It is put back only after all went well: an error leaves half a row on the tape.
  idle = undefined
  const lines = []
  for (const row of rows) lines.push(writer.line(row, lines.length))
  if (writer.names.length < NAMES_MAX) idle = writer
  return lines
}

class LineWriter {
  constructor() {
    this.tape = new op.Tape()
    /** @type {string[]} the JSON of each field name, in the tape's order */
    this.names = []
  }

  /**
   * The tape decides what a value is worth, this only prints it.
   *
   * @param {unknown} row
   * @param {number} number
   */
  line(row, number) {
    this.tape.push(row, number)
    let line = ''
    this.tape.handOver((ops, words, doubles, bytes) => {
      line = this.#printed(ops, words, doubles, new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
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

/** @param {number} value finite, and no integer that is exact */
function doubleText(value) {
  if (Object.is(value, -0)) return '-0.0'
  // Printed without an exponent, a large one would read as an integer, which it is not.
  return Number.isInteger(value) ? value.toExponential() : String(value)
}
