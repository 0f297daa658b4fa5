// Makes Dates of the instants that `decode` returns.

/**
 * Makes Dates in place, in the columns of timestamps with milliseconds. A finer instant would lose
 * digits as a Date, so it stays as it is. So does a day without a time.
 *
 * @param {any[]} rows
 * @param {readonly any[]} columns of the file's schema
 */
export function makeDates(rows, columns) {
  const toDates = ofFields(columns)
  if (toDates) for (const row of rows) toDates(row)
}

/**
 * What makes Dates in objects with these fields; undefined where there are none to make.
 *
 * @param {readonly any[]} columns
 * @returns {((object: any) => any) | undefined}
 */
function ofFields(columns) {
  /** @type {[string, (value: any) => any][]} */
  const fields = []
  for (const column of columns) {
    const toDates = ofColumn(column)
    if (toDates) fields.push([column.name, toDates])
  }
  if (fields.length === 0) return undefined
  return (object) => {
    if (!isObject(object)) return object
    for (const [name, toDates] of fields) {
      if (!Object.hasOwn(object, name)) continue
      const before = object[name]
      const value = toDates(before)
      if (value !== before) setField(object, name, value)
    }
    return object
  }
}

/** @param {any} column */
function ofColumn(column) {
  switch (column.type) {
    case 'timestamp':
      return column.unit === 'ms' ? toDate : undefined
    case 'struct':
      return ofFields(column.fields)
    case 'list': {
      const toDates = ofColumn(column.element)
      return toDates && ((value) => (Array.isArray(value) ? value.map(toDates) : value))
    }
    default:
      return undefined
  }
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/
/** The length of `2024-02-29T12:00:00`. */
const SECOND = 19

/** @param {unknown} value */
function toDate(value) {
  const isText = typeof value === 'string'
  if (isText ? !INSTANT.test(value) : typeof value !== 'number') return value
  const date = new Date(/** @type {string | number} */ (value))
  if (Number.isNaN(date.getTime())) return value
  // `Date` makes 1 March of 30 February. Such a text was rescued, and is no instant.
  return isText && !isRealSecond(value.slice(0, SECOND)) ? value : date
}

/** @param {string} second */
function isRealSecond(second) {
  return new Date(`${second}Z`).toISOString().startsWith(second)
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Sets a field of any name: assigning to `__proto__` would set the prototype.
 *
 * @param {object} object
 * @param {string} name
 * @param {unknown} value
 */
export function setField(object, name, value) {
  const all = { enumerable: true, configurable: true, writable: true }
  Object.defineProperty(object, name, { value, ...all })
}
