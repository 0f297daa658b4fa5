/** The rescued values: their count and path, and the first of them. */
import { h } from '../dom.js'
import { count, counted, json, shortened } from '../format.js'

export function rescuedSection({ result, verified }) {
  const { rescued } = result
  const total = rescued.reduce((sum, entry) => sum + Number(entry.count), 0)
  const found = new Map((verified?.rescued ?? []).map(entry => [entry.path, entry]))
  return h(
    'section',
    { class: 'block', id: 'rescued', 'data-testid': 'rescued', 'aria-labelledby': 'rescued-title' },
    h('h2', { id: 'rescued-title' }, 'Rescued values'),
    total === 0
      ? h('p', { class: 'note' }, 'None: every value fitted its column.')
      : [
          h('p', { class: 'note' },
            `${counted(total, 'value')} fitted no column, or had another form than the column's. `,
            'The column ',
            h('code', {}, '_rescued_data'),
            ' keeps each one unchanged, and reading puts it back in its place.'),
          h('ul', { class: 'rescues' }, rescued.map(entry => rescue(entry, found.get(entry.path))))
        ])
}

function rescue({ path, count: many, otherForm }, found) {
  const examples = found?.examples ?? []
  const inColumn = otherForm > 0 ? `, ${count(otherForm)} of them in the column too` : ''
  return h(
    'li',
    { 'data-path': path },
    h(
      'p',
      {},
      h('strong', {}, h('code', {}, path || '""')),
      ' ',
      h(
        'span',
        { class: 'soft' },
        counted(many, 'value'),
        found?.type ? `, ${columnIs(path, found.type)}` : '',
        inColumn,
      ),
    ),
    examples.length > 0 && h(
      'ul',
      { class: 'examples' },
      examples.map(({ row, value }) =>
        h(
          'li',
          {},
          h('span', { class: 'soft number' }, `row ${count(row)}`),
          ' ',
          h('code', {}, shortened(json(value), 60)),
        )
      ),
      many > examples.length &&
        h('li', { class: 'soft' }, `and ${count(Number(many) - examples.length)} more`),
    ),
  )
}

function columnIs(path, type) {
  if (path === '_id') return 'because some rows have no _id'
  return type === 'no column' ? 'without a column' : `in a column of type ${type}`
}
