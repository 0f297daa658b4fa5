// What an outbox takes from its runtime to know of other pages and of its own page's life. Tests
// put another in its place.

const scope = /** @type {any} */ (globalThis)

/**
 * @typedef {object} Channel
 * @property {(message: object) => void} tell reaches all other pages, and never this one
 * @property {() => void} close
 *
 * @typedef {object} Scene
 * @property {LockManager | undefined} locks
 * @property {(name: string, hear: (message: any) => void) => Channel | undefined} openChannel none
 *   where the runtime has no BroadcastChannel
 * @property {(calls: PageCalls) => () => void} onPage gives the way to stop that
 *
 * @typedef {object} PageCalls
 * @property {() => void} rest the browser freezes this page, or keeps it for the button "back"
 * @property {() => void} wake the page runs on, or somebody looks at it again
 */

/** @type {Scene} */
export const scene = {
  locks: scope.navigator?.locks,
  openChannel(name, hear) {
    if (scope.BroadcastChannel === undefined) return undefined
    const channel = new scope.BroadcastChannel(name)
    channel.onmessage = (/** @type {MessageEvent} */ { data }) => hear(data)
    // Node would wait for messages for ever.
    channel.unref?.()
    return { tell: (message) => channel.postMessage(message), close: () => channel.close() }
  },
  onPage({ rest, wake }) {
    const { document } = scope
    // A worker has no such events: it is frozen with its page, or ended.
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
