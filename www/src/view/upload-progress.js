/** The progress of an upload: its phase, its bytes, and while it waits, why and how long. */
import { h, say } from '../dom.js'
import { bytes, count, countdown } from '../format.js'
import { intoView, isFree } from './attention.js'

const TITLES = {
  encoding: 'Pressing for the upload', granting: 'Asking for a grant', sending: 'Sending',
  waiting: 'Waiting to try again', completing: 'Putting the parts together',
  checking: 'Checking what the store holds', aborting: 'Stopping', over: 'Sent'
}
// The interval of drawing: the countdown is never late by more than this.
const TICK_MS = 250

/**
 * @typedef {{sentBytes?: number, underWayBytes?: number, totalBytes?: number, phase: string,
 *   retry?: {attempt: number, atMs?: number, reason: string}}} Progress as the package tells it
 */

/**
 * @param {() => void} onCancel
 * @returns {{element: HTMLElement, heading: HTMLElement, show: (progress: Progress) => void,
 *   stopping: () => void, end: () => void}}
 */
export function uploadProgress(onCancel) {
  const heading = h('h3', { tabindex: -1, 'data-testid': 'upload-phase' })
  const confirmed = h('span')
  const underWay = h('span', { class: 'under-way' })
  const meter = h('div', {
    class: 'meter', role: 'progressbar', 'aria-label': 'Uploaded', 'aria-valuemin': 0,
    'aria-valuemax': 100, 'data-testid': 'upload-meter'
  }, confirmed, underWay)
  const words = h('p', { class: 'number', 'data-testid': 'upload-progress' })
  const waiting = h('div', { class: 'retry', 'data-testid': 'upload-waiting', hidden: true })
  const cancel = h('button', {
    class: 'button', type: 'button', 'data-testid': 'upload-cancel', on: { click: onCancel }
  }, 'Cancel')
  const element = h('div', { class: 'transit', 'data-testid': 'upload-transit' },
    heading, meter, words, waiting, h('p', {}, cancel))

  let progress = /** @type {Progress} */ ({ phase: 'encoding' })
  let told
  const draw = () => {
    const { title, why, spoken } = stateOf(progress, navigator.onLine, Date.now())
    element.dataset.state = title === 'Offline' ? 'waiting' : progress.phase
    heading.textContent = title
    const { sent, moving } = shares(progress)
    confirmed.style.width = `${sent}%`
    underWay.style.width = `${moving}%`
    meter.setAttribute('aria-valuenow', Math.round(sent))
    words.textContent = amounts(progress)
    meter.setAttribute('aria-valuetext', words.textContent)
    const grew = why && waiting.hidden
    waiting.hidden = !why
    if (why) setLines(waiting, why)
    if (grew && isFree(element)) intoView(element)
    // A screen reader gets each state and each try once. It must not read every second aloud.
    if (spoken !== told) say(told = spoken)
  }
  const timer = setInterval(draw, TICK_MS)
  addEventListener('online', draw)
  addEventListener('offline', draw)
  draw()

  return {
    element,
    heading,
    show(next) {
      if (progress.phase === 'aborting') return
      progress = next
      draw()
    },
    // After an abort the package reports no more progress.
    stopping() {
      progress = { ...progress, phase: 'aborting', underWayBytes: 0, retry: undefined }
      cancel.hidden = true
      draw()
    },
    end() {
      clearInterval(timer)
      removeEventListener('online', draw)
      removeEventListener('offline', draw)
    }
  }
}

/**
 * The texts of the panel for a state.
 *
 * @param {Progress} progress
 * @param {boolean} online
 * @param {number} nowMs
 * @returns {{title: string, why?: string[], spoken: string}} why: lines about a wait or a retry;
 *   spoken: the same for a screen reader, without the countdown
 */
export function stateOf({ phase, retry }, online, nowMs) {
  if (phase === 'aborting') {
    return told(TITLES.aborting, ['The parts that were sent are removed from the store.'])
  }
  if (!online) {
    return told('Offline', ['There is no network. The upload goes on by itself when the network ' +
      'is back. Keep this page open.'])
  }
  const title = TITLES[phase] ?? 'Uploading'
  if (!retry) return told(title)
  const reason = sentence(retry.reason)
  const which = `Try ${count(retry.attempt)}`
  const cause = `The last one failed: ${reason}`
  if (phase !== 'waiting') return told(title, [`${which} is under way.`, cause])
  const when = retry.atMs === undefined
    ? `${which} begins as soon as it can.`
    : `${which} begins in ${countdown(retry.atMs, nowMs)}.`
  return told(title, [when, cause], `${title}. ${which} follows. ${reason}`)
}

const told = (title, why, spoken = why ? `${title}. ${why.join(' ')}` : title) => {
  return { title, why, spoken }
}

function sentence(text) {
  const trimmed = String(text ?? '').trim()
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`
}

function shares({ sentBytes = 0, underWayBytes = 0, totalBytes }) {
  if (!totalBytes) return { sent: 0, moving: 0 }
  const share = part => Math.max(0, Math.min(100, 100 * part / totalBytes))
  const sent = share(sentBytes)
  return { sent, moving: Math.min(100 - sent, share(underWayBytes)) }
}

function amounts({ sentBytes = 0, underWayBytes, totalBytes, phase }) {
  if (!totalBytes) {
    return phase === 'encoding' ? 'For the key of the grant…' : 'Nothing is sent yet.'
  }
  const moving = underWayBytes ? `, ${bytes(underWayBytes)} under way` : ''
  return `${bytes(sentBytes)} of ${bytes(totalBytes)} stored${moving}`
}

// Changes only the lines that differ, so that a selected text stays selected.
function setLines(place, lines) {
  while (place.children.length > lines.length) place.lastElementChild.remove()
  lines.forEach((line, at) => {
    const row = place.children[at] ?? place.appendChild(h('p'))
    if (row.textContent !== line) row.textContent = line
  })
}
