// The options of the encoder: checks them, and hands them to the module.

import { ColdpressError } from './error.js'
import { isWellFormed, kindOf } from './values.js'

const COUNTS = ['columnsMax', 'depthMax', 'rowBytesMax', 'rowGroupRowsMax']
const KNOWN = [
  'codec', 'encodings', 'id', 'names', 'newFields', 'nulls', 'numbers', 'policy', 'schema',
  'textTypes', 'uniqueIds', ...COUNTS,
  'prefix', 'tenant', 'collection', 'lsns', 'lsnWidth', 'signal',
]

/** The module's own names for options, and how JavaScript spells them. */
const SPELLINGS = {
  columns_max: 'columnsMax',
  depth_max: 'depthMax',
  new_fields: 'newFields',
  row_bytes_max: 'rowBytesMax',
  row_group_rows_max: 'rowGroupRowsMax',
  text_types: 'textTypes',
  unique_ids: 'uniqueIds',
}
// A name in quotes, in a path or after "column" is the caller's own. (A lookbehind would keep older
// browsers from loading this file at all.)
const OPTION = new RegExp(`(^|column |[ (])(${Object.keys(SPELLINGS).join('|')})(?=[ );,]|$)`, 'g')

/**
 * Refuses an unknown option: a misspelt one would have no effect, and nobody would notice.
 *
 * @param {object} options
 * @param {{ more?: string[], internal?: string[] }} [known] the options that the caller knows
 *   beside those of the encoder; the error does not list internal ones
 */
export function checkNames(options, { more = [], internal = [] } = {}) {
  if (typeof options !== 'object' || options === null) {
    throw settings(`the options are ${kindOf(options)}; they are an object, such as { collection }`)
  }
  const known = new Set([...KNOWN, ...more])
  const unknown = Object.keys(options).find(name => !known.has(name) && !internal.includes(name))
  if (unknown === undefined) return
  const list = [...known].join(', ')
  throw settings(`there is no option ${JSON.stringify(unknown)}; there are ${list}`)
}

/**
 * @param {any} signal
 */
export function checkSignal(signal) {
  if (signal === undefined || signal === null) return
  const { aborted, addEventListener } = signal
  if (typeof aborted !== 'boolean' || typeof addEventListener !== 'function') {
    throw settings(`signal is ${kindOf(signal)}; pass an AbortSignal`)
  }
}

/**
 * @param {Record<string, unknown>} functions by the names of their options
 */
export function checkFunctions(functions) {
  for (const [name, value] of Object.entries(functions)) {
    if (value === undefined || typeof value === 'function') continue
    throw settings(`${name} is ${kindOf(value)}; pass a function`)
  }
}

/**
 * The options as the module takes them.
 *
 * @param {any} raw
 * @param {Record<string, any>} options
 */
export function settingsOf(raw, options) {
  const made = new raw.RawSettings()
  const { codec, encodings, id, names, newFields, nulls, numbers } = options
  const { policy, schema, textTypes, uniqueIds } = options
  if (codec !== undefined) made.codec(text(codec, 'codec'))
  if (encodings !== undefined) made.encodings(text(encodings, 'encodings'))
  if (id !== undefined) made.id(text(id, 'id'))
  if (names !== undefined) made.names(text(names, 'names'))
  if (nulls === 'absent') made.absentNulls()
  else if (nulls !== undefined && nulls !== 'explicit') {
    throw settings(`nulls is ${JSON.stringify(nulls)}; choose "explicit" or "absent"`)
  }
  if (newFields !== undefined) made.newFields(text(newFields, 'newFields'))
  if (numbers !== undefined) made.numbers(text(numbers, 'numbers'))
  if (policy !== undefined) made.policy(text(policy, 'policy'))
  if (schema !== undefined) made.schema(typeof schema === 'string' ? schema : jsonOf(schema))
  if (textTypes !== undefined) made.textTypes(text(textTypes, 'textTypes'))
  if (uniqueIds === true) made.uniqueIds()
  else if (uniqueIds !== undefined && uniqueIds !== false) {
    throw settings(`uniqueIds is ${kindOf(uniqueIds)}; pass true or false`)
  }
  for (const name of COUNTS) {
    const value = options[name]
    if (value === undefined) continue
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw settings(`${name} is ${String(value)}; pass a whole number`)
    }
    made[name](value)
  }
  return made
}

/**
 * A message of the module, with the options as JavaScript spells them.
 *
 * @param {string} code
 * @param {string} message
 * @returns {string}
 */
export function inJavaScript(code, message) {
  if (code !== 'Settings' && code !== 'Limit') return message
  return message
    .replace(OPTION, (found, before, name) =>
      before === 'column ' ? found : `${before}${SPELLINGS[/** @type {'depth_max'} */ (name)]}`)
    // In Rust this one is a duration.
    .replace(/^timeout is 0; give more than 0$/, 'timeoutMs is 0; give more than 0')
    // JavaScript has no such option.
    .replace('with a higher `ReadLimits::', 'with the Rust library and a higher `ReadLimits::')
}

/**
 * Whether the codec needs the module that has brotli.
 *
 * @param {unknown} codec
 */
export const isBrotli = codec => typeof codec === 'string' && codec.split(':')[0] === 'brotli'

function jsonOf(schema) {
  try {
    return JSON.stringify(schema) ?? 'null'
  } catch (cause) {
    const why = String(/** @type {any} */ (cause)?.message ?? cause)
    throw new ColdpressError('Settings', `the schema cannot be written as JSON: ${why}`, { cause })
  }
}

function text(value, name) {
  if (typeof value !== 'string') throw settings(`${name} is ${String(value)}; pass a string`)
  if (isWellFormed(value)) return value
  const what = `${name} holds half a surrogate pair, which is no character`
  throw settings(`${what}; repair it with toWellFormed()`)
}

const settings = message => new ColdpressError('Settings', message)
