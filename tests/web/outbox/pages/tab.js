// A page, a dedicated worker or a service worker with an outbox that does what the test tells it over a wire of its
// own: each request brings the outcome of the last command, and its answer is the next one.
import { grantsFrom, openOutbox } from './coldpress/outbox.js'
import { world } from './coldpress/src/upload-world.js'

const { wire, place, ...options } = JSON.parse(new URL(location.href).searchParams.get('options'))

/** The longest wait that the outbox itself asked a timer for; uploads have their own. */
let longestMs = 0
const watched = {
  ...world,
  setTimer(run, ms) {
    const isOutbox = /outbox-(schedule|wait|lock)\.js/.test(new Error().stack)
    if (isOutbox) longestMs = Math.max(longestMs, ms)
    return world.setTimer(run, ms)
  },
}

let outbox
const events = []
const commands = {
  async open({ grantsUrl, token, ...more }) {
    outbox = await openOutbox({ ...more, grants: grantsFrom(grantsUrl, { token }), world: watched })
    for (const type of ['uploaded', 'failed', 'error']) {
      outbox.addEventListener(type, ({ detail }) => events.push({ type, ...detail }))
    }
    return { locks: globalThis.navigator.locks !== undefined }
  },
  append: ({ rows }) => outbox.append(rows),
  /** Tells the page what a browser does that freezes it or lets it run on. */
  lifecycle: ({ type }) => void document.dispatchEvent(new Event(type)),
  state: async () => ({ ...(await outbox.state()), events }),
  /** Waits until nothing waits. Looking so wakes nothing in the outbox. */
  async empty() {
    while ((await outbox.state()).rows > 0) await new Promise((resolve) => setTimeout(resolve, 20))
    return { longestMs, failed: (await outbox.state()).failed.batches }
  },
}

async function obey() {
  for (let outcome = { ready: true }; ; ) {
    const response = await fetch(wire, { method: 'POST', body: JSON.stringify(outcome) })
    const { command, given } = await response.json()
    try {
      outcome = { done: await commands[command](given) }
    } catch (error) {
      outcome = { error: { code: error.code, message: String(error.message ?? error) } }
    }
  }
}

if (globalThis.document && place === 'worker') {
  new Worker(location.href.replace('tab.html', 'tab.js'), { type: 'module' })
} else if (globalThis.document && place === 'service worker') {
  navigator.serviceWorker.register(location.href.replace('tab.html', 'tab.js'), { type: 'module' })
} else {
  obey()
}
