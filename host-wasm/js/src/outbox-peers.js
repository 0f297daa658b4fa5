// The other pages and workers that have the same outbox open: messages between them, and the
// detection of a dead one.
//
// Each page holds a Web Lock of its own while it lives. The pages form a ring, in the order of
// their ids, and each waits for the lock of the next one. The browser grants that lock as soon as the
// next page is gone, in whatever way.

/** @import { Channel, Platform } from './outbox-platform.js' */

const PRESENCE = 'coldpress-outbox-page/'

/**
 * @typedef {{ type: string, detail?: any }} Message
 *   for the outbox: `rows` (some were appended), `flush`, `change`, `event` (with its name and
 *   detail); for the lock: `ask` (does the page that uploads still run?), `here` (it does), `free`
 *   (the lease is free again); `hello` (from a new page)
 */

export class Peers {
  /** @type {Channel | undefined} */
  #channel
  #present = false
  /** Releases this page's own lock. */
  #leave = () => {}
  /** @type {string | undefined} the next page in the ring, whose death this page notices */
  #next
  #watch = new AbortController()
  /** @type {Promise<void>} */
  #looking = Promise.resolve()
  /** @type {Map<string, Set<() => void>>} */
  #listeners = new Map()
  /** The number of passes of this page that run: at most one, except while one ends. */
  #uploading = 0

  /**
   * @param {string} name of the outbox
   * @param {Platform} platform
   * @param {{ hear: (message: Message) => void, died: () => void }} calls
   */
  constructor(name, platform, { hear, died }) {
    this.name = name
    this.platform = platform
    this.hear = hear
    this.died = died
    this.id = randomId()
  }

  /** Whether this page notices the death of another page. */
  get watching() {
    return this.#present
  }

  /** Whether pages can send messages to each other. */
  get talking() {
    return this.#channel !== undefined
  }

  open() {
    if (this.#channel !== undefined) return
    const hear = (/** @type {any} */ message) => this.#heard(message)
    this.#channel = this.platform.openChannel(`coldpress-outbox/${this.name}`, hear)
    if (this.#channel === undefined || this.platform.locks?.query === undefined) return
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
    // Without this lock, the outbox looks at its database at intervals instead.
    this.platform.locks.request(lockOf(this.id, this.name), stay).catch(() => {})
  }

  /** Leaves the other pages, which take over. `open` joins them again. */
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
      // The detail cannot be copied to another page. The other pages look at the database.
    }
  }

  /**
   * From now on, answers the other pages that this page uploads and still runs.
   *
   * @returns {() => void} call it when the pass ends
   */
  uploads() {
    this.#uploading += 1
    this.tell({ type: 'here' })
    return () => void (this.#uploading -= 1)
  }

  /** Tells all pages, and the waiting calls of this page, that the lease is free. */
  free() {
    this.tell({ type: 'free' })
    this.#call('free')
  }

  /**
   * Calls `run` at each message of one type.
   *
   * @param {'here' | 'free'} type
   * @param {() => void} run
   * @returns {() => void} ends this
   */
  on(type, run) {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(run))
    return () => listeners.delete(run)
  }

  /** @param {any} message from any page of this origin, so it may be anything */
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
    const { locks } = this.platform
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
    const locks = /** @type {LockManager} */ (this.platform.locks)
    const granted = locks.request(lockOf(id, this.name), { mode: 'shared', signal }, () => {})
    granted.then(gone, () => {})
  }
}

/**
 * The id comes first and has a fixed form. So no outbox name can look like the lock of another
 * outbox.
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
 * @returns {string | undefined} undefined if it is the lock of another outbox
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
