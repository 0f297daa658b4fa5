import { ColdpressError, misuse, stopIfAborted } from './error.js'
import { EncodedFile } from './file.js'
import { Pauses } from './pauses.js'
import { runtime } from './runtime.js'
import { checkNames, checkSignal, isBrotli, settingsOf } from './settings.js'
import { forEach, isJsonText, sourceOf } from './sources.js'
import { Tape } from './tape.js'
import { NO_RUNTIME, targetOf } from './target.js'
import { TextFeed } from './text.js'

/**
 * How much work one row and one full tape are. `Pauses` counts it in bytes of text, to know when
 * other tasks must run.
 */
const ROW_UNITS = 64
const TAPE_UNITS = 1 << 19

/**
 * Makes `encode` and `Encoder`.
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
    /** The number of rows on the tape, which the module does not have yet. */
    #taped = 0
    #rows = 0
    #textIsOpen = false
    /** Calls run one after the other: each waits for the one before it. */
    #queue = Promise.resolve()
    /** The error of every further call, once the encoder has ended. */
    #refused
    /** Lets other tasks run, so that an abort can arrive while rows are taken. */
    #pauses

    constructor(options = {}) {
      checkNames(options)
      checkSignal(options.signal)
      this.#options = options
      this.#pauses = new Pauses(options.signal)
      // A wrong target is an error now, before any row is taken.
      targetOf(options, 0, NO_RUNTIME)
    }

    /** Rows taken so far. The end of a JSON text may still wait for the next slice. */
    get rows() {
      return this.#rows + this.#taped
    }

    async push(rows) {
      return this.#next(() => this.#push(rows), this.#options.signal)
    }

    /** Ends the JSON text pushed so far, and returns the number of all rows. */
    async count() {
      return this.#next(async () => {
        await this.#begin()
        this.#flush()
        this.#endText()
        return this.#rows
      }, this.#options.signal)
    }

    /**
     * @param {object} [late] the parts of the target that were not known before
     * @param {{ signal?: AbortSignal }} [how] default: the signal of the options
     */
    async finish(late = {}, how = this.#options) {
      return this.#next(async () => {
        await this.#begin()
        this.#flush()
        this.#endText()
        const target = targetOf({ ...this.#options, ...late }, this.#rows, runtime)
        const { prefix, tenant, collection, min, max, padded } = target
        const raw = this.#raw
        const { encodings } = this.#options
        if (encodings === undefined && late.encodings != null) raw.encodings(String(late.encodings))
        this.#raw = undefined
        const file = this.#instance.run(() =>
          EncodedFile.take(raw.finish(prefix, tenant, collection, min, max, padded)))
        this.#end(misuse('this encoder has finished its file; start a new one'))
        return file
      }, how.signal)
    }

    dispose() {
      this.#end(misuse('this encoder has been disposed of; start a new one'))
    }

    /** Runs `work` after the calls before it. Any error ends the encoder. */
    #next(work, signal) {
      const done = this.#queue.then(async () => {
        if (this.#refused) throw this.#refused
        try {
          stopIfAborted(signal)
          return await work()
        } catch (/** @type {any} */ error) {
          const isMisuse = error instanceof ColdpressError && error.code === 'Misuse'
          this.#end(isMisuse ? error : after(error))
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
        // The end of a stream is the end of its text. Strings and bytes that are pushed may be
        // slices of one text.
        this.#endText()
      }
      this.#flush()
    }

    /** @returns {Promise<void> | undefined} a pause to wait for before the next one; mostly none */
    #pushOne(chunk) {
      if (this.#refused) throw this.#refused
      if (isJsonText(chunk)) {
        this.#flush()
        return this.#pushText(chunk)
      }
      if (this.#textIsOpen) this.#endText()
      this.#tape.push(chunk, this.#rows + this.#taped)
      this.#taped += 1
      if (!this.#tape.isFull) return this.#pauses.after(ROW_UNITS)
      this.#flush()
      return this.#pauses.after(TAPE_UNITS)
    }

    #pushText(chunk) {
      this.#textIsOpen = true
      return this.#take(this.#text.slices(chunk)) ?? this.#pauses.after(ROW_UNITS)
    }

    /** Takes slices until it is time for a pause, and the others after the pause. */
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
  const after = (/** @type {any} */ error) => {
    const why = `because of an error: ${error?.message ?? error}`
    return misuse(`this encoder takes nothing more, ${why}; start a new one`)
  }
  if (Symbol.dispose) Encoder.prototype[Symbol.dispose] = Encoder.prototype.dispose

  /** Encodes rows as one file. */
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
