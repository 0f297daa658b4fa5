/** The form for uploads, by a grant of a grant server or a pasted one. */
import { h, say } from '../dom.js'
import { ask } from '../worker-client.js'
import { bytes, counted, duration } from '../format.js'
import { devServer, grantServer } from '../dev.js'
import { addressProblem, parsedGrant, tokenProblem } from './address.js'
import { attend, isFree } from './attention.js'
import { showProblem, field, clearProblem } from './field.js'
import { uploadProgress } from './upload-progress.js'

let running

/**
 * Stops the upload that runs, because its rows will be replaced.
 *
 * @returns {boolean} whether an upload ran
 */
export function stopUpload() {
  const wasRunning = running !== undefined
  running?.abort()
  running = undefined
  return wasRunning
}

export function uploadSection() {
  const controls = makeControls()
  const { server, token, grant } = controls
  const start = h('button', { class: 'button primary', type: 'submit', 'data-testid': 'upload' },
    'Upload')
  const outcome = h('div', { class: 'outcome', 'data-testid': 'upload-outcome' })
  const dev = h('p', { class: 'note', 'data-testid': 'dev-note', hidden: true })

  const form = h('form', { class: 'upload-form', novalidate: true, 'data-testid': 'upload-form' },
    h('fieldset', { class: 'by-server' },
      h('legend', {}, 'Ask a grant server'),
      dev,
      field('Address', server),
      field('Token', token)),
    h('details', { class: 'fold', 'data-testid': 'grant-paste' },
      h('summary', {}, 'Or paste a grant'),
      field('Grant (JSON)', grant, {
        hint: ['The output of ', h('code', {}, 'coldpress grant'), '. The page then asks no ' +
          'server. Tenant, collection and LSNs come from the key in the grant.']
      })),
    h('div', { class: 'deeds' }, start), outcome)

  form.addEventListener('input', ({ target }) => clearProblem(target))
  const go = call => {
    if (running) return
    const by = chosenGrant(controls)
    if (by) run(call, by, { start, outcome, onRetry: () => go('retry') })
  }
  form.addEventListener('submit', event => {
    event.preventDefault()
    go('upload')
  })
  fillFromDev(server, token, dev)

  return h('section', {
    class: 'block', id: 'upload', 'data-testid': 'upload-section', 'aria-labelledby': 'upload-title'
  },
  h('h2', { id: 'upload-title' }, 'Upload'),
  h('p', { class: 'note' }, 'The page presses the rows again for the key of the grant, because ' +
    'the metadata of the file must match it. Then it sends the file straight to the store.'),
  form)
}

function makeControls() {
  return {
    server: h('input', {
      id: 'grant-server', type: 'url', placeholder: 'https://grants.example.com',
      autocomplete: 'url', spellcheck: 'false'
    }),
    token: h('input', {
      id: 'grant-token', type: 'password', autocomplete: 'off', spellcheck: 'false'
    }),
    grant: h('textarea', {
      id: 'grant-json', rows: 4, spellcheck: 'false',
      placeholder: '{"version":1,"key":"…","put":{…}}'
    })
  }
}

/** The grant, or how to get one. Returns nothing if a field is wrong; the field then says why. */
function chosenGrant({ server, token, grant }) {
  for (const control of [server, token, grant]) clearProblem(control)
  if (grant.value.trim()) {
    try {
      return { grant: parsedGrant(grant.value) }
    } catch (error) {
      return showProblem(grant, error.message)
    }
  }
  for (const [control, problem] of [[server, addressProblem], [token, tokenProblem]]) {
    const words = problem(control.value)
    if (words) return showProblem(control, words)
  }
  return { server: grantServer(server.value), token: token.value.trim() }
}

