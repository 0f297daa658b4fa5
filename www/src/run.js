/** One run of the press: encode, read back and compare with what went in, then try the other codecs. */
import { ask } from './engine.js'
import { set, state } from './state.js'

/** Beyond this much JSON, reading back and the other codecs wait for a click: they hold all rows in memory. */
export const EAGER_BYTES_MAX = 96e6

let current = new AbortController()

/**
 * Presses a source, or reads it where it is a Parquet file.
 *
 * @param {object} source
 * @param {object} options EncodeOptions of the package
 */
export async function press(source, options) {
  current.abort()
  const { signal } = current = new AbortController()
  set({
    source, phase: 'busy', progress: null, result: null, verified: null, codecs: [],
    comparing: false, error: null, stopped: false
  })
  const onProgress = progress => !signal.aborted && set({ progress })
  try {
    const result = await ask('press', { source, options }, { signal, onProgress })
    if (signal.aborted) return
    set({ phase: 'done', result: { ...result, options }, progress: null })
    if ((result.jsonBytes ?? result.rawBytes) > EAGER_BYTES_MAX) return
    await readBack()
    if (result.kind === 'pressed' && !signal.aborted) await compareCodecs()
  } catch (error) {
    if (!signal.aborted) set({ phase: 'error', error, progress: null })
  }
}

/** Reads the file's rows; those of a file made here are held against its source. */
export async function readBack() {
  const { signal } = current
  set({ verified: { running: true } })
  try {
    const { kind, options } = state.result
    const args = { nullsCount: options.nulls === 'preserve' }
    const onProgress = rows => !signal.aborted && set({ verified: { running: true, rows } })
    const verified = await ask(kind === 'read' ? 'read' : 'verify', args, { signal, onProgress })
    if (!signal.aborted) set({ verified })
  } catch (error) {
    if (!signal.aborted) set({ verified: { error } })
  }
}

/** Presses the same rows under each codec. */
export async function compareCodecs() {
  const { signal } = current
  set({ comparing: true, codecs: [] })
  try {
    const onProgress = result => {
      if (!signal.aborted) set({ codecs: [...state.codecs, result] })
    }
    await ask('compare', {}, { signal, onProgress })
  } catch (error) {
    if (!signal.aborted) set({ codecs: [...state.codecs, { codec: 'error', error }] })
  }
  if (!signal.aborted) set({ comparing: false })
}

/** Shows what is wrong before anything was begun. */
export function refuse(source, error) {
  current.abort()
  set({ source, phase: 'error', error, progress: null, result: null, stopped: false })
}

export function stop() {
  current.abort()
  set({ phase: 'empty', progress: null, stopped: true })
}
