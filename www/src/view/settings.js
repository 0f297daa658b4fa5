/** The form of settings, and the package's options that it stands for. */
import { h, part } from '../dom.js'

const LEVELS = { zstd: [1, 19, 1], gzip: [0, 9, 6], brotli: [0, 11, 5] }

const field = (name, label, control, { hint, full } = {}) => {
  const id = `set-${name}`
  control.id = id
  control.dataset.testid = id
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`)
  return h('div', { class: full ? 'field full' : 'field' },
    h('label', { for: id }, label), control, hint && h('p', { class: 'hint', id: `${id}-hint` }, hint))
}

const choice = options => h('select', {}, options.map(([value, text]) => h('option', { value }, text)))

export function startSettings() {
  const codec = choice([['zstd', 'zstd'], ['none', 'none'], ['snappy', 'snappy'], ['lz4', 'lz4'], ['gzip', 'gzip'], ['brotli', 'brotli']])
  const level = h('input', { type: 'number', inputmode: 'numeric' })
  const collection = h('input', { type: 'text', value: 'rows', autocomplete: 'off', spellcheck: 'false' })
  const tenant = h('input', { type: 'text', inputmode: 'numeric', value: '0', autocomplete: 'off' })
  const idField = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', placeholder: 'row number' })
  const nulls = choice([['absent', 'same as absent'], ['preserve', 'kept apart']])
  const policy = choice([['rescue', 'rescue it'], ['strict', 'refuse the row']])
  const schema = h('textarea', {
    rows: 5,
    spellcheck: 'false',
    autocapitalize: 'off',
    placeholder: '{"columns":[{"name":"ts","type":"timestamp","unit":"ms"}]}'
  })
  const borrow = h('button', { type: 'button', class: 'button small', 'data-testid': 'schema-borrow', disabled: true }, 'Start from the inferred one')

  part('settings-fields').append(
    field('codec', 'Codec', codec),
    field('level', 'Level', level),
    field('collection', 'Collection', collection),
    field('tenant', 'Tenant', tenant, { hint: 'A whole number' }),
    field('id', 'Field with the row’s id', idField, { hint: 'Where empty: _id, or else the row’s number' }),
    field('nulls', 'A null is', nulls),
    field('schema', 'Schema (JSON)', schema, { full: true, hint: 'Where empty, types are inferred over all rows.' }),
    h('div', { class: 'field full' }, borrow),
    field('policy', 'What fits no column', policy, { full: true })
  )

  const describe = () => {
    const range = LEVELS[codec.value]
    level.disabled = !range
    if (range) {
      [level.min, level.max] = range
      level.placeholder = `${range[2]} (${range[0]} to ${range[1]})`
    } else {
      level.value = ''
      level.placeholder = 'none'
    }
    part('settings-note').textContent = [codecOf(), collection.value.trim(), schema.value.trim() && 'own schema'].filter(Boolean).join(' · ')
  }
  const codecOf = () => level.value && !level.disabled ? `${codec.value}:${level.value}` : codec.value
  part('settings-fields').addEventListener('input', ({ target }) => {
    if (target === collection) collection.dataset.own = 'yes'
    schema.removeAttribute('aria-invalid')
    describe()
  })
  describe()

  return {
    /** @returns {object} EncodeOptions; throws where the schema is not JSON */
    options() {
      const options = {
        codec: codecOf(),
        collection: collection.value,
        tenant: tenant.value.trim(),
        nulls: nulls.value,
        policy: policy.value
      }
      if (idField.value) options.id = idField.value
      if (schema.value.trim()) options.schema = schemaOf(schema)
      return options
    },
    /** Offers the schema of the last result for editing. */
    offer(inferred) {
      borrow.disabled = false
      borrow.onclick = () => {
        schema.value = JSON.stringify({ columns: inferred.columns.filter(column => column.type !== 'null') }, null, 1)
        schema.rows = 12
        describe()
        schema.focus()
      }
    },
    /** A collection named after the source, unless the reader named one. */
    suggest(name) {
      if (collection.dataset.own) return
      collection.value = name
      describe()
    }
  }
}

function schemaOf(control) {
  try {
    return JSON.parse(control.value)
  } catch (error) {
    control.setAttribute('aria-invalid', 'true')
    throw Object.assign(new Error(`The schema is not JSON: ${error.message}. Correct it in the settings, or empty the field.`), { code: 'Settings' })
  }
}
