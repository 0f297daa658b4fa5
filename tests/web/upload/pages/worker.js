// The same upload without a page: as a module worker, and as a module service worker.
import { run } from './run.js'

addEventListener('message', (event) => {
  const done = run(event.data).then((outcome) => event.ports[0].postMessage(outcome))
  event.waitUntil?.(done)
})
