/** The facts about the file: its key, checksum and metadata. */
import { h } from '../dom.js'
import { bytes, count, counted } from '../format.js'

export function fileSection({ result }) {
  const { report } = result
  const inside = report.columns.reduce((sum, column) => sum + column.bytes, 0)
  const facts = [
    ['Key', result.key, 'key'],
    ['SHA-256', result.sha256, 'sha256'],
    [
      'Bytes',
      `${count(result.bytes)}, of which ${count(result.bytes - inside)} are indexes, ` +
      'bloom filter and footer',
    ],
    [
      'Row groups',
      report.groups.map(group => `${counted(group.rows, 'row')} in ${bytes(group.bytes)}`).join(
        '; ',
      ),
    ],
    ['Created by', report.createdBy],
  ]
  const metadata = Object.entries(report.metadata).filter(([name]) => name !== 'coldpress.schema')
  const known = [...facts, ...metadata].filter(([, value]) => value !== undefined)
  return h(
    'section',
    { class: 'block', id: 'file', 'data-testid': 'file-facts', 'aria-labelledby': 'file-title' },
    h('h2', { id: 'file-title' }, 'The file'),
    h('dl', { class: 'facts' }, known.map(([name, value, id]) =>
      h('div', {}, h('dt', {}, name), h('dd', { 'data-testid': id && `file-${id}` }, value)))),
    h('details', { class: 'fold' },
      h('summary', {}, 'coldpress.schema'),
      h(
        'pre',
        { class: 'well', tabindex: 0, role: 'region', 'aria-label': 'Schema as JSON' },
        JSON.stringify(report.schema, null, 1),
      ),
    ),
  )
}
