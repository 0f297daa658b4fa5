/** Calls of the page to its workers. They report progress, and can be stopped. */

/**
 * @typedef {(call: string, args?: object, run?: {signal?: AbortSignal, onProgress?: (progress: any)
 *   => void}) => Promise<any>} Ask
 */

/** Asks the worker that encodes, reads back and uploads. */
export const ask = worker(() => new Worker(new URL('./worker/main.js', import.meta.url), {
  type: 'module', name: 'coldpress'
}), ['encoder', 'Try fewer rows'])

/** Asks the worker that reads rows of a file by ranges. */
export const askScan = worker(() => new Worker(new URL('./worker/scan.js', import.meta.url), {
  type: 'module', name: 'coldpress scan'
}), ['reader', 'Ask for fewer columns'])

/**
 * @param {() => Worker} make
 * @param {[string, string]} words what it is called, and what to do if it stops
 * @returns {Ask}
 */
function worker(make, [name, todo]) {
  let running
  let lastId = 0
  const waiting = new Map()

  // Some browsers tell only pages that the network is back. A request that waits is in the worker.
  addEventListener('online', () => running?.postMessage({ online: true }))

  return (call, args, { signal, onProgress } = {}) => {
    const id = ++lastId
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject, onProgress })
      signal?.addEventListener('abort', () => started().postMessage({ cancel: id }))
      started().postMessage({ id, call, args })
    })
  }

  function started() {
    if (running) return running
    running = make()
    running.addEventListener('message', ({ data }) => {
      const call = waiting.get(data.id)
      if (!call) return
      if ('progress' in data) return call.onProgress?.(data.progress)
      waiting.delete(data.id)
      if (data.error) call.reject(Object.assign(new Error(data.error.message), data.error))
      else call.resolve(data.result)
    })
    // A worker that cannot load, or that ran out of memory, answers no calls: they all fail now.
    running.addEventListener('error', event => {
      event.preventDefault()
      const message = event.message
        ? `The ${name} stopped: ${event.message}. ${todo}, or reload the page.`
        : `The ${name} could not be loaded. Check the connection and reload the page.`
      running.terminate()
      running = undefined
      for (const call of waiting.values()) {
        call.reject(Object.assign(new Error(message), { code: 'Worker' }))
      }
      waiting.clear()
    })
    return running
  }
}
