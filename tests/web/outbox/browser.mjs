// A browser of the outbox's tests: Web Locks, BroadcastChannel and page lifecycle, for pages that
// die and freeze; and a clock that only the test moves.

/** What pages of one origin share. */
export class Browser {
  /** @type {Map<string, { held: object[], queue: object[] }>} */
  #locks = new Map()
  #channels = new Set()

  /**
   * The platform of a page's outbox.
   *
   * @param {import('./model.mjs').Life} life
   * @param {{ locks?: boolean, channels?: boolean }} [has]
   */
  platformOf(life, { locks = true, channels = true } = {}) {
    life.browser = this
    return {
      locks: locks ? this.#locksOf(life) : undefined,
      openChannel: (name, hear) => (channels ? this.#open(life, name, hear) : undefined),
      onPage: (calls) => {
        life.page = calls
        return () => (life.page = undefined)
      },
    }
  }

  /** Gives the locks of dead pages to other pages. */
  bury() {
    for (const name of this.#locks.keys()) this.#grant(name)
  }

  /** From now on, messages of this page reach no other page. */
  mute(life) {
    life.muted = true
  }

  /** The names of all locks that are held. */
  held() {
    return [...this.#locks].flatMap(([name, { held }]) => held.map(() => name))
  }

  #locksOf(life) {
    return { request: (...args) => this.#request(life, ...args), query: () => this.#query() }
  }

  #of(name) {
    if (!this.#locks.has(name)) this.#locks.set(name, { held: [], queue: [] })
    return this.#locks.get(name)
  }

  async #query() {
    return { held: this.held().map((name) => ({ name })), pending: [] }
  }

  async #request(life, name, ...rest) {
    const work = rest.pop()
    const { mode = 'exclusive', signal, steal = false } = rest[0] ?? {}
    const lock = this.#of(name)
    const entry = { life, mode }
    const lost = new Promise((_, reject) => (entry.reject = reject))
    lost.catch(() => {})
    const granted = new Promise((resolve) => (entry.grant = resolve))
    signal?.addEventListener('abort', () => {
      if (!lock.queue.includes(entry)) return
      lock.queue = lock.queue.filter((other) => other !== entry)
      entry.reject(signal.reason)
      this.#grant(name)
    })
    signal?.throwIfAborted()
    const stolen = steal ? lock.held.splice(0) : []
    for (const { reject } of stolen) reject(new DOMException('stolen', 'AbortError'))
    lock.queue[steal ? 'unshift' : 'push'](entry)
    this.#grant(name)
    await Promise.race([granted, lost])
    try {
      return await Promise.race([work({ name, mode }), lost])
    } finally {
      lock.held = lock.held.filter((other) => other !== entry)
      this.#grant(name)
    }
  }

  #grant(name) {
    const lock = this.#of(name)
    lock.held = lock.held.filter(({ life }) => !life.dead)
    lock.queue = lock.queue.filter(({ life }) => !life.dead)
    for (let next; (next = lock.queue[0]) !== undefined; ) {
      const isShared = [next, ...lock.held].every(({ mode }) => mode === 'shared')
      if (lock.held.length > 0 && !isShared) return
      lock.held.push(lock.queue.shift())
      next.life.run(() => next.grant())
    }
  }

  #open(life, name, hear) {
    const channel = { life, name, hear }
    this.#channels.add(channel)
    return {
      tell: (message) => {
        if (life.dead || life.muted) return
        const copy = structuredClone(message)
        const others = [...this.#channels].filter((other) => other.name === name)
        for (const other of others.filter((one) => one !== channel)) {
          const deliver = () => this.#channels.has(other) && other.hear(copy)
          setImmediate(() => other.life.run(deliver))
        }
      },
      close: () => this.#channels.delete(channel),
    }
  }
}

/** A clock that moves only to the next timer, and only when nothing else happens any more. */
export class Clock {
  /** Milliseconds that have passed, by which timers run. */
  time = 0
  /** The time of day, which people and networks change. */
  wall = 1_800_000_000_000
  #timers = new Map()
  #count = 0
  /** The longest timer that was set. */
  longest = 0

  now() {
    return this.wall + this.time
  }

  set(run, ms) {
    this.#count += 1
    this.#timers.set(this.#count, { run, at: this.time + ms })
    this.longest = Math.max(this.longest, ms)
    return this.#count
  }

  clear(timer) {
    this.#timers.delete(timer)
  }

  /** When timers are due, in order. */
  get due() {
    return [...this.#timers.values()].map(({ at }) => at).sort((a, b) => a - b)
  }

  /**
   * Lets time pass until `holds`, and returns how much time passed.
   *
   * @param {() => boolean | Promise<boolean>} holds
   * @param {number} [most] gives up after this many milliseconds
   */
  async until(holds, most = 3_600_000) {
    const start = this.time
    for (;;) {
      // The modelled database answers within turns of the loop, not within milliseconds.
      for (let turn = 0; turn < TURNS; turn += 1) {
        if (await holds()) return this.time - start
        await new Promise(setImmediate)
      }
      const [next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)
      if (next === undefined) throw new Error('nothing waits for a time any more')
      const [timer, { run, at }] = next
      if (at - start > most) throw new Error(`${most} ms have passed`)
      this.clear(timer)
      this.time = Math.max(this.time, at)
      run()
    }
  }
}

const TURNS = 150
