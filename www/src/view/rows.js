/** The rows that `decode` returned for the file. */
import { h, say } from '../dom.js'
import { ask } from '../worker-client.js'
import { count, json, shortened } from '../format.js'
import { scroller } from './scroller.js'

const PAGE = 20

export function rowsSection({ result, verified }) {
  const ready = verified && !verified.running && !verified.error
  const section = h(
    'section',
    {
      class: 'block',
      id: 'rows',
      'data-testid': 'rows',
      'aria-labelledby': 'rows-title',
      'aria-busy': String(!ready),
    },
    h('h2', { id: 'rows-title' }, result.kind === 'read' ? 'Rows' : 'Rows, read back'),
    ready ? null : h('p', { class: 'note' }, verified?.error
      ? `They could not be read: ${verified.error.message}`
      : verified ? 'Being read…' : 'Not read yet.'))
  if (ready) fill(section, result, verified)
  return section
}

async function fill(section, result, verified) {
  const names = result.report.schema.columns.map(column => column.name)
  const body = h('tbody')
  const status = h('p', { class: 'note number', 'data-testid': 'rows-status', role: 'status' })
  const more = h(
    'button',
    { type: 'button', class: 'button small', 'data-testid': 'rows-more' },
    `Show ${PAGE} more`,
  )
  let shown = 0
  // Rescued values are marked, by row and path. For an opened Parquet file they are not known.
  const odd = new Set(
    (verified.rescued ?? []).flatMap(entry =>
      entry.examples.map(({ row }) => `${row} ${entry.path}`)
    ),
  )
  const next = async () => {
    const rows = await ask('rows', { from: shown, count: PAGE })
    body.append(...rows.map((row, index) => rowOf(row, shown + index, names, odd)))
    shown += rows.length
    status.textContent = `${count(shown)} of ${count(result.rows)} rows`
    more.hidden = shown >= result.rows
  }
  more.addEventListener('click', next)
  section.append(
    scroller('Table of rows', h('table', { 'data-testid': 'rows-table' },
      h('thead', {}, h('tr', {},
        h('th', { scope: 'col', class: 'figure' }, 'Row'),
        names.map(name => h('th', { scope: 'col' }, name)))),
      body), { tall: true }),
    h('div', { class: 'deeds' }, more, status))
  await next().catch(error => {
    status.textContent = error.message
    say(error.message)
  })
}

export function rowOf(row, number, names, odd) {
  return h(
    'tr',
    {},
    h('th', { scope: 'row', class: 'figure soft' }, count(number)),
    names.map(name => {
      const value = row[name]
      const rescued = odd.has(`${number} ${name}`)
      if (value == null) {
        return h('td', {}, h('span', { class: 'nil' }, value === null ? 'null' : '·'))
      }
      const text = typeof value === 'string' ? value : json(value)
      return h(
        'td',
        {
          class:
            [
              typeof value === 'number' || typeof value === 'bigint' ? 'figure' : '',
              rescued ? 'rescued-cell' : '',
            ].join(' ').trim() || null,
          title: text.length > 48 ? text.slice(0, 2000) : null,
        },
        shortened(text, 48),
        rescued && h('span', { class: 'tag' }, 'rescued'),
      )
    }),
  )
}
