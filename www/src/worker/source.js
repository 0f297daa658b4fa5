/**
 * Opens a source of JSON: pasted text, a file (also with gzip), the sample, or generated rows.
 * Each becomes a Blob. So it can be streamed several times, and is never whole in memory.
 *
 * @typedef {{kind: 'text', text: string, name?: string} | {kind: 'file', file: File}
 *   | {kind: 'sample', url: string, name: string} | {kind: 'generate', what: string, rows: number}}
 *   Source
 */
import { generate } from './generate.js'

/**
 * @param {Source} source
 * @returns {Promise<{name: string, blob: Blob, gzip: boolean}>}
 */
export async function openSource(source) {
  if (source.kind === 'text') {
    return { name: source.name ?? 'pasted rows', blob: new Blob([source.text]), gzip: false }
  }
  if (source.kind === 'generate') {
    const blob = new Blob(generate(source.what, source.rows))
    return { name: `${source.what}, ${source.rows.toLocaleString('en')} rows`, blob, gzip: false }
  }
  if (source.kind === 'sample') {
    return { name: source.name, blob: await sample(source.url), gzip: false }
  }
  const start = source.file.slice(0, 2)
  const head = new Uint8Array(await start.arrayBuffer().catch(unreadable))
  return { name: source.file.name, blob: source.file, gzip: head[0] === 0x1f && head[1] === 0x8b }
}

async function sample(url) {
  const todo = 'Check the connection and press again. Once loaded, it also works offline.'
  const missing = reason => {
    throw fault('File', `The sample could not be loaded (${reason}). ${todo}`)
  }
  const response = await fetch(url).catch(error => missing(error.message))
  return response.ok ? response.blob() : missing(response.status)
}

/**
 * The JSON bytes of an opened source.
 *
 * @param {{blob: Blob, gzip: boolean}} opened
 * @param {(bytes: number) => void} [onTaken] gets the number of bytes that were read of the blob
 */
export function byteStream({ blob, gzip }, onTaken) {
  let stream = blob.stream()
  if (onTaken) stream = stream.pipeThrough(counted(onTaken))
  return gzip ? stream.pipeThrough(new DecompressionStream('gzip')) : stream
}

function counted(onTaken) {
  let taken = 0
  return new TransformStream({
    transform(chunk, controller) {
      onTaken(taken += chunk.length)
      controller.enqueue(chunk)
    }
  })
}

/** Throws an error about the file, made of the error of its stream. */
export function unreadable(error) {
  // The decompressor fails with a TypeError, and so does a file that changes while it is read.
  if (error instanceof TypeError) {
    throw fault('File', 'The file could not be read to its end. It was changed since it was ' +
      'chosen, or its gzip data is damaged or cut off. Check the file, and choose it again. ' +
      `(${error.message})`)
  }
  if (!['NotReadableError', 'NotFoundError'].includes(error?.name)) throw error
  throw fault('File', 'The browser could not read the file. It was changed or moved since it ' +
    'was chosen, or it is a folder, or it is too large. Check it, and choose it again. ' +
    `(${error.message})`)
}

const fault = (code, message) => Object.assign(new Error(message), { code })

/**
 * The chunks of a stream, joined to at least `bytesMin`: each call into WebAssembly takes time.
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
      const { done, value } = await reader.read().catch(unreadable)
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
  for await (const bytes of chunksOf(byteStream(opened), signal)) {
    yield decoder.decode(bytes, { stream: true })
  }
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