async function run(call, by, { start, outcome, onRetry }) {
  const own = running = new AbortController()
  const panel = uploadProgress(() => {
    own.abort()
    panel.stopping()
    panel.heading.focus({ preventScroll: true })
  })
  outcome.replaceChildren(panel.element)
  attend(panel.heading, panel.element)
  // A `disabled` button would lose the focus.
  start.setAttribute('aria-disabled', 'true')
  const began = performance.now()
  addEventListener('beforeunload', askToStay)
  try {
    const watched = { signal: own.signal, onProgress: panel.show }
    const done = await ask(call, { by }, watched)
    offerNew(start, false)
    show(outcome, landed(done, performance.now() - began), `Uploaded to ${done.key}.`)
  } catch (error) {
    const title = titleOf(error)
    // After a conflict, the other rows are still at the key: a retry would fail too.
    const again = error.canRetry && error.code !== 'Conflict'
    offerNew(start, again)
    show(outcome, failed(title, error, again && onRetry), `${title}. ${error.message}`)
  } finally {
    panel.end()
    removeEventListener('beforeunload', askToStay)
    start.removeAttribute('aria-disabled')
    if (running === own) running = undefined
  }
}

// "Upload" could store rows a second time that have arrived. So beside "Try again" it has another
// name, and is not the main button.
function offerNew(start, on) {
  start.textContent = on ? 'Start a new upload' : 'Upload'
  start.classList.toggle('primary', !on)
}

// Leaving the page would end the upload, so the browser asks first.
const askToStay = event => event.preventDefault()

function show(outcome, element, words) {
  // Meanwhile the rows were replaced, and the form too.
  if (!outcome.isConnected) return
  const called = isFree(outcome)
  outcome.replaceChildren(element)
  say(words)
  if (called) attend(element.querySelector('[tabindex="-1"]'), element)
}

function landed(done, ms) {
  const fact = (name, value, testid) =>
    h('div', {}, h('dt', {}, name), h('dd', { 'data-testid': testid }, value))
  return h('div', { class: 'landed', 'data-testid': 'upload-result' },
    h('h3', { tabindex: -1 }, done.created === false
      ? 'It was there already, with the same bytes'
      : 'It is in the store'),
    h('dl', { class: 'facts' },
      fact('Key', done.key, 'upload-key'),
      fact('Size', `${counted(done.rows, 'row')}, ${bytes(done.bytes)}, in ${duration(ms)}`),
      fact('SHA-256', done.sha256, 'upload-sha256')))
}

const TITLES = {
  Denied: 'Not allowed', Conflict: 'The key is taken', Expired: 'The grant has expired',
  Cors: 'The server does not let this page in', Aborted: 'Stopped', AbortError: 'Stopped',
  Unavailable: 'The server cannot be reached now', NotFound: 'No grant server was found there',
  Misuse: 'The address or the grant is wrong', Settings: 'A setting is wrong',
  Key: 'The key is wrong', Limit: 'The file is larger than allowed',
  Row: 'A row could not go in', File: 'The file could not be read', Worker: 'The encoder stopped',
  Internal: 'A bug in Coldpress'
}

const titleOf = error => TITLES[error.code] ?? TITLES[error.name] ?? 'It was not uploaded'

function failed(title, error, onRetry) {
  const { code, message, lsns } = error
  const isAborted = code === 'Aborted'
  const same = lsns ? ` with the same LSNs, ${lsns.min} to ${lsns.max}` : ''
  const promise = isAborted || code === 'Unavailable'
    ? `“Try again” repeats this upload${same}. If the rows have arrived already, it finds them ` +
      'and stores nothing twice.'
    : 'Correct it, then try again. It stays the same upload, so it stores nothing twice.'
  const look = `failure small${isAborted ? ' calm' : ''}`
  return h('div', { class: look, 'data-testid': 'upload-error', 'data-code': code },
    h('h3', { tabindex: -1 }, title),
    h('p', { class: 'message' }, message),
    onRetry && h('p', { class: 'note' }, promise),
    onRetry && h('p', {}, h('button', {
      class: 'button primary', type: 'button', 'data-testid': 'upload-retry', on: { click: onRetry }
    }, 'Try again')))
}

async function fillFromDev(server, token, note) {
  const config = await devServer()
  if (!config || server.value || token.value) return
  server.value = config.grants
  token.value = config.token
  const where = config.s3 ? ` It stores objects at ${config.s3}.` : ''
  note.textContent = `This development server filled in its address and token.${where}`
  note.hidden = false
}
