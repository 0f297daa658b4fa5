// The other pages and workers that have the same outbox open: news between them, and the death of
// one noticed by another.
//
// Each holds a Web Lock of its own while it lives. In the order of their names they form a ring, in
// which each waits for the lock of the next: the browser grants it at the very moment the next one
// is gone, however it went.

/** @import { Channel, Scene } from './outbox-scene.js' */

const PRESENCE = 'coldpress-outbox-page/'

/**
 * @typedef {{ type: string, detail?: any }} Message
 *   for the outbox: `rows` were appended, `flush` was asked for, `change`, `event` with its name
 *   and detail; for the lock: `ask` whether the page that uploads still runs, `here` it does,
 *   `free` is the lease again;
 *   `hello` from a page that has just come
 */

export class Peers {
  /** @type {Channel | undefined} */
  #channel
  #present = false
  /** Ends this page's own lock. */
  #leave = () => {}
  /** @type {string | undefined} the page whose death we would be told */
  #next
  #watch = new AbortController()
  /** @type {Promise<void>} */
  #looking = Promise.resolve()
  /** @type {Map<string, Set<() => void>>} */
  #listeners = new Map()
  /** How many passes of this page run: never more than one, except while one ends. */
  #uploading = 0

  /**
   * @param {string} name of the outbox
   * @param {Scene} scene
   * @param {{ hear: (message: Message) => void, died: () => void }} calls
   */
  constructor(name, scene, { hear, died }) {
    this.name = name
    this.scene = scene
    this.hear = hear
    this.died = died
    this.id = randomId()
  }

  /** Whether this page would be told of another one's death. */
  get watching() {
    return this.#present
  }

  /** Whether pages can speak to each other. */
  get talking() {
    return this.#channel !== undefined
  }

  open() {
    if (this.#channel !== undefined) return
    const hear = (/** @type {any} */ message) => this.#heard(message)
    this.#channel = this.scene.openChannel(`coldpress-outbox/${this.name}`, hear)
    if (this.#channel === undefined || this.scene.locks?.query === undefined) return
    let open = true
    /** @type {() => void} */
    let leave = () => {}
    const stay = () => {
      if (!open) return undefined
      this.#present = true
      this.tell({ type: 'hello' })
      this.#lookAround()
      return new Promise((resolve) => (leave = () => resolve(undefined)))
    }
    this.#leave = () => {
      open = false
      leave()
    }
    // Where it is refused, the outbox looks at its database at intervals instead.
    this.scene.locks.request(lockOf(this.id, this.name), stay).catch(() => {})
  }

  /** Leaves the others, who take over what waits. `open` joins them again. */
  close() {
    this.#leave()
    this.#present = false
    this.#next = undefined
    this.#watch.abort()
    this.#channel?.close()
    this.#channel = undefined
  }

  /** @param {Message} message */
  tell(message) {
    try {
      this.#channel?.tell(message)
    } catch {
      // What cannot be copied to another page stays here: each page can look for itself.
    }
  }

  /**
   * Answers, from now on, that the page that uploads still runs.
   *
   * @returns {() => void} to be called when a pass ends
   */
  uploads() {
    this.#uploading += 1
    this.tell({ type: 'here' })
    return () => void (this.#uploading -= 1)
  }

  /** Says to all pages, and to whoever waits in this one, that the lease is free. */
  free() {
    this.tell({ type: 'free' })
    this.#call('free')
  }

  /**
   * Calls back at each message of one type.
   *
   * @param {'here' | 'free'} type
   * @param {() => void} run
   * @returns {() => void} stops that
   */
  on(type, run) {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(run))
    return () => listeners.delete(run)
  }

  /** @param {any} message any page of this origin may have sent it */
  #heard(message) {
    if (typeof message?.type !== 'string') return
    const { type } = message
    if (type === 'hello') this.#lookAround()
    if (type === 'ask' && this.#uploading > 0) this.tell({ type: 'here' })
    this.#call(type)
    this.hear(message)
  }

  /** @param {string} type */
  #call(type) {
    for (const run of [...(this.#listeners.get(type) ?? [])]) run()
  }

  #lookAround() {
    this.#looking = this.#looking.then(() => this.#chooseNext()).catch(() => {})
  }

  async #chooseNext() {
    if (!this.#present) return
    const { locks } = this.scene
    const { held = [] } = await /** @type {LockManager} */ (locks).query()
    if (!this.#present) return
    const ids = held.flatMap(({ name }) => idOf(name ?? '', this.name) ?? []).sort()
    const others = ids.filter((id) => id !== this.id)
    const next = others.find((id) => id > this.id) ?? others[0]
    if (next === this.#next) return
    this.#watch.abort()
    this.#watch = new AbortController()
    this.#next = next
    if (next !== undefined) this.#await(next, this.#watch.signal)
  }

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   */
  #await(id, signal) {
    const gone = () => {
      if (signal.aborted) return
      this.#next = undefined
      this.#lookAround()
      this.died()
    }
    const locks = /** @type {LockManager} */ (this.scene.locks)
    const granted = locks.request(lockOf(id, this.name), { mode: 'shared', signal }, () => {})
    granted.then(gone, () => {})
  }
}

/**
 * The id stands first and has a fixed form, so that no name of an outbox looks like the lock of
 * another.
 *
 * @param {string} id
 * @param {string} name
 */
function lockOf(id, name) {
  return `${PRESENCE}${id}/${name}`
}

/**
 * @param {string} lock
 * @param {string} name
 * @returns {string | undefined} none where it is another outbox's lock
 */
function idOf(lock, name) {
  if (!lock.startsWith(PRESENCE)) return undefined
  const rest = lock.slice(PRESENCE.length)
  const end = rest.indexOf('/')
  return rest.slice(end + 1) === name ? rest.slice(0, end) : undefined
}

/** A name that no other page has. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
