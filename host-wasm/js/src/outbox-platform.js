// What an outbox takes from the browser to know about other pages, and about the life of its own
// page. Tests pass another object in its place.

const scope = /** @type {any} */ (globalThis)

/**
 * @typedef {object} Channel
 * @property {(message: object) => void} tell sends to all other pages, not to this one
 * @property {() => void} close
 *
 * @typedef {object} Platform
 * @property {LockManager | undefined} locks
 * @property {(name: string, hear: (message: any) => void) => Channel | undefined} openChannel
 *   undefined if the runtime has no BroadcastChannel
 * @property {(calls: PageCalls) => () => void} onPage returns a function that ends the calls
 *
 * @typedef {object} PageCalls
 * @property {() => void} rest the browser freezes this page, or keeps it for the "back" button
 * @property {() => void} wake the page runs again, or becomes visible again
 */

/** @type {Platform} */
export const platform = {
  locks: scope.navigator?.locks,
  openChannel(name, hear) {
    if (scope.BroadcastChannel === undefined) return undefined
    const channel = new scope.BroadcastChannel(name)
    channel.onmessage = (/** @type {MessageEvent} */ { data }) => hear(data)
    // An open channel would keep a program in Node running.
    channel.unref?.()
    return { tell: (message) => channel.postMessage(message), close: () => channel.close() }
  },
  onPage({ rest, wake }) {
    const { document } = scope
    // A worker gets no such events: it is frozen or ended with its page.
    if (document === undefined) return () => {}
    const seen = () => {
      if (document.visibilityState === 'visible') wake()
    }
    /** @type {[EventTarget, string, () => void][]} */
    const listeners = [
      [document, 'freeze', rest],
      [document, 'resume', wake],
      [document, 'visibilitychange', seen],
      [scope, 'pagehide', rest],
      [scope, 'pageshow', wake],
    ]
    for (const [target, type, run] of listeners) target.addEventListener(type, run)
    return () => {
      for (const [target, type, run] of listeners) target.removeEventListener(type, run)
    }
  },
}
