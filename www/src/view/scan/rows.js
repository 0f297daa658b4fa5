/** The form of a query, and the rows that it finds. */
import { h, say } from '../../dom.js'
import { bytes, counted, duration } from '../../format.js'
import { clearProblem, field, showProblem } from '../field.js'
import { rowOf } from '../rows.js'
import { scroller } from '../scroller.js'

/**
 * @param {{schema: object}} file
 * @param {(query: object, onProgress: (progress: object) => void) => Promise<object | undefined>}
 *   run gives undefined if another file was opened
 */
export function rowsSection({ schema }, run) {
  const where = h('input', {
    id: 'scan-where', type: 'text', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off',
    placeholder: exampleOf(schema)
  })
  const columns = h('input', {
    id: 'scan-columns', type: 'text', spellcheck: 'false', autocomplete: 'off', placeholder: 'all'
  })
  const limit = h('input', {
    id: 'scan-limit', type: 'number', min: 1, max: 1000, value: 20, inputmode: 'numeric'
  })
  const status = h('p', { class: 'note number', 'data-testid': 'scan-status', role: 'status' })
  const place = h('div', { 'data-testid': 'scan-rows-place' })
  const form = h('form', { class: 'query', 'data-testid': 'scan-query', novalidate: true },
    field('Rows where', where, {
      hint: 'Such as: year >= 2005 and title like "The %"', full: true
    }),
    field('Columns', columns, { hint: 'Paths with commas between them' }),
    field('At most', limit, { hint: 'Rows' }),
    h('button', {
      type: 'submit', class: 'button primary', 'data-testid': 'scan-read'
    }, 'Read rows'))

  form.addEventListener('submit', async event => {
    event.preventDefault()
    for (const control of [where, columns, limit]) clearProblem(control)
    const most = Number(limit.value)
    if (!Number.isInteger(most) || most < 1 || most > 1000) {
      return showProblem(limit, 'Give a whole number from 1 to 1,000.')
    }
    const query = { limit: most, ids: true }
    if (where.value.trim()) query.where = where.value
    const paths = pathsOf(columns.value)
    if (paths.length) query.columns = paths
    status.textContent = 'Reading…'
    try {
      const result = await run(query, ({ rows }) => {
        status.textContent = `${counted(rows, 'row')} so far…`
      })
      if (result) draw(result, query)
    } catch (error) {
      status.textContent = ''
      const isOfColumns = error.code === 'Settings' && /path of a column/.test(error.message)
      showProblem(isOfColumns ? columns : where, sentence(error.message))
    }
  })

  function draw({ rows, requests, moved, ms, stats }, query) {
    const names = namesOf(rows, schema, query)
    const { rowGroups } = stats
    const isCut = rows.length === query.limit
    const more = isCut ? ' (the most that were asked for)' : ''
    const unknown = stats.columnsUnknown.map(name => ` The file has no column ${name}.`)
    const words = `${counted(rows.length, 'row')}${more}: ` +
      `${bytes(moved)} in ${counted(requests, 'request')}, ${duration(ms)}. ` +
      `${rowGroups.read} of ${counted(rowGroups.all, 'row group')} read.${unknown.join('')}`
    status.textContent = words
    say(words)
    place.replaceChildren(rows.length === 0
      ? h('p', { class: 'note' }, 'No row is so.')
      : scroller('Table of rows', h('table', { 'data-testid': 'scan-rows-table' },
        h('thead', {}, h('tr', {},
          h('th', { scope: 'col', class: 'figure' }, 'Row'),
          names.map(name => h('th', { scope: 'col' }, name)))),
        h('tbody', {}, rows.map((row, at) => rowOf(row, at, names, new Set())))), { tall: true }))
  }

  return h('section', {
    class: 'block',
    id: 'scan-rows',
    'data-testid': 'scan-rows',
    'aria-labelledby': 'scan-rows-title'
  }, h('h2', { id: 'scan-rows-title' }, 'Rows'), form, status, place)
}

/** The columns in the order of the file, and then the fields that only rows have. */
function namesOf(rows, schema, { columns }) {
  const there = new Set(rows.flatMap(row => Object.keys(row)))
  const known = ['_id', ...schema.columns.map(column => column.name)]
  const names = [...known.filter((name, at) => there.has(name) && known.indexOf(name) === at),
    ...[...there].filter(name => !known.includes(name))]
  return columns ? names : [...new Set([...names, ...schema.columns.map(column => column.name)])]
}

/** Commas in quotes belong to a name. */
const pathsOf = text => (text.match(/(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`|[^,])+/g) ?? [])
  .map(path => path.trim()).filter(Boolean)

/** A filter that this file could have. */
function exampleOf(schema) {
  const number = schema.columns.find(({ type }) => /^(u?int|float)/.test(type))
  return number ? `${quoted(number.name)} > 0` : 'all rows'
}

const quoted = name => /^[A-Za-z_]\w*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
const sentence = text => `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
