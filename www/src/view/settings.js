/** The form with the settings, which become options of the package. */
import { h, part } from '../dom.js'
import { showProblem, field, clearProblem } from './field.js'

const LEVELS = { zstd: [1, 19, 1], gzip: [0, 9, 6], brotli: [0, 11, 5] }

export function startSettings() {
  const controls = makeControls()
  const { codec, level, collection, tenant, idField, nulls, policy, schema, borrow } = controls
  lay(controls)

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
    const notes = [codecOf(), collection.value.trim(), schema.value.trim() && 'own schema']
    part('settings-note').textContent = notes.filter(Boolean).join(' · ')
  }
  const codecOf = () =>
    level.value && !level.disabled ? `${codec.value}:${level.value}` : codec.value
  part('settings-fields').addEventListener('input', ({ target }) => {
    if (target === collection) collection.dataset.own = 'yes'
    if (target.id) clearProblem(target)
    describe()
  })
  describe()

  return {
    /** @returns {object} EncodeOptions; throws if a setting is wrong; `setting` names it */
    options() {
      if (level.validity.badInput) {
        throw wrong('set-level', 'The level is not a number. Correct it, or clear the field.')
      }
      const options = {
        codec: codecOf(),
        collection: collection.value,
        tenant: tenant.value.trim(),
        nulls: nulls.value,
        policy: policy.value
      }
      if (idField.value) options.id = idField.value
      if (schema.value.trim()) options.schema = schemaOf(schema.value)
      return options
    },
    /** Lets the reader edit the schema of the last result. */
    offer(inferred) {
      borrow.disabled = false
      borrow.onclick = () => {
        const columns = inferred.columns.filter(column => column.type !== 'null')
        schema.value = JSON.stringify({ columns }, null, 1)
        clearProblem(schema)
        schema.rows = 12
        describe()
        schema.focus()
      }
    },
    /** Goes to the setting that an error is about. */
    select({ setting, message }) {
      showProblem(document.getElementById(setting), message)
    },
    /** Names the collection after the source, unless the reader has named one. */
    suggest(name) {
      if (collection.dataset.own) return
      collection.value = name
      describe()
    }
  }
}

function makeControls() {
  const input = (id, more) => h('input', {
    id, type: 'text', autocomplete: 'off', spellcheck: 'false', ...more
  })
  const choice = (id, options) => h('select', { id },
    options.map(([value, text = value]) => h('option', { value }, text)))
  return {
    codec: choice('set-codec', [['zstd'], ['none'], ['snappy'], ['lz4'], ['gzip'], ['brotli']]),
    level: h('input', { id: 'set-level', type: 'number', inputmode: 'numeric' }),
    collection: input('set-collection', { value: 'rows' }),
    tenant: input('set-tenant', { inputmode: 'numeric', value: '0' }),
    idField: input('set-id', { placeholder: 'row number' }),
    nulls: choice('set-nulls', [['explicit', 'kept apart'], ['absent', 'same as absent']]),
    policy: choice('set-policy', [['rescue', 'rescue it'], ['strict', 'refuse the row']]),
    schema: h('textarea', {
      id: 'set-schema',
      rows: 5,
      spellcheck: 'false',
      autocapitalize: 'off',
      placeholder: '{"columns":[{"name":"ts","type":"timestamp","unit":"ms"}]}'
    }),
    borrow: h('button', {
      type: 'button', class: 'button small', 'data-testid': 'schema-borrow', disabled: true
    }, 'Edit the inferred schema')
  }
}

function lay({ codec, level, collection, tenant, idField, nulls, policy, schema, borrow }) {
  part('settings-fields').append(
    field('Codec', codec),
    field('Level', level),
    field('Collection', collection),
    field('Tenant', tenant, { hint: 'A whole number' }),
    field('Field with the row’s id', idField, {
      hint: 'If empty: _id, or the row’s number'
    }),
    field('A null is', nulls),
    field('Schema (JSON)', schema, {
      full: true, hint: 'If empty, types are inferred from all rows.'
    }),
    h('div', { class: 'field full' }, borrow),
    field('If a value fits no column', policy, { full: true })
  )
}

function schemaOf(text) {
  try {
    return JSON.parse(text)
  } catch (error) {
    const todo = 'Correct it in the settings, or clear the field.'
    throw wrong('set-schema', `The schema is not JSON: ${error.message}. ${todo}`)
  }
}

const wrong = (setting, message) => Object.assign(new Error(message), { code: 'Settings', setting })
