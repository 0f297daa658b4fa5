/** Upload through a grant: asked for at a grant server, or pasted. */
import { h, part } from '../dom.js'
import { ask } from '../engine.js'
import { bytes, counted, duration } from '../format.js'
import { devServer, grantServer } from '../dev.js'

let running

/** Stops an upload under way: its rows are about to be replaced. */
export function stopUpload() {
  running?.abort()
}

export function uploadSection() {
  const server = h('input', { id: 'grant-server', type: 'url', placeholder: 'https://grants.example.com', autocomplete: 'url', spellcheck: 'false', 'data-testid': 'grant-server' })
  const token = h('input', { id: 'grant-token', type: 'password', autocomplete: 'off', spellcheck: 'false', 'data-testid': 'grant-token' })
  const grant = h('textarea', { id: 'grant-json', rows: 4, spellcheck: 'false', placeholder: '{"version":1,"key":"…","put":{…}}', 'data-testid': 'grant-json', 'aria-describedby': 'grant-hint' })
  const start = h('button', { class: 'button primary', type: 'submit', 'data-testid': 'upload' }, 'Upload')
  const cancel = h('button', { class: 'button', type: 'button', hidden: true, 'data-testid': 'upload-cancel', on: { click: () => running?.abort() } }, 'Cancel')
  const outcome = h('div', { class: 'outcome', 'data-testid': 'upload-outcome' })
  const dev = h('p', { class: 'note', 'data-testid': 'dev-note', hidden: true })

  const form = h('form', { class: 'upload-form', novalidate: true, 'data-testid': 'upload-form' },
    h('fieldset', { class: 'by-server' },
      h('legend', {}, 'Ask a grant server'),
      dev,
      row('grant-server', 'Address', server),
      row('grant-token', 'Token', token)),
    h('details', { class: 'fold', 'data-testid': 'grant-paste' },
      h('summary', {}, 'Or paste a grant'),
      row('grant-json', 'Grant (JSON)', grant),
      h('p', { class: 'hint', id: 'grant-hint' }, 'As ', h('code', {}, 'coldpress grant'), ' prints it. It holds the key, so tenant, collection and LSNs come from it.')),
    h('div', { class: 'deeds' }, start, cancel), outcome)

  form.addEventListener('submit', event => {
    event.preventDefault()
    if (running) return
    const by = chosenGrant({ server, token, grant }, outcome)
    if (by) run(by, { start, cancel, outcome })
  })
  fillFromDev(server, token, dev)

  return h('section', { class: 'block', id: 'upload', 'data-testid': 'upload-section', 'aria-labelledby': 'upload-title' },
    h('h2', { id: 'upload-title' }, 'Upload'),
    h('p', { class: 'note' }, 'The rows are pressed once more under the key of the grant, so that the file’s metadata agrees with it, and go straight from this page to the store.'),
    form)
}

const row = (id, label, control) => h('div', { class: 'field' }, h('label', { for: id }, label), control)

function chosenGrant({ server, token, grant }, outcome) {
  for (const control of [server, token, grant]) control.removeAttribute('aria-invalid')
  const wrong = (control, message) => {
    control.setAttribute('aria-invalid', 'true')
    control.focus()
    fail(outcome, { message, code: 'Settings' })
  }
  if (grant.value.trim()) {
    try {
      return { grant: JSON.parse(grant.value) }
    } catch (error) {
      return wrong(grant, `The grant is not JSON: ${error.message}. Paste all of what "coldpress grant" printed.`)
    }
  }
  if (!server.value.trim()) return wrong(server, 'Give the address of a grant server (coldpress serve), or paste a grant.')
  if (!URL.canParse(server.value, document.baseURI)) return wrong(server, `"${server.value}" is not an address. Write it whole, as https://grants.example.com.`)
  if (!token.value.trim()) return wrong(token, 'Give the token that the grant server knows your tenant by.')
  return { server: grantServer(server.value), token: token.value.trim() }
}

async function run(by, { start, cancel, outcome }) {
  const own = running = new AbortController()
  const meter = h('div', { class: 'meter', role: 'progressbar', 'aria-label': 'Uploaded', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0, 'data-testid': 'upload-meter' }, h('span'))
  const words = h('p', { class: 'number', 'data-testid': 'upload-progress' }, 'Pressing for the upload…')
  outcome.replaceChildren(meter, words)
  // Not `disabled`: that would take the focus from whoever pressed it.
  start.setAttribute('aria-disabled', 'true')
  cancel.hidden = false
  const began = performance.now()
  try {
    const done = await ask('upload', { by }, { signal: own.signal, onProgress: progress => advance(progress, meter, words) })
    succeed(outcome, done, performance.now() - began)
  } catch (error) {
    fail(outcome, error)
  } finally {
    start.removeAttribute('aria-disabled')
    cancel.hidden = true
    if (running === own) running = undefined
  }
}

function advance(progress, meter, words) {
  const { sentBytes: sent, totalBytes: whole } = progress
  const share = whole ? Math.min(100, Math.round(100 * sent / whole)) : 0
  meter.setAttribute('aria-valuenow', share)
  meter.firstElementChild.style.width = `${share}%`
  words.textContent = `${bytes(sent)} of ${bytes(whole)} sent`
}

function succeed(outcome, done, ms) {
  outcome.replaceChildren(h('div', { class: 'landed', 'data-testid': 'upload-result' },
    h('h3', {}, done.created === false ? 'It was there already, the same to the byte' : 'It is in the store'),
    h('dl', { class: 'facts' },
      h('div', {}, h('dt', {}, 'Key'), h('dd', { 'data-testid': 'upload-key' }, done.key)),
      h('div', {}, h('dt', {}, 'Size'), h('dd', {}, `${counted(done.rows, 'row')}, ${bytes(done.bytes)}, in ${duration(ms)}`)),
      h('div', {}, h('dt', {}, 'SHA-256'), h('dd', { 'data-testid': 'upload-sha256' }, done.sha256)))))
  part('announce').textContent = `Uploaded to ${done.key}.`
}

const TITLES = {
  Denied: 'Not allowed', Conflict: 'The key is taken', Expired: 'The grant has expired', Cors: 'The store does not let this page in',
  Aborted: 'Stopped', Unavailable: 'It cannot be reached now', AbortError: 'Stopped', Quota: 'Too much at once', Settings: 'Something is missing'
}

function fail(outcome, error) {
  const title = TITLES[error.code] ?? TITLES[error.name] ?? 'It was not uploaded'
  outcome.replaceChildren(h('div', { class: 'failure small', 'data-testid': 'upload-error', 'data-code': error.code },
    h('h3', {}, title), h('p', { class: 'message' }, error.message)))
  part('announce').textContent = `${title}. ${error.message}`
}

async function fillFromDev(server, token, note) {
  const config = await devServer()
  if (!config || server.value || token.value) return
  server.value = config.grants
  token.value = config.token
  note.textContent = `From this development server${config.s3 ? `; objects land at ${config.s3}` : ''}.`
  note.hidden = false
}
