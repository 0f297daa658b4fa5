/** Encodes the same rows with every codec, and compresses their JSON with gzip to compare. */
import { press, report } from './press.js'
import { byteStream } from './source.js'

export const CODECS = ['none', 'snappy', 'lz4', 'gzip', 'zstd', 'brotli']

/**
 * @param {{name: string, blob: Blob, gzip: boolean}} opened
 * @param {object} options
 * @param {{codec: string, bytes: number, ms: number, columns: object[]}} done the first result
 * @param {{signal?: AbortSignal, onResult: (result: object) => void}} run
 */
export async function pressWithEach(opened, options, done, { signal, onResult }) {
  onResult({ codec: 'json.gz', bytes: await gzipBytes(opened, signal) })
  onResult(done)
  for (const codec of CODECS) {
    if (codec === done.codec.split(':')[0]) continue
    signal?.throwIfAborted()
    const { file, ms } = await press(opened, { ...options, codec }, { signal })
    const { columns } = await report(file.bytes)
    onResult({ codec, bytes: file.bytes.length, ms, columns: sizes(columns) })
  }
}

/** The names and sizes of columns, for the chart. */
export const sizes = columns => columns.map(({ path, bytes }) => ({ path, bytes }))

async function gzipBytes(opened, signal) {
  if (opened.gzip) return opened.blob.size
  const reader = byteStream(opened).pipeThrough(new CompressionStream('gzip'), { signal })
    .getReader()
  let bytes = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return bytes
    bytes += value.length
  }
}
