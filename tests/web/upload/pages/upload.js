// The functions that tests call: uploads in the page, in a worker, in a service worker; an outbox.
import { grantsFrom, openOutbox } from './coldpress/outbox.js'
import { run } from './run.js'

globalThis.run = run

/** Runs a job in a module worker. */
globalThis.runInWorker = (job) => {
  const worker = new Worker('worker.js', { type: 'module' })
  return answerOf((port) => worker.postMessage(job, [port]))
}

/** Runs a job in a module service worker. */
globalThis.runInServiceWorker = async (job) => {
  await navigator.serviceWorker.register('worker.js', { type: 'module' })
  const { active } = await navigator.serviceWorker.ready
  return answerOf((port) => active.postMessage(job, [port]))
}

function answerOf(post) {
  const { port1, port2 } = new MessageChannel()
  post(port2)
  return new Promise((resolve) => (port1.onmessage = ({ data }) => resolve(data)))
}

globalThis.openTestOutbox = async ({ grantsUrl, token, ...options }) => {
  globalThis.events = []
  const outbox = await openOutbox({ ...options, grants: grantsFrom(grantsUrl, { token }) })
  for (const type of ['uploaded', 'failed', 'error']) {
    outbox.addEventListener(type, ({ detail }) => {
      const { error, ...facts } = detail
      globalThis.events.push({
        type,
        ...facts,
        ...(error && { code: error.code, message: error.message }),
      })
    })
  }
  globalThis.outbox = outbox
}

globalThis.ready = true
