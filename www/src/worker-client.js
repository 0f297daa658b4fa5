/** Calls of the page to the worker. They report progress, and can be stopped. */

let worker
let lastId = 0
const waiting = new Map()

/**
 * @param {string} call
 * @param {object} [args]
 * @param {{signal?: AbortSignal, onProgress?: (progress: any) => void}} [run]
 * @returns {Promise<any>}
 */
export function ask(call, args, { signal, onProgress } = {}) {
  const id = ++lastId
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject, onProgress })
    signal?.addEventListener('abort', () => started().postMessage({ cancel: id }))
    started().postMessage({ id, call, args })
  })
}

// Some browsers tell only pages that the network is back. The upload that waits is in the worker.
addEventListener('online', () => worker?.postMessage({ online: true }))

function started() {
  if (worker) return worker
  worker = new Worker(new URL('./worker/main.js', import.meta.url), {
    type: 'module',
    name: 'coldpress',
  })
  worker.addEventListener('message', ({ data }) => {
    const call = waiting.get(data.id)
    if (!call) return
    if ('progress' in data) return call.onProgress?.(data.progress)
    waiting.delete(data.id)
    if (data.error) call.reject(Object.assign(new Error(data.error.message), data.error))
    else call.resolve(data.result)
  })
  // A worker that cannot load, or that ran out of memory, answers no calls: they all fail now.
  worker.addEventListener('error', event => {
    event.preventDefault()
    const message = event.message
      ? `The encoder stopped: ${event.message}. Try fewer rows, or reload the page.`
      : 'The encoder could not be loaded. Check the connection and reload the page.'
    worker.terminate()
    worker = undefined
    for (const call of waiting.values()) {
      call.reject(Object.assign(new Error(message), { code: 'Worker' }))
    }
    waiting.clear()
  })
  return worker
}
