/**
 * Splits JSON text into the texts of its rows: objects one after another, or one array of objects.
 * It looks only for the beginning and the end of each row.
 *
 * @param {AsyncIterable<string> | Iterable<string>} chunks
 * @returns {AsyncGenerator<{text: string, line: number}>} line: the first line of the row, from 1
 */
export async function * jsonRows(chunks) {
  const scan = { depth: 0, inString: false, escaped: false, array: false, line: 1 }
  let row = ''
  let rowLine = 1
  for await (const chunk of chunks) {
    let from = scan.depth ? 0 : -1
    for (let at = 0; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at)
      if (scan.inString) {
        if (scan.escaped) scan.escaped = false
        else if (code === BACKSLASH) scan.escaped = true
        else if (code === QUOTE) scan.inString = false
        continue
      }
      if (code === QUOTE) scan.inString = true
      else if (code === NEWLINE) scan.line++
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        if (scan.depth === 0) {
          if (code === OPEN_BRACKET && !scan.array) {
            scan.array = true
            continue
          }
          from = at
          rowLine = scan.line
        }
        scan.depth++
      } else if (
        scan.depth && (code === CLOSE_BRACE || code === CLOSE_BRACKET) && --scan.depth === 0
      ) {
        yield { text: row + chunk.slice(from, at + 1), line: rowLine }
        row = ''
        from = -1
      }
    }
    if (from >= 0) row += chunk.slice(from)
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const NEWLINE = 0x0a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
