import { ColdpressError, misuse, stopIfAborted } from './error.js'
import { EncodedFile } from './file.js'
import { Pauses } from './pauses.js'
import { checkNames, isBrotli, settingsOf } from './settings.js'
import { forEach, isText, sourceOf } from './sources.js'
import { Tape } from './tape.js'
import { NOWHERE, targetOf } from './target.js'
import { TextFeed } from './text.js'
import { world } from './upload-world.js'

/** What one row counts for, where it has to be known how much was done without a pause. */
const ROW_UNITS = 64

/**
 * `encode` and `Encoder`, on these modules.
 *
 * @param {import('./engine.js').Engine} engine
 * @param {import('./engine.js').Engine} brotli the same encoder, with brotli
 */
export function encoding(engine, brotli) {
  class Encoder {
    #options
    #instance
    #raw
    #tape = new Tape()
    #text = new TextFeed()
    /** Rows that are not in the module yet are on the tape. */
    #taped = 0
    #rows = 0
    #textIsOpen = false
    /** What is pushed while another push waits comes behind it. */
    #queue = Promise.resolve()
    /** Why nothing more is taken. */
    #refused

    /** Lets an abort be heard while rows are taken. */
    #pauses

    constructor(options = {}) {
      checkNames(options)
      this.#options = options
      this.#pauses = new Pauses(options.signal)
      // Said before any row is taken.
      targetOf(options, 0, NOWHERE)
    }

    /** Rows taken so far; of JSON text, the last ones may still wait for more of it. */
    get rows() {
      return this.#rows + this.#taped
    }

    async push(rows) {
      return this.#next(() => this.#push(rows), this.#options.signal)
    }

    /** Ends the JSON text pushed so far, and gives the number of all rows. */
    async count() {
      return this.#next(async () => {
        await this.#begin()
        this.#flush()
        this.#endText()
        return this.#rows
      }, this.#options.signal)
    }

    /**
     * @param {object} [late] what of the target was not known before
     * @param {{ signal?: AbortSignal }} [how] by default the signal of the options
     */
    async finish(late = {}, how = this.#options) {
      return this.#next(async () => {
        await this.#begin()
        this.#flush()
        this.#endText()
        const target = targetOf({ ...this.#options, ...late }, this.#rows, world)
        const { prefix, tenant, collection, min, max, padded } = target
        const raw = this.#raw
        const { encodings } = this.#options
        if (encodings === undefined && late.encodings != null) raw.encodings(String(late.encodings))
        this.#raw = undefined
        const file = this.#instance.run(() => EncodedFile.take(raw.finish(prefix, tenant, collection, min, max, padded)))
        this.#end(misuse('this encoder has finished its file; start a new one'))
        return file
      }, how.signal)
    }

    dispose() {
      this.#end(misuse('this encoder has been disposed of; start a new one'))
    }

    /** Does `work` behind what is being done; whatever goes wrong, nothing more is taken then. */
    #next(work, signal) {
      const done = this.#queue.then(async () => {
        if (this.#refused) throw this.#refused
        try {
          stopIfAborted(signal)
          return await work()
        } catch (/** @type {any} */ error) {
          this.#end(error instanceof ColdpressError && error.code === 'Misuse' ? error : misuse(`this encoder takes nothing more, because of an error: ${error?.message ?? error}; start a new one`))
          throw error
        }
      })
      this.#queue = done.catch(() => {})
      return done
    }

    async #begin() {
      if (this.#raw) return
      const instance = await (isBrotli(this.#options.codec) ? brotli : engine).instance()
      if (this.#refused) throw this.#refused
      this.#raw = instance.run(raw => new raw.RawEncoder(settingsOf(raw, this.#options)))
      instance.hold()
      this.#instance = instance
    }

    #end(why) {
      this.#refused ??= why
      const [instance, raw] = [this.#instance, this.#raw]
      this.#instance = this.#raw = undefined
      if (!instance) return
      if (raw && instance.memoryBytes > 0) raw.free()
      instance.release()
    }

    async #push(rows) {
      const source = sourceOf(rows)
      await this.#begin()
      if ('text' in source) return this.#pushText(source.text)
      if ('sync' in source) {
        for (const row of source.sync) {
          const pause = this.#pushOne(row)
          if (pause) await pause
        }
      } else {
        await forEach(source.async, this.#options.signal, (row) => this.#pushOne(row))
        // A stream ends where it ends; pushed strings and bytes may be slices of one text.
        this.#endText()
      }
      this.#flush()
    }

    /** @returns {Promise<void> | undefined} what to wait for before the next one; mostly nothing */
    #pushOne(chunk) {
      if (this.#refused) throw this.#refused
      if (isText(chunk)) {
        this.#flush()
        return this.#pushText(chunk)
      }
      if (this.#textIsOpen) this.#endText()
      this.#tape.push(chunk, this.#rows + this.#taped)
      this.#taped += 1
      if (!this.#tape.isFull) return this.#pauses.after(ROW_UNITS)
      this.#flush()
      return this.#pauses.afterMuch()
    }

    #pushText(chunk) {
      this.#textIsOpen = true
      return this.#take(this.#text.slices(chunk)) ?? this.#pauses.after(ROW_UNITS)
    }

    /** Takes slices until it is time for a pause, and the others behind that. */
    #take(slices) {
      for (let slice; !(slice = slices.next()).done;) {
        const bytes = slice.value
        this.#call(raw => raw.pushJson(bytes))
        const pause = this.#pauses.after(bytes.length)
        if (pause) return this.#takeAfter(pause, slices)
      }
      return undefined
    }

    async #takeAfter(pause, slices) {
      await pause
      if (this.#refused) throw this.#refused
      await this.#take(slices)
    }

    #endText() {
      if (!this.#textIsOpen) return
      this.#textIsOpen = false
      this.#text.end()
      this.#call(raw => raw.endJson())
    }

    #flush() {
      if (this.#taped === 0) return
      this.#taped = 0
      this.#tape.handOver((...tape) => this.#call(raw => raw.pushTape(...tape)), this.#rows)
    }

    #call(work) {
      this.#instance.run(() => work(this.#raw))
      this.#rows = this.#raw.rows
    }
  }
  if (Symbol.dispose) Encoder.prototype[Symbol.dispose] = Encoder.prototype.dispose

  /**
   * Rows into one file.
   */
  async function encode(rows, options) {
    const encoder = new Encoder(options)
    try {
      await encoder.push(rows)
      return await encoder.finish()
    } finally {
      encoder.dispose()
    }
  }

  return { encode, Encoder }
}
