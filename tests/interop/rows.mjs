// The source's rows against what hyparquet read of them, by the documented mapping (docs/format.md):
// the same rules as rows.py, for JavaScript's values.
import { Literal, parseJson, sameJson } from './json.mjs'

const NANOS_OF_UNIT = { ms: 1_000_000n, us: 1_000n, ns: 1n }

const ROUNDED = 'decimals are rounded to doubles'

// What differs, one line each, and what hyparquet changed by its own rules; `names` are those of
// the columns.
export function differences(source, schema, names, table) {
  const wrong = []
  wrong.losses = new Set()
  const fields = schema.columns.filter((column) => column.type !== 'null')
  // Where a field of the documents holds the ids, there is no column `_id` beside it.
  const own = schema.id_field ? [] : ['_id']
  const wanted = [...own, ...fields.map((field) => field.name), '_rescued_data']
  const found = JSON.stringify(names)
  if (found !== JSON.stringify(wanted.slice(0, Math.max(names.length, own.length + fields.length)))) {
    wrong.push(`the columns are ${found}, not ${JSON.stringify(wanted)}`)
    return wrong
  }
  if (table.length !== source.length) {
    wrong.push(`${table.length} rows, not ${source.length}`)
    return wrong
  }
  const kind = { type: 'struct', fields: schema.columns }
  source.forEach(({ id, document }, row) => {
    const { _rescued_data: rescued, ...value } = table[row]
    const found = value._id
    if (own.length > 0) delete value._id
    if (own.length > 0 && found !== id) wrong.push(`row ${row}: _id is ${found}, not ${id}`)
    const aside = rescued == null ? undefined : parseJson(rescued)
    compare(kind, document, value, aside, `row ${row}`, wrong)
  })
  return wrong
}

function compare(kind, source, value, aside, path, wrong) {
  const absent = value === null || value === undefined
  if (kind.type === 'struct' && source instanceof Map && !absent) {
    compareFields(kind.fields, source, value, aside ?? new Map(), path, wrong)
  } else if (kind.type === 'list' && Array.isArray(source) && !absent) {
    if (value.length !== source.length) {
      wrong.push(`${path}: ${value.length} elements, not ${source.length}`)
      return
    }
    source.forEach((element, at) => {
      compare(kind.element, element, value[at], aside?.get(String(at)), `${path}[${at}]`, wrong)
    })
  } else if (aside !== undefined) {
    if (!sameJson(source, aside)) wrong.push(`${path}: ${show(aside)} is rescued, not ${show(source)}`)
    if (!absent && !sameLeaf(kind, source, value, wrong.losses)) {
      wrong.push(`${path}: ${show(value)} beside the rescued ${show(source)}`)
    }
  } else if (source === undefined || source === null) {
    if (!absent) wrong.push(`${path}: ${show(value)}, not null`)
  } else if (absent || !sameLeaf(kind, source, value, wrong.losses)) {
    wrong.push(`${path}: ${show(value)}, not ${show(source)}`)
  }
}

function compareFields(fields, source, value, aside, path, wrong) {
  const known = new Set(fields.map((field) => field.name))
  for (const field of fields) {
    const { name } = field
    const found = field.type === 'null' || !Object.hasOwn(value, name) ? undefined : value[name]
    compare(field, source.get(name), found, aside.get(name), `${path}.${name}`, wrong)
  }
  for (const [name, item] of source) {
    if (!known.has(name) && !sameJson(item, aside.get(name) ?? null)) {
      wrong.push(`${path}.${name}: ${show(item)} is neither in a column nor rescued`)
    }
  }
  for (const name of [...aside.keys(), ...Object.keys(value)]) {
    if (!source.has(name) && !known.has(name)) wrong.push(`${path}.${name}: not in the source`)
  }
}

// Whether hyparquet's value is the typed form of a JSON value.
function sameLeaf(kind, source, value, losses) {
  const number = source instanceof Literal
  const text = typeof source === 'string'
  switch (kind.type) {
    case 'boolean':
    case 'string':
      return value === source
    case 'json':
      return sameJson(source, parseJson(value))
    case 'float64':
      return number && value === Number(source.text)
    case 'float32':
      return number && value === Math.fround(Number(source.text))
    case 'decimal': {
      // hyparquet shows decimals as doubles, scaled by a power of ten that is one too.
      losses.add(ROUNDED)
      const exact = Number(number ? source.text : source)
      return Math.abs(value - exact) <= Math.abs(exact) * 2 * Number.EPSILON
    }
    case 'binary':
      return text && Buffer.from(value).equals(Buffer.from(source, 'base64'))
    case 'uuid':
      return text && value === source.toLowerCase()
    case 'date':
      return value === Date.parse(source) / 86_400_000
    case 'timestamp':
      if (number) return value === BigInt(source.text) * NANOS_OF_UNIT[kind.unit]
      return text && value === nanosOf(source)
    default:
      return number && new Literal(String(value)).normal === source.normal
  }
}

// RFC 3339 text as nanoseconds since the epoch; `Date` stops at milliseconds.
function nanosOf(text) {
  const [, seconds, fraction = '', zone] = /^(.*?)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text)
  return BigInt(Date.parse(seconds + zone.toUpperCase())) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

function show(value) {
  const plain = (_, item) => {
    if (item instanceof Map) return Object.fromEntries(item)
    if (item instanceof Literal) return item.text
    return typeof item === 'bigint' ? `${item}n` : item
  }
  return JSON.stringify(value, plain)
}
