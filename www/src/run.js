/** One run: encodes the rows, reads them back and compares, and then tries the other codecs. */
import { ask } from './worker-client.js'
import { set, state } from './state.js'

/** With more JSON than this, reading back and other codecs wait for a click: they need memory. */
export const EAGER_BYTES_MAX = 96e6

let current = new AbortController()

/**
 * Presses a source, or reads it if it is a Parquet file.
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

/** Reads the rows of the file. If the page made the file, it compares them with the source. */
export async function readBack() {
  const { signal } = current
  set({ verified: { running: true } })
  try {
    const { kind, options } = state.result
    const args = { nullsCount: options.nulls !== 'absent' }
    const onProgress = rows => !signal.aborted && set({ verified: { running: true, rows } })
    const verified = await ask(kind === 'read' ? 'read' : 'verify', args, { signal, onProgress })
    if (!signal.aborted) set({ verified })
  } catch (error) {
    if (!signal.aborted) set({ verified: { error } })
  }
}

/** Presses the same rows with each codec. */
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

/** Shows an error that came before the run began. */
export function refuse(source, error) {
  current.abort()
  set({ source, phase: 'error', error, progress: null, result: null, stopped: false })
}

export function stop() {
  current.abort()
  set({ phase: 'empty', progress: null, stopped: true })
}
