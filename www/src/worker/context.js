/** The lines around a faulty one, for an error to be seen in its place. */
import { textOf } from './source.js'

const CHARS_MAX = 240

/**
 * @param {{name: string, blob: Blob, gzip: boolean}} opened
 * @param {number} line from 1
 * @param {number} [character] the place in that line, from 1
 * @returns {Promise<{line: number, text: string}[]>}
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
    if (Math.abs(at - line) <= 1 && (text || at === line)) lines.push({ line: at, text: cut(text, at === line ? character : 1) })
    at++
  }
}

function cut(text, character = 1) {
  if (text.length <= CHARS_MAX) return text
  const from = Math.max(0, Math.min(character - CHARS_MAX / 2, text.length - CHARS_MAX))
  return `${from ? '…' : ''}${text.slice(from, from + CHARS_MAX)}${from + CHARS_MAX < text.length ? '…' : ''}`
}
