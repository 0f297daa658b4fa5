/** The ways to choose rows: sample, paste, file, drop, generate. Each calls `onSource` once. */
import { h, part } from '../dom.js'
import { bytes, counted } from '../format.js'
import { startDrop } from './drop.js'
import { showProblem, clearProblem } from './field.js'

const SAMPLE = 'examples/movies.ndjson'

/**
 * @param {{onSource: (source: object) => void, onDrop: (file: File) => boolean}} on `onDrop` says
 *   whether somebody else takes a dropped file
 */
export function startInput({ onSource, onDrop }) {
  const text = /** @type {HTMLTextAreaElement} */ (part('rows-text'))
  const picker = /** @type {HTMLInputElement} */ (part('file'))
  const chosen = part('chosen')
  let source = null

  const choose = next => {
    clearProblem(text)
    clearProblem(picker)
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
  const takeFile = file => take({ kind: 'file', file })

  part('sample').addEventListener('click', () => {
    take({ kind: 'sample', url: new URL(SAMPLE, document.baseURI).href, name: 'movies.ndjson' })
  })
  part('generate').addEventListener('click', () => {
    const [what, rows] = ['generate-what', 'generate-rows'].map(name => part(name).value)
    take({ kind: 'generate', what, rows: Number(rows) })
  })
  picker.addEventListener('change', () => {
    const [file] = picker.files
    // Without this, choosing the same file again would be no change.
    picker.value = ''
    if (file) takeFile(file)
  })
  startDrop({
    onFile: file => onDrop(file) || takeFile(file),
    onRefuse: words => showProblem(picker, words),
  })

  const form = /** @type {HTMLFormElement} */ (part('input'))
  form.addEventListener('submit', event => {
    event.preventDefault()
    const next = source && source.kind !== 'text' ? source : { kind: 'text', text: text.value }
    if (next.kind === 'text' && !next.text.trim()) {
      const todo = 'Paste some here, choose a file, or press the sample.'
      return showProblem(text, `There are no rows yet. ${todo}`)
    }
    take(next)
  })
  text.addEventListener('input', () => clearProblem(text))
  text.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit()
  })

  return {
    select: line => selectLine(text, line),
    /** @param {string} words the text of the form's button */
    label(words) {
      part('press').textContent = words
    }
  }
}

/** Selects a line of the pasted text, and scrolls to it. */
function selectLine(text, line) {
  const lines = text.value.split('\n')
  const from = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0)
  // A text area scrolls to its cursor only when it receives the focus.
  text.setSelectionRange(from, from)
  text.blur()
  text.focus()
  text.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0))
}

function card(source, onClear) {
  const [name, note] = {
    sample: () => ['movies.ndjson', 'the sample: 3,201 films'],
    file: () => [source.file.name, bytes(source.file.size)],
    generate: () => [`${source.what}.ndjson`, `${counted(source.rows, 'row')} made here`]
  }[source.kind]()
  return [
    h('div', {}, h('strong', { title: name }, name), h('span', { class: 'aside' }, note)),
    h('button', {
      type: 'button', class: 'button small', 'data-testid': 'clear', on: { click: onClear }
    }, 'Paste instead')
  ]
}
