import { ColdpressError } from './error.js'
import { isText, kindOf } from './values.js'

const COUNTS = ['columnsMax', 'depthMax', 'rowBytesMax', 'rowGroupRowsMax']
const KNOWN = new Set([
  'codec', 'encodings', 'id', 'names', 'nulls', 'policy', 'schema', ...COUNTS,
  'prefix', 'tenant', 'collection', 'lsns', 'lsnWidth', 'signal',
])

/**
 * Refuses a misspelt option: it would be lost in silence.
 *
 * @param {object} options
 * @param {Iterable<string>} [more] what else the caller knows
 */
export function checkNames(options, more = []) {
  if (typeof options !== 'object' || options === null) {
    throw settings(`the options are ${kindOf(options)}; they are an object, such as { collection }`)
  }
  const known = new Set([...KNOWN, ...more])
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw settings(`there is no option ${JSON.stringify(name)}; there are ${[...known].join(', ')}`)
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
  const { codec, encodings, id, names, nulls, policy, schema } = options
  if (codec !== undefined) made.codec(text(codec, 'codec'))
  if (encodings !== undefined) made.encodings(text(encodings, 'encodings'))
  if (id !== undefined) made.id(text(id, 'id'))
  if (names !== undefined) made.names(text(names, 'names'))
  if (nulls === 'preserve') made.preserveNulls()
  else if (nulls !== undefined && nulls !== 'absent') throw settings(`nulls is ${JSON.stringify(nulls)}; choose "absent" or "preserve"`)
  if (policy !== undefined) made.policy(text(policy, 'policy'))
  if (schema !== undefined) made.schema(typeof schema === 'string' ? schema : jsonOf(schema))
  for (const name of COUNTS) {
    const value = options[name]
    if (value === undefined) continue
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) throw settings(`${name} is ${String(value)}; it is a whole number`)
    made[name](value)
  }
  return made
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
  if (typeof value === 'string' && isText(value)) return value
  throw settings(`${name} is ${typeof value === 'string' ? 'half a surrogate pair' : String(value)}; it is a string`)
}

const settings = message => new ColdpressError('Settings', message)
