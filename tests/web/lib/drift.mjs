// Collections of two to five files whose rows change their types from file to file.
// `tests/tests/drift.rs` has such ones for core.
import { generator } from './dice.mjs'

const FIELDS = ['t', 'u', 's', 'l', 'when', 'flag']

/**
 * @typedef {object} File
 * @property {object[]} rows
 * @property {string} text the rows as NDJSON
 * @property {string} documents pairs of id and document without it, as JSON with commas between
 */

/**
 * @param {number} count
 * @param {number} seed
 * @returns {{ name: string, files: File[] }[]}
 */
export function collections(count, seed) {
  const below = generator(seed)
  return Array.from({ length: count }, (_, at) => ({ name: `c${at}`, files: files(below) }))
}

/** @returns {File[]} */
function files(below) {
  let kinds = FIELDS.map(() => kind(below, 2))
  let next = 0
  return Array.from({ length: 2 + below(4) }, () => {
    kinds = kinds.map((kept) => (below(5) < 2 ? kind(below, 2) : kept))
    const rows = Array.from({ length: 3 + below(6) }, () => ({ _id: `r${next++}`, ...row() }))
    const pair = ({ _id, ...document }) => `["${_id}",${print(document)}]`
    return {
      rows,
      text: rows.map((row) => `${print(row)}\n`).join(''),
      documents: rows.map(pair).join(','),
    }
  })

  function row() {
    const there = FIELDS.map((name, at) => [name, at]).filter(() => below(6) > 0)
    return Object.fromEntries(there.map(([name, at]) => [name, value(below, kinds[at])]))
  }
}

/** What the values of a field are in one file. */
function kind(below, depth) {
  const leaves = [
    'integer', 'integer', 'double', 'double', 'big', 'boolean', 'text', 'instant',
    below(3) === 0 ? 'null' : 'day',
  ]
  const at = below(depth === 0 ? 9 : 13)
  if (at < 9) return { is: leaves[at] }
  if (at > 10) return { is: 'list', element: kind(below, depth - 1) }
  const first = below(3)
  const taken = Array.from({ length: 1 + below(3) }, (_, nth) => 'xyz'[(first + nth) % 3])
  return { is: 'struct', fields: taken.map((name) => [name, kind(below, depth - 1)]) }
}

function value(below, { is, fields, element }) {
  const n = below(50)
  const two = (number) => String(number).padStart(2, '0')
  switch (is) {
    case 'integer': return n
    case 'double': return n + 0.5
    case 'big': return 2n ** 64n - 1n - BigInt(n)
    case 'boolean': return n % 2 === 0
    case 'text': return `text ${n}`
    case 'instant': return `2026-01-02T03:04:${two(n)}.678Z`
    case 'day': return `2026-01-${two(1 + (n % 28))}`
    case 'null': return null
    case 'struct':
      return Object.fromEntries(fields.map(([name, kind]) => [name, value(below, kind)]))
    default: return Array.from({ length: n % 4 }, () => value(below, element))
  }
}

/** JSON text, with a BigInt as a number. */
function print(value) {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(print).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const fields = Object.entries(value).map(([name, of]) => `${JSON.stringify(name)}:${print(of)}`)
  return `{${fields.join(',')}}`
}
