import { ColdpressError, REPORT } from './error.js'
import { compile } from './module.js'
import { inJavaScript } from './settings.js'

/**
 * Linear memory never shrinks. So an idle instance with more memory than this is dropped, and its
 * memory becomes free.
 */
const KEPT_BYTES_MAX = 64 << 20

/**
 * What the work of a module is called, and what to do if it takes too much memory.
 *
 * @typedef {{ name: string, todo: string }} Words
 */

/** @type {Words} */
const ENCODER = { name: 'encoder', todo: 'put fewer rows into one file' }
/** @type {Words} */
export const SCAN = { name: 'scan', todo: 'ask for fewer columns' }

/**
 * One compiled module and its instance. The engine makes the instance when it is first needed, and
 * makes another one after a panic or after the instance was dropped to free its memory.
 */
export class Engine {
  #glue
  #load
  #module
  #live
  #words

  /**
   * @param {() => any} glue makes wasm-bindgen's bindings for one instance
   * @param {() => Promise<WebAssembly.Module>} load finds the module if nobody passed one to `init`
   * @param {Words} [words]
   */
  constructor(glue, load, words = ENCODER) {
    this.#words = words
    this.#glue = glue
    this.#load = load
  }

  /**
   * Loads the module. With `source`, from there instead of where the loader finds it.
   *
   * @param {unknown} source
   */
  async init(source) {
    if (source !== undefined) {
      const module = compile(source)
      this.#module = module
      this.#live = undefined
    }
    await this.instance()
  }

  /**
   * The instance that does new work.
   *
   * @returns {Promise<Instance>}
   */
  async instance() {
    if (this.#live?.stopped) this.#live = undefined
    this.#live ??= { started: this.#start(), stopped: false }
    const live = this.#live
    try {
      const instance = await live.started
      instance.stopped = () => { live.stopped = true }
      return instance
    } catch (error) {
      // The next call tries again: the network may be back.
      if (this.#live === live) this.#live = this.#module = undefined
      throw error
    }
  }

  /**
   * Runs one call in the instance.
   *
   * @template T
   * @param {(raw: any) => T} call
   * @returns {Promise<T>}
   */
  async run(call) {
    const instance = await this.instance()
    return instance.use(() => instance.run(call))
  }

  async #start() {
    this.#module ??= this.#load()
    const raw = this.#glue()
    await raw.start(await this.#module)
    return new Instance(raw, this.#words)
  }
}

/** An instance of the module, and the number of its users. */
export class Instance {
  #raw
  #users = 0
  #why
  #words
  /** Tells the engine that new work needs another instance. */
  stopped = () => {}

  /**
   * @param {any} raw
   * @param {Words} words
   */
  constructor(raw, words) {
    this.#words = words
    this.#raw = raw
  }

  /** Bytes of its linear memory; 0 once it has stopped. */
  get memoryBytes() {
    return this.#raw ? this.#raw.memoryBytes() : 0
  }

  hold() {
    this.#users += 1
  }

  /** The opposite of `hold`. After the last user, an instance with much memory is dropped. */
  release() {
    this.#users -= 1
    if (this.#users === 0 && this.memoryBytes > KEPT_BYTES_MAX) this.#stop('its memory was freed')
  }

  /**
   * Holds the instance while `work` runs.
   *
   * @template T
   * @param {() => T} work
   * @returns {T}
   */
  use(work) {
    this.hold()
    try {
      return work()
    } finally {
      this.release()
    }
  }

  /**
   * Calls into the module; what it throws becomes a `ColdpressError`.
   *
   * @template T
   * @param {(raw: any) => T} call
   * @returns {T}
   */
  run(call) {
    if (!this.#raw) {
      const { name } = this.#words
      const what = `the WebAssembly instance of this ${name} has stopped: ${this.#why}`
      throw new ColdpressError('Internal', `${what}; start again with a new ${name}`)
    }
    try {
      return call(this.#raw)
    } catch (error) {
      throw this.#translated(error)
    }
  }

  #translated(error) {
    if (error instanceof ColdpressError) return error
    if (error instanceof this.#raw.Fault) {
      const { code, message, row, id, line, column } = error
      error.free()
      return new ColdpressError(code, inJavaScript(code, message), { row, id, line, column })
    }
    return this.#panicked(error)
  }

  /** After a trap the memory cannot be trusted. Only the message of the panic is still read. */
  #panicked(cause) {
    const megabytes = Math.round(this.memoryBytes / (1 << 20))
    let said = ''
    try {
      said = this.#raw.lastPanic()
    } catch {
      // The instance cannot answer any more: the message of the trap must do.
    }
    const trapped = cause instanceof WebAssembly.RuntimeError
    this.#stop(said || String(cause))
    if (trapped && !said && megabytes > 256) {
      const what = `WebAssembly ran out of memory at ${megabytes} MiB; ${this.#words.todo}`
      return new ColdpressError('Limit', what, { cause })
    }
    const what = `the ${this.#words.name} stopped (${said || cause}); ${REPORT}`
    return new ColdpressError('Internal', what, { cause })
  }

  #stop(why) {
    this.#why = why
    this.#raw.stop()
    this.#raw = undefined
    this.stopped()
  }
}
