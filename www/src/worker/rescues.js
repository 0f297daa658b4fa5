/**
 * Finds examples of rescued values. The summary of the file has only their paths and counts. So
 * this looks in the rows for values that do not fit the type of their column.
 */

/**
 * @param {object[]} rows as read back
 * @param {{path: string, count: number}[]} rescued
 * @param {{columns: object[]}} schema
 * @returns {{path: string, count: number, type: string | undefined,
 *   examples: {row: number, at: string, value: unknown}[]}[]}
 */
export function rescueExamples(rows, rescued, schema, examplesMax = 5) {
  const wanted = new Map(
    rescued.map(({ path, count }) => [path, { path, count, type: undefined, examples: [] }]),
  )
  if (!wanted.size) return []
  const open = () =>
    [...wanted.values()].some(entry => entry.examples.length < Math.min(examplesMax, entry.count))
  const note = (row, path, at, value, type) => {
    const entry = wanted.get(path)
    if (!entry) return
    entry.type = type
    if (entry.examples.length < examplesMax) entry.examples.push({ row, at, value })
  }
  for (let row = 0; row < rows.length && open(); row++) {
    walkFields(
      rows[row],
      schema.columns,
      '',
      '',
      (path, at, value, type) => note(row, path, at, value, type),
    )
  }
  return [...wanted.values()]
}

function walkFields(object, columns, path, at, found) {
  const known = new Map(columns.map(column => [column.name, column]))
  for (const [name, value] of Object.entries(object)) {
    if (value == null) continue
    const join = prefix => prefix ? `${prefix}.${name}` : name
    const column = known.get(name)
    if (column) walk(value, column, join(path), join(at), found)
    else found(join(path), join(at), value, 'no column')
  }
}

function walk(value, column, path, at, found) {
  if (!fits(value, column)) return found(path, at, value, column.type)
  if (column.type === 'struct') walkFields(value, column.fields, path, at, found)
  if (column.type === 'list') {
    value.forEach((element, index) => {
      if (element != null) walk(element, column.element, `${path}[]`, `${at}[${index}]`, found)
    })
  }
}

function fits(value, { type, form }) {
  switch (type) {
    case 'json': return true
    case 'boolean': return typeof value === 'boolean'
    case 'string': case 'uuid': case 'binary': return typeof value === 'string'
    case 'date': return typeof value === 'string' && DAY.test(value)
    case 'struct': return typeof value === 'object' && !Array.isArray(value)
    case 'list': return Array.isArray(value)
    case 'timestamp':
      if (form?.startsWith('text:')) return typeof value === 'string' && formOf(form).test(value)
      return typeof value !== 'boolean' && typeof value !== 'object'
    case 'decimal': return typeof value !== 'boolean' && typeof value !== 'object'
    case 'float64': case 'float32': return typeof value === 'number'
    case 'null': return false
    default: return typeof value === 'bigint' || Number.isInteger(value)
  }
}

/** @type {Map<string, RegExp>} */
const FORMS = new Map()
const DAY = /^\d{4}-\d\d-\d\d$/

/**
 * The texts of a form such as `text:3`, `text:trimmed` or `text:6+00:00`.
 *
 * @param {string} form
 */
function formOf(form) {
  const known = FORMS.get(form)
  if (known) return known
  const [, digits, zone] = /^text:([a-z0-9]+)(.*)$/.exec(form) ?? []
  const fractions = { trimmed: '(\\.\\d*[1-9])?', 0: '' }
  const fraction = fractions[digits] ?? `\\.\\d{${digits}}`
  const end = zone.replace('+', '\\+') || 'Z'
  const made = new RegExp(`^\\d{4}-\\d\\d-\\d\\dT[\\d:]{8}${fraction}${end}$`)
  FORMS.set(form, made)
  return made
}
