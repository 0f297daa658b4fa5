/** The lines around the line of an error, to show the error in its place. */
import { textOf } from './source.js'

const CHARS_MAX = 240

/**
 * @param {{name: string, blob: Blob, gzip: boolean}} opened
 * @param {number} line from 1
 * @param {number} [character] in that line, from 1
 * @returns {Promise<{line: number, text: string, mark?: number}[]>} mark: the index of that
 *   character in `text`
 */
export async function linesAround(opened, line, character) {
  const lines = []
  let at = 1
  let rest = ''
  for await (const text of textOf(opened)) {
    const parts = (rest + text).split('\n')
    rest = parts.pop()
    for (const part of parts) keep(part)
    if (at > line + 1) break
  }
  if (at <= line + 1) keep(rest)
  return lines

  function keep(text) {
    if (Math.abs(at - line) <= 1 && (text || at === line)) {
      lines.push({ line: at, ...cut(text, at === line ? character : undefined) })
    }
    at++
  }
}

function cut(text, character) {
  const mark = character && character <= text.length ? character - 1 : undefined
  if (text.length <= CHARS_MAX) return { text, mark }
  const from = Math.max(0, Math.min((mark ?? 0) - CHARS_MAX / 2, text.length - CHARS_MAX))
  const before = from ? '…' : ''
  const after = from + CHARS_MAX < text.length ? '…' : ''
  return {
    text: before + text.slice(from, from + CHARS_MAX) + after,
    mark: mark === undefined ? undefined : mark - from + before.length,
  }
}
