/** The right-hand side: what it shows in each phase, and which part to draw again at a change. */
import { h, part, say } from '../dom.js'
import { bytes, counted, duration } from '../format.js'
import { stop } from '../run.js'
import { state, watch } from '../state.js'
import { attendAtTop, isFree, stayingInPlace } from './attention.js'
import { columnsSection } from './columns.js'
import { failure } from './failure.js'
import { fileSection } from './file.js'
import { idle } from './idle.js'
import { rescuedSection } from './rescued.js'
import { rowsSection } from './rows.js'
import { sizesSection } from './sizes.js'
import { check, summary } from './summary.js'
import { stopUpload, uploadSection } from './upload.js'

/**
 * @param {{onSelectLine: (line: number) => void, onSelectSetting: (error: Error) => void}} on
 *   go to a line of the pasted text, or to a setting
 */
export function startResults(on) {
  const place = part('results')
  let last = 'empty'
  const draw = () => {
    // An immediate result of a button gets the focus. A later result gets it only if the reader has
    // not moved on.
    const called = state.phase === 'busy' || last !== 'busy' || isFree(place)
    last = state.phase
    const wasUploading = stopUpload()
    place.dataset.phase = state.phase
    place.replaceChildren(...{
      empty: () => [state.stopped && stopped(), idle()].filter(Boolean),
      busy: () => [working(wasUploading)],
      done: state.result?.kind === 'read' ? looked : finished,
      error: () => [failure(state, on)]
    }[state.phase]())
    const heading = place.querySelector('[tabindex="-1"]')
    if (heading && called) attendAtTop(heading, place)
  }
  draw()
  watch(['phase'], draw)
  watch(['progress'], () => state.phase === 'busy' && advance())
  redraw(['verified'], 'check', () => check(state))
  redraw(['verified'], 'rescued', () => rescuedSection(state))
  redraw(['verified'], 'rows', () => rowsSection(state))
  redraw(['codecs', 'comparing'], 'sizes', () => sizesSection(state))
  watch(['phase', 'verified', 'comparing'], announce)
}

function finished() {
  return [
    summary(state), contents(['sizes', 'columns', 'rescued', 'rows', 'file', 'upload']),
    sizesSection(state), columnsSection(state), rescuedSection(state), rowsSection(state),
    fileSection(state), uploadSection()
  ]
}

// A Parquet file has no source to compare sizes with, and needs no upload.
function looked() {
  return [
    summary(state), contents(['columns', 'rows', 'file']),
    columnsSection(state), rowsSection(state), fileSection(state)
  ]
}

function redraw(keys, name, make) {
  watch(keys, () => {
    if (state.phase !== 'done') return
    const old = part(name)
    if (!old) return
    // The element with the focus is replaced: its successor gets the focus.
    const focused = old.contains(document.activeElement) && document.activeElement.dataset.testid
    const fresh = make()
    stayingInPlace(() => old.replaceWith(fresh))
    if (!focused) return
    const heir = part(focused, fresh) ?? fresh
    if (heir === fresh) fresh.tabIndex = -1
    heir.focus({ preventScroll: true })
  })
}

const NAMES = {
  sizes: 'Sizes', columns: 'Columns', rescued: 'Rescued', rows: 'Rows', file: 'File',
  upload: 'Upload'
}

function contents(ids) {
  return h('nav', { class: 'contents', 'aria-label': 'Parts of the result' },
    h('ul', {}, ids.map(id => h('li', {}, h('a', { href: `#${id}` }, NAMES[id])))))
}

function stopped() {
  return h('section', { class: 'notice', 'data-testid': 'stopped' },
    h('h2', { tabindex: -1 }, 'Stopped'),
    h('p', {}, 'Nothing was made. Your rows have not changed: press again to start again.'))
}

function working(wasUploading) {
  return h('section', { class: 'working', 'data-testid': 'working' },
    h('h2', { tabindex: -1 }, 'Pressing'),
    wasUploading && h('p', { class: 'note', 'data-testid': 'upload-dropped' },
      'The upload was stopped, because you pressed again.'),
    h('div', {
      class: 'meter', role: 'progressbar', 'aria-label': 'Rows pressed', 'aria-valuemin': 0,
      'aria-valuemax': 100, 'data-testid': 'press-meter'
    }, h('span')),
    h('p', { class: 'number', 'data-testid': 'press-progress' }, 'Reading the first rows…'),
    h('p', {}, h('button', {
      type: 'button', class: 'button', 'data-testid': 'stop', on: { click: stop }
    }, 'Stop')))
}

function advance() {
  const { progress } = state
  const meter = part('press-meter')
  if (!progress || !meter) return
  const share = Math.floor(100 * progress.share)
  meter.setAttribute('aria-valuenow', share)
  meter.firstElementChild.style.width = `${share}%`
  const done = `${counted(progress.rows, 'row')}, ${bytes(progress.bytes)} of JSON`
  part('press-progress').textContent = progress.finishing ? `${done}; writing the file…` : done
}

function announce() {
  const { phase, result, verified, error } = state
  if (phase === 'error') return say(`Nothing was made. ${error.message}`)
  if (phase === 'busy') return say('Pressing')
  if (phase !== 'done') return
  const made = result.kind === 'read'
    ? `A Parquet file of ${counted(result.rows, 'row')}.`
    : `${counted(result.rows, 'row')} pressed from ${bytes(result.jsonBytes)} to ` +
      `${bytes(result.bytes)} in ${duration(result.ms)}.`
  if (!verified || verified.running) return say(made)
  if (verified.error) return say(`${made} They could not be read: ${verified.error.message}`)
  if (result.kind === 'read') return say(`${made} All of them were read.`)
  say(verified.found
    ? `${made} Row ${verified.found.row} came back different.`
    : `${made} All ${counted(verified.checked, 'row')} came back equal.`)
}
