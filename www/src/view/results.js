/** The right-hand side: what it shows in each phase, and which part is drawn anew when something is learnt. */
import { h, part } from '../dom.js'
import { bytes, counted, duration } from '../format.js'
import { state, watch } from '../state.js'
import { columnsSection } from './columns.js'
import { failure } from './failure.js'
import { fileSection } from './file.js'
import { idle } from './idle.js'
import { rescuedSection } from './rescued.js'
import { rowsSection } from './rows.js'
import { sizesSection } from './sizes.js'
import { summary } from './summary.js'
import { stopUpload, uploadSection } from './upload.js'

/** @param {{onSelectLine: (line: number) => void}} on */
export function startResults({ onSelectLine }) {
  const place = part('results')
  const draw = () => {
    stopUpload()
    place.dataset.phase = state.phase
    place.replaceChildren(...{ empty: () => [idle()], busy: () => [working()], done: finished, error: () => [failure(state, onSelectLine)] }[state.phase]())
  }
  draw()
  watch(['phase'], draw)
  watch(['progress'], () => state.phase === 'busy' && advance())
  redraw(['verified'], 'summary', () => summary(state))
  redraw(['verified'], 'rescued', () => rescuedSection(state))
  redraw(['verified'], 'rows', () => rowsSection(state))
  redraw(['codecs', 'comparing'], 'sizes', () => sizesSection(state))
  watch(['phase', 'verified', 'comparing'], announce)
}

function finished() {
  return [
    summary(state), contents(), sizesSection(state), columnsSection(state), rescuedSection(state),
    rowsSection(state), fileSection(state), uploadSection()
  ]
}

function redraw(keys, name, make) {
  watch(keys, () => {
    if (state.phase !== 'done') return
    const old = part(name)
    if (!old) return
    // Focus would be lost with the element that had it.
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute('data-testid') : null
    const fresh = make()
    old.replaceWith(fresh)
    if (focused) part(focused, fresh)?.focus()
  })
}

function contents() {
  const links = [['sizes', 'Sizes'], ['columns', 'Columns'], ['rescued', 'Rescued'], ['rows', 'Rows'], ['file', 'File'], ['upload', 'Upload']]
  return h('nav', { class: 'contents', 'aria-label': 'Parts of the result' },
    h('ul', {}, links.map(([id, name]) => h('li', {}, h('a', { href: `#${id}` }, name)))))
}

function working() {
  return h('section', { class: 'working', 'aria-labelledby': 'working-title' },
    h('h2', { id: 'working-title' }, 'Pressing'),
    h('div', { class: 'meter', role: 'progressbar', 'aria-label': 'Rows pressed', 'aria-valuemin': 0, 'aria-valuemax': 100, 'data-testid': 'press-meter' }, h('span')),
    h('p', { class: 'number', 'data-testid': 'press-progress' }, 'Reading the first rows…'))
}

function advance() {
  const { progress } = state
  const meter = part('press-meter')
  if (!progress || !meter) return
  const share = progress.bytesTotal ? Math.min(99, Math.floor(100 * progress.bytes / progress.bytesTotal)) : null
  if (share !== null) {
    meter.setAttribute('aria-valuenow', share)
    meter.firstElementChild.style.width = `${share}%`
  }
  part('press-progress').textContent = `${counted(progress.rows, 'row')}, ${bytes(progress.bytes)} of JSON`
}

function announce() {
  const say = text => { part('announce').textContent = text }
  const { phase, result, verified, error } = state
  if (phase === 'error') return say(`Nothing was made. ${error.message}`)
  if (phase === 'busy') return say('Pressing')
  if (phase !== 'done') return
  const made = `${counted(result.rows, 'row')} pressed from ${bytes(result.jsonBytes)} to ${bytes(result.bytes)} in ${duration(result.ms)}.`
  if (!verified || verified.running) return say(made)
  if (verified.error) return say(`${made} They could not be read back: ${verified.error.message}`)
  say(verified.found ? `${made} Row ${verified.found.row} came back different.` : `${made} All ${counted(verified.checked, 'row')} came back equal.`)
}
