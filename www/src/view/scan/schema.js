/** The columns of an open file: their types, and what they weigh. */
import { h } from '../../dom.js'
import { bytes, leafName } from '../../format.js'
import { scroller } from '../scroller.js'

/** @param {{groups: {columns: object[]}[], schema: object}} file */
export function schemaSection({ groups }) {
  const leaves = new Map()
  for (const { columns } of groups) {
    for (const chunk of columns) {
      const name = leafName(chunk.column)
      const type = chunk.logical_type || chunk.physical_type
      const leaf = leaves.get(name) ?? { type, bytes: 0, codec: chunk.codec, encodings: new Set() }
      leaf.bytes += chunk.compressed_bytes
      for (const encoding of chunk.encodings) leaf.encodings.add(encoding)
      leaves.set(name, leaf)
    }
  }
  const most = Math.max(...[...leaves.values()].map(leaf => leaf.bytes), 1)
  const table = h('table', { 'data-testid': 'scan-schema-table' },
    h('thead', {}, h('tr', {},
      h('th', { scope: 'col' }, 'Column'), h('th', { scope: 'col' }, 'Type'),
      h('th', { scope: 'col', class: 'figure' }, 'Bytes'), h('th', { scope: 'col' }, 'Encodings'))),
    h('tbody', {}, [...leaves].map(([name, leaf]) => h('tr', {},
      h('th', { scope: 'row', title: name }, name),
      h('td', {}, h('span', { class: 'type' }, leaf.type.toLowerCase())),
      h('td', { class: 'figure weight' }, bytes(leaf.bytes),
        h('span', { class: 'tiny-bar' }, h('span', { 'width%': 100 * leaf.bytes / most }))),
      h('td', { class: 'soft' },
        `${leaf.codec}: ${[...leaf.encodings].join(', ')}`.toLowerCase())))))
  return h('section', {
    class: 'block',
    id: 'scan-schema',
    'data-testid': 'scan-schema',
    'aria-labelledby': 'scan-schema-title'
  },
  h('h2', { id: 'scan-schema-title' }, 'Columns'),
  scroller('Table of columns', table, { tall: true }))
}
