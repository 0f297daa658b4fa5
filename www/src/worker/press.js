/** Encodes a source with the package, and measures the time of the encoder alone. */
import { Encoder, inspect } from '../package.js'
import { byteStream, chunksOf } from './source.js'

/**
 * @param {{name: string, blob: Blob, gzip: boolean}} opened
 * @param {object} options EncodeOptions of the package
 * @param {{signal?: AbortSignal, onProgress?: (done: Progress) => void}} [run]
 *
 * @typedef {{bytes: number, rows: number, share: number, finishing?: boolean}} Progress
 *   bytes: of JSON; share: of the source that was read, 0 to 1; finishing: all of it was read
 */
export async function press(opened, options, { signal, onProgress } = {}) {
  const encoder = new Encoder({ ...options, signal })
  let jsonBytes = 0
  let taken = 0
  let ms = 0
  try {
    // Loads the module now, so that its time does not count as encoding.
    await encoder.push(new Uint8Array())
    const stream = byteStream(opened, bytes => { taken = bytes })
    for await (const chunk of chunksOf(stream, signal)) {
      const length = chunk.length
      const started = performance.now()
      await encoder.push(chunk)
      ms += performance.now() - started
      jsonBytes += length
      onProgress?.({ bytes: jsonBytes, rows: encoder.rows, share: taken / opened.blob.size })
    }
    onProgress?.({ bytes: jsonBytes, rows: encoder.rows, share: 1, finishing: true })
    const started = performance.now()
    const file = await encoder.finish()
    ms += performance.now() - started
    return { file, jsonBytes, ms }
  } catch (error) {
    if (!isEmpty(error, encoder)) throw error
    const message =
      `There are no rows in “${opened.name}”. A row is a JSON object, such as {"a":1}.`
    throw Object.assign(new Error(message), { code: 'Empty' })
  } finally {
    encoder.dispose()
  }
}

// White space and `[]` are correct JSON. The message of the package is for programs that push rows.
function isEmpty({ code, line, row }, { rows }) {
  return code === 'Row' && line === undefined && row === undefined && rows === 0
}

/** What `inspect` reports of each leaf column, summed over the row groups. */
export async function report(bytes) {
  const found = await inspect(bytes)
  const columns = new Map()
  for (const group of found.row_groups) {
    for (const chunk of group.columns) {
      const column = columns.get(chunk.column)
      if (!column) {
        columns.set(chunk.column, leaf(chunk))
        continue
      }
      column.bytes += chunk.compressed_bytes
      column.rawBytes += chunk.uncompressed_bytes
      column.nulls += chunk.nulls ?? 0
      column.values += chunk.values
      for (const encoding of chunk.encodings) column.encodings.add(encoding)
      column.ranges.push([chunk.min, chunk.max])
    }
  }
  return {
    bytes: found.bytes,
    key: found.key,
    createdBy: found.created_by,
    metadata: found.metadata,
    schema: found.schema,
    rows: found.rows,
    groups: found.row_groups.map(group => ({ rows: group.rows, bytes: group.bytes })),
    columns: [...columns.values()].map(column => ({ ...column, encodings: [...column.encodings] }))
  }
}

function leaf(chunk) {
  return {
    path: chunk.column,
    physical: chunk.physical_type,
    logical: chunk.logical_type,
    codec: chunk.codec,
    bloom: chunk.bloom_filter,
    bytes: chunk.compressed_bytes,
    rawBytes: chunk.uncompressed_bytes,
    nulls: chunk.nulls ?? 0,
    values: chunk.values,
    encodings: new Set(chunk.encodings),
    ranges: [[chunk.min, chunk.max]]
  }
}
