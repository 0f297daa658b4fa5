/** The tab that reads: opens a URL or a file, and shows what is in it and what that cost. */
import { h, part, say } from '../../dom.js'
import { bytes, count, counted } from '../../format.js'
import { state, watch } from '../../state.js'
import { askScan } from '../../worker-client.js'
import { attendAtTop } from '../attention.js'
import { clearProblem, showProblem } from '../field.js'
import { layoutSection, share } from './layout.js'
import { rowsSection } from './rows.js'
import { schemaSection } from './schema.js'

const TITLES = {
  Corrupt: 'This file cannot be read here',
  Cors: 'The store does not let this page in',
  Conflict: 'The file changed meanwhile',
  Denied: 'The store refuses to give the file',
  Expired: 'The URL has expired',
  NotFound: 'There is no such file',
  Unavailable: 'The file cannot be reached',
}

/** @returns {{openFile: (file: File) => void}} */
export function startScan() {
  const form = /** @type {HTMLFormElement} */ (part('scan-open'))
  const url = /** @type {HTMLInputElement} */ (part('scan-url'))
  const picker = /** @type {HTMLInputElement} */ (part('scan-file'))
  const place = part('scan-results')
  const pressed = part('scan-pressed')
  let current = new AbortController()

  form.addEventListener('submit', event => {
    event.preventDefault()
    clearProblem(url)
    const text = url.value.trim()
    if (!text) return showProblem(url, 'There is no URL yet. Paste one here, or choose a file.')
    try {
      // In the worker, a relative URL would be relative to the worker.
      openSource({ url: text.startsWith('{') ? text : new URL(text, document.baseURI).href })
    } catch {
      showProblem(url, 'That is no URL. It begins with https://')
    }
  })
  picker.addEventListener('change', () => {
    const [file] = picker.files
    picker.value = ''
    if (file) openFile(file)
  })
  const openFile = file => openSource({ blob: file, name: file.name })
  watch(['phase'], () => {
    pressed.hidden = !(state.phase === 'done' && state.result?.blob)
  })
  pressed.addEventListener('click', () => {
    openSource({ blob: state.result.blob, name: state.result.key.split('/').at(-1) })
  })

  async function openSource(source) {
    current.abort()
    const { signal } = current = new AbortController()
    place.dataset.phase = 'busy'
    place.replaceChildren(h('section', { class: 'working' },
      h('h2', { tabindex: -1 }, 'Reading the footer…'),
      h('p', {}, h('button', {
        type: 'button', class: 'button', 'data-testid': 'scan-stop', on: { click: stop }
      }, 'Stop'))))
    attendAtTop(place.querySelector('h2'), place)
    try {
      const file = await askScan('open', { source }, { signal })
      if (!signal.aborted) draw(file, signal)
    } catch (error) {
      if (!signal.aborted) fail(error)
    }
  }

  function stop() {
    current.abort()
    place.dataset.phase = 'empty'
    place.replaceChildren(idle())
    say('Stopped.')
  }

  function fail(error) {
    place.dataset.phase = 'error'
    place.replaceChildren(h('section', {
      class: 'failure', 'data-testid': 'scan-error', 'data-code': error.code
    },
    h('h2', { tabindex: -1 }, TITLES[error.code] ?? 'The file was not opened'),
    h('p', { class: 'message' }, error.message)))
    attendAtTop(place.querySelector('h2'), place)
  }

  function draw(file, signal) {
    place.dataset.phase = 'done'
    let layout = layoutSection(file)
    let figures = figuresOf(file)
    const show = ({ stats, fetched }) => {
      const next = layoutSection({ ...file, stats, fetched })
      layout.replaceWith(next)
      layout = next
      const told = figuresOf({ ...file, stats })
      figures.replaceWith(told)
      figures = told
    }
    const run = async (query, onProgress) => {
      const progress = told => {
        if (signal.aborted) return
        onProgress(told)
        show(told)
      }
      const result = await askScan('rows', { query }, { signal, onProgress: progress })
      if (signal.aborted) return undefined
      show(result)
      return result
    }
    place.replaceChildren(
      h('section', { class: 'summary', 'data-testid': 'scan-summary' },
        h('h2', { tabindex: -1 }, file.name),
        h('p', { class: 'note' }, `Collection ${file.collection} of tenant ${file.tenant}, ` +
          `LSNs ${file.lsns.min} to ${file.lsns.max}.`),
        figures),
      rowsSection(file, run), layout, schemaSection(file))
    attendAtTop(place.querySelector('h2'), place)
    say(`${file.name} is open: ${counted(file.rows, 'row')}.`)
  }

  place.replaceChildren(idle())
  return { openFile }
}

function figuresOf({ rows, groups, stats }) {
  const figure = (term, value, testid) =>
    h('div', {}, h('dt', {}, term), h('dd', { 'data-testid': testid }, value))
  return h('dl', { class: 'figures' },
    figure('Rows', count(rows)),
    figure('Row groups', count(groups.length)),
    figure('In the file', bytes(stats.bytesInFile)),
    figure('Moved', bytes(stats.bytesMoved), 'scan-bytes'),
    figure('Of the file', share(stats.bytesMoved, stats.bytesInFile)),
    figure('Requests', count(stats.requests), 'scan-requests'))
}

function idle() {
  const promise = (title, text) => h('li', {}, h('h2', {}, title), h('p', {}, text))
  return h('div', { class: 'idle', 'data-testid': 'scan-idle' },
    h('ol', { class: 'promises' },
      promise('The end first', 'One request brings the footer: the columns, their places, and ' +
        'the smallest and largest value of each part.'),
      promise('Then what matters', 'Parts that cannot hold a row of your filter are never ' +
        'fetched, and neither are columns that you did not ask for.'),
      promise('As it was put', 'Rows come back exactly as they went in, values that fitted no ' +
        'column among them.')))
}
