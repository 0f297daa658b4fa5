/** The table of columns: type, encoding, range and size of each. */
import { h } from '../dom.js'
import { bytes, count, leafName, shortened } from '../format.js'
import { scroller } from './scroller.js'

export function columnsSection({ result }) {
  const { columns } = result.report
  const largest = Math.max(...columns.map(column => column.bytes), 1)
  const types = leafTypes(result.report.schema)
  // The metadata of a file has no counts of rescued values by column.
  const rescued = result.kind === 'pressed' &&
    new Map(result.rescued.map(({ path, count }) => [path, count]))
  const figures = ['Size', 'Nulls', rescued && 'Rescued'].filter(Boolean)
  const onlyNulls = result.report.schema.columns.filter(column => column.type === 'null').map(
    column => column.name
  )
  return h(
    'section',
    { class: 'block', id: 'columns', 'data-testid': 'columns', 'aria-labelledby': 'columns-title' },
    h('h2', { id: 'columns-title' }, 'Columns'),
    scroller('Table of columns', h('table', { 'data-testid': 'columns-table' },
      h('thead', {}, h('tr', {},
        h('th', { scope: 'col' }, 'Column'),
        h('th', { scope: 'col' }, 'Type and encoding'),
        figures.map(name => h('th', { scope: 'col', class: 'figure' }, name)),
        h('th', { scope: 'col' }, 'From … to'))),
      h('tbody', {}, columns.map(column => row(column, types, rescued, largest))))),
    onlyNulls.length > 0 && h('p', { class: 'note' },
      'These fields hold only nulls, so they have no column: ', onlyNulls.join(', '), '.'))
}

function row(column, types, rescued, largest) {
  const name = leafName(column.path)
  const type = types.get(name) ?? { _id: 'string', _rescued_data: 'json' }[column.path] ??
    column.physical.toLowerCase()
  const saved = rescued && rescued.get(name)
  const nil = h('span', { class: 'nil' }, '0')
  return h('tr', { 'data-column': column.path },
    h('th', { scope: 'row' }, h('code', {}, name)),
    h('td', {},
      h('span', { class: 'type' }, type),
      h('span', { class: 'encoding', title: column.encodings.join(', ') },
        encodingOf(column.encodings), column.bloom && ', bloom filter')),
    h('td', { class: 'figure weight' },
      bytes(column.bytes),
      h(
        'span',
        { class: 'tiny-bar', 'aria-hidden': 'true' },
        h('span', { 'width%': Math.max(1, column.bytes / largest * 100) }),
      ),
    ),
    h('td', { class: 'figure' }, column.nulls ? count(column.nulls) : nil.cloneNode(true)),
    rescued && h('td', { class: 'figure' },
      saved ? h('a', { href: '#rescued' }, count(saved)) : nil),
    h('td', { class: 'range' }, range(column, type)))
}

const NAMES = {
  RLE_DICTIONARY: 'dictionary',
  PLAIN_DICTIONARY: 'dictionary',
  DELTA_BINARY_PACKED: 'delta',
  DELTA_BYTE_ARRAY: 'delta strings',
  DELTA_LENGTH_BYTE_ARRAY: 'delta lengths',
  BYTE_STREAM_SPLIT: 'byte stream split',
  PLAIN: 'plain',
}

// Levels and booleans always use RLE. Together with a dictionary, PLAIN is the dictionary itself.
function encodingOf(encodings) {
  const telling = encodings.filter(name => name !== 'RLE' && name !== 'BIT_PACKED')
  const chosen = telling.includes('RLE_DICTIONARY')
    ? telling.filter(name => name !== 'PLAIN')
    : telling
  return chosen.map(name => NAMES[name] ?? name.toLowerCase()).join(', ') || 'run lengths'
}

function range({ ranges, logical }, type) {
  const numeric = !['string', 'json', 'uuid', 'binary', 'date'].includes(type) &&
    logical !== 'STRING'
  const known = ranges.filter(([min, max]) => min != null && max != null)
  if (!known.length) return h('span', { class: 'nil' }, 'no values')
  const order = numeric ? (a, b) => Number(a) - Number(b) : (a, b) => a < b ? -1 : Number(a > b)
  const min = known.map(([value]) => value).sort(order)[0]
  const max = known.map(([, value]) => value).sort(order).at(-1)
  return [
    h('span', { title: min }, shortened(String(min), 28)),
    h('span', { class: 'to' }, ' … '),
    h('span', { title: max }, shortened(String(max), 28)),
  ]
}

/** The type of each leaf, by its path. */
function leafTypes(schema) {
  const types = new Map()
  const walk = (column, name) => {
    if (column.type === 'struct') {
      for (const field of column.fields) walk(field, `${name}.${field.name}`)
    } else if (column.type === 'list') walk(column.element, `${name}[]`)
    else types.set(name, typeName(column))
  }
  for (const column of schema.columns) walk(column, column.name)
  return types
}

function typeName({ type, unit, precision, scale }) {
  if (type === 'timestamp') return `timestamp ${unit}`
  return type === 'decimal' ? `decimal ${precision},${scale}` : type
}
