/**
 * Where rows come from, as bytes of JSON: pasted text, a file (gzip too), or rows made up here.
 * Everything becomes a Blob, so that it can be streamed as often as it is needed without standing in memory.
 *
 * @typedef {{kind: 'text', text: string, name?: string} | {kind: 'file', file: File}
 *   | {kind: 'sample', url: string, name: string} | {kind: 'generate', what: string, rows: number}} Source
 */
import { generate } from './generate.js'

/**
 * @param {Source} source
 * @returns {Promise<{name: string, blob: Blob, gzip: boolean}>}
 */
export async function openSource(source) {
  if (source.kind === 'text') return { name: source.name ?? 'pasted rows', blob: new Blob([source.text]), gzip: false }
  if (source.kind === 'generate') {
    const blob = new Blob(generate(source.what, source.rows))
    return { name: `${source.what}, ${source.rows.toLocaleString('en')} rows`, blob, gzip: false }
  }
  if (source.kind === 'sample') {
    const response = await fetch(source.url)
    if (!response.ok) throw new Error(`The sample could not be loaded (${response.status}). Load the page once while online.`)
    return { name: source.name, blob: await response.blob(), gzip: false }
  }
  const head = new Uint8Array(await source.file.slice(0, 2).arrayBuffer())
  return { name: source.file.name, blob: source.file, gzip: head[0] === 0x1f && head[1] === 0x8b }
}

/** The JSON bytes of an opened source. */
export function byteStream({ blob, gzip }) {
  const stream = blob.stream()
  return gzip ? stream.pipeThrough(new DecompressionStream('gzip')) : stream
}

/**
 * Chunks of a stream, gathered to at least `bytesMin`, since each crossing into WebAssembly costs.
 *
 * @param {ReadableStream<Uint8Array>} stream
 * @param {AbortSignal} [signal]
 */
export async function * chunksOf(stream, signal, bytesMin = 1 << 18) {
  const reader = stream.getReader()
  let waiting = []
  let bytes = 0
  try {
    for (;;) {
      signal?.throwIfAborted()
      const { done, value } = await reader.read()
      if (value) {
        waiting.push(value)
        bytes += value.length
      }
      if (bytes && (done || bytes >= bytesMin)) {
        yield joined(waiting, bytes)
        waiting = []
        bytes = 0
      }
      if (done) return
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

/** The text of an opened source, chunk by chunk. */
export async function * textOf(opened, signal) {
  const decoder = new TextDecoder()
  for await (const bytes of chunksOf(byteStream(opened), signal)) yield decoder.decode(bytes, { stream: true })
}

function joined(chunks, bytes) {
  if (chunks.length === 1) return chunks[0]
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}
