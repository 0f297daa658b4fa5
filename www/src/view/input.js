/** Every way in: sample, paste, file, drop, made-up rows. Each ends in one call of `onSource`. */
import { h, part } from '../dom.js'
import { bytes } from '../format.js'

/** @param {{onSource: (source: object) => void, onStop: () => void}} on */
export function startInput({ onSource, onStop }) {
  const text = /** @type {HTMLTextAreaElement} */ (part('rows-text'))
  const chosen = part('chosen')
  let source = null

  const choose = next => {
    source = next
    const pasted = next === null || next.kind === 'text'
    part('paste-area').hidden = !pasted
    chosen.hidden = pasted
    if (!pasted) chosen.replaceChildren(...card(next, () => {
      choose(null)
      text.focus()
    }))
  }
  const take = next => {
    choose(next)
    onSource(next)
  }

  part('sample').addEventListener('click', () => take({ kind: 'sample', url: new URL('./examples/movies.ndjson', document.baseURI).href, name: 'movies.ndjson' }))
  part('generate').addEventListener('click', () => {
    const what = /** @type {HTMLSelectElement} */ (part('generate-what')).value
    take({ kind: 'generate', what, rows: Number(/** @type {HTMLSelectElement} */ (part('generate-rows')).value) })
  })
  const picker = /** @type {HTMLInputElement} */ (part('file'))
  picker.addEventListener('change', () => {
    const [file] = picker.files
    // Emptied, or choosing the same file again would say nothing.
    picker.value = ''
    if (file) take({ kind: 'file', file })
  })
  startDrop(file => take({ kind: 'file', file }))

  const form = /** @type {HTMLFormElement} */ (part('input'))
  form.addEventListener('submit', event => {
    event.preventDefault()
    const next = source && source.kind !== 'text' ? source : { kind: 'text', text: text.value }
    if (next.kind === 'text' && !next.text.trim()) {
      text.setAttribute('aria-invalid', 'true')
      part('announce').textContent = 'There are no rows yet: paste some, choose a file, or press the sample.'
      return text.focus()
    }
    take(next)
  })
  text.addEventListener('input', () => text.removeAttribute('aria-invalid'))
  text.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
  })
  part('stop').addEventListener('click', onStop)

  return {
    /** Puts the cursor on a line of the pasted text. */
    select(line) {
      const lines = text.value.split('\n')
      const from = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0)
      text.focus()
      text.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0))
    },
    busy(on, again) {
      part('stop').hidden = !on
      part('press').textContent = on ? 'Pressing…' : again ? 'Press again' : 'Press'
    }
  }
}

function card(source, onClear) {
  const [name, note] = {
    sample: () => ['movies.ndjson', 'the sample: 3,201 films'],
    file: () => [source.file.name, bytes(source.file.size)],
    generate: () => [`${source.what}.ndjson`, `${source.rows.toLocaleString('en')} rows made here`]
  }[source.kind]()
  return [
    h('div', {}, h('strong', {}, name), h('span', { class: 'aside' }, note)),
    h('button', { type: 'button', class: 'button small', 'data-testid': 'clear', on: { click: onClear } }, 'Paste instead')
  ]
}

function startDrop(onFile) {
  const veil = part('drop-veil')
  let depth = 0
  const carries = event => [...event.dataTransfer?.types ?? []].includes('Files')
  addEventListener('dragenter', event => {
    if (!carries(event)) return
    depth++
    veil.hidden = false
  })
  addEventListener('dragleave', event => {
    if (carries(event) && --depth <= 0) veil.hidden = true
  })
  addEventListener('dragover', event => {
    if (carries(event)) event.preventDefault()
  })
  addEventListener('drop', event => {
    if (!carries(event)) return
    event.preventDefault()
    depth = 0
    veil.hidden = true
    const [file] = event.dataTransfer.files
    if (file) onFile(file)
  })
}
