// Waits that end early: by an abort, or when the network returns.

/** @import { Runtime } from './runtime.js' */

/**
 * Waits until that time. It ends at once when the network returns; an abort rejects it.
 *
 * @param {number} atMs
 * @param {Runtime} runtime
 * @param {AbortSignal} signal
 */
export async function pauseUntil(atMs, runtime, signal) {
  signal.throwIfAborted()
  let end = () => {}
  await /** @type {Promise<void>} */ (new Promise((resolve) => {
    const timer = runtime.setTimer(resolve, Math.max(atMs - runtime.now(), 0))
    const stop = runtime.onOnline(resolve)
    signal.addEventListener('abort', /** @type {() => void} */ (resolve))
    end = () => {
      runtime.clearTimer(timer)
      stop()
      signal.removeEventListener('abort', /** @type {() => void} */ (resolve))
    }
  }))
  end()
  signal.throwIfAborted()
}

/**
 * A signal that is aborted with the given one, or after so long.
 *
 * @param {Runtime} runtime
 * @param {AbortSignal} signal
 * @param {number} ms
 */
export function timed(runtime, signal, ms) {
  const stop = new AbortController()
  let over = false
  const onAbort = () => stop.abort(signal.reason)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  const timer = runtime.setTimer(() => {
    over = true
    stop.abort()
  }, ms)
  return {
    signal: stop.signal,
    isOver: () => over,
    end() {
      runtime.clearTimer(timer)
      signal.removeEventListener('abort', onAbort)
    },
  }
}
