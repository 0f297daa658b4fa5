// A page, a dedicated worker or a service worker with an outbox. The test sends it commands: each
// request has the result of the last command, and its answer is the next command.
import { grantsFrom, openOutbox } from './coldpress/outbox.js'
import { runtime } from './coldpress/src/runtime.js'

const { wire, place, ...options } = JSON.parse(new URL(location.href).searchParams.get('options'))

/** The longest timer of the outbox itself; uploads have their own timers. */
let longestMs = 0
const watched = {
  ...runtime,
  setTimer(run, ms) {
    const isOutbox = /outbox-(schedule|wait|lock)\.js/.test(new Error().stack)
    if (isOutbox) longestMs = Math.max(longestMs, ms)
    return runtime.setTimer(run, ms)
  },
}

let outbox
const events = []
const commands = {
  async open({ grantsUrl, token, ...more }) {
    outbox = await openOutbox({
      ...more,
      grants: grantsFrom(grantsUrl, { token }),
      runtime: watched,
    })
    for (const type of ['uploaded', 'failed', 'error']) {
      outbox.addEventListener(type, ({ detail }) => events.push({ type, ...detail }))
    }
    return { locks: globalThis.navigator.locks !== undefined }
  },
  append: ({ rows }) => outbox.append(rows),
  /** Tells the page what a browser does that freezes it or lets it run on. */
  lifecycle: ({ type }) => void document.dispatchEvent(new Event(type)),
  state: async () => ({ ...(await outbox.state()), events }),
  /** Waits until no rows wait. Looking does not wake the outbox. */
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
