/**
 * The worker's door. A message `{id, call, args}` is answered with any number of `{id, progress}`
 * and then `{id, result}` or `{id, error}`; `{cancel: id}` ends a call early, and `{online: true}`
 * says that the network is back.
 */
import { linesAround } from './context.js'
import { byteStream, openSource } from './source.js'
import { press, report } from './press.js'
import { pressWithEach, sizes } from './codecs.js'
import { ndjson, readFile } from './read.js'
import { rescueExamples } from './rescues.js'
import { send, sendAgain } from './send.js'
import { sniff } from './sniff.js'
import { readRows, verify } from './verify.js'

/**
 * What the last press left here: the source to go through again, the file's bytes, its rows read
 * back; and of the last upload that failed, its error, which alone can repeat it.
 */
const CLEARED = {
  opened: undefined, options: undefined, file: undefined, done: undefined, rows: [],
  latest: undefined, failed: undefined
}
const bench = { ...CLEARED }

const calls = {
  // Loads the package before anyone waits for it.
  async warm() {
    const { file } = await press(await openSource({ kind: 'text', text: '{"warm":true}' }), { codec: 'zstd', collection: 'rows', tenant: '0' })
    await report(file.bytes)
  },

  async press({ source, options }, run) {
    const opened = await openSource(source)
    const kind = await sniff(byteStream(opened), opened.name)
    run.signal.throwIfAborted()
    if (kind === 'parquet') {
      const { bytes, result } = await readFile(opened)
      Object.assign(bench, { ...CLEARED, opened, file: { bytes } })
      return result
    }
    const started = performance.now()
    const { file, jsonBytes, ms } = await press(opened, options, run)
      .catch(error => placed(error, opened))
    const wallMs = performance.now() - started
    const found = await report(file.bytes)
    const done = { codec: options.codec, bytes: file.bytes.length, ms, columns: sizes(found.columns) }
    Object.assign(bench, { ...CLEARED, opened, options, file, done })
    return {
      kind: 'pressed',
      name: opened.name,
      key: file.key,
      rows: file.rows,
      rescued: file.rescued,
      duplicateKeys: file.duplicateKeys,
      sha256: await file.sha256(),
      blob: new Blob([file.bytes], { type: 'application/vnd.apache.parquet' }),
      bytes: file.bytes.length,
      jsonBytes,
      ms,
      wallMs,
      report: found
    }
  },

  async verify({ nullsCount }, run) {
    const { rows, checked, found } = await verify(bench.file.bytes, bench.opened, { ...run, nullsCount })
    bench.rows = rows
    return { checked, found, rescued: rescueExamples(rows, bench.file.rescued, bench.file.schema) }
  },

  /** Reads all rows of a file that was given. */
  async read() {
    bench.rows = await readRows(bench.file.bytes)
    return { checked: bench.rows.length }
  },

  /** The rows of a file that was given, as a file of text. */
  async ndjson() {
    return ndjson(bench.file.bytes)
  },

  async rows({ from, count }) {
    return bench.rows.slice(from, from + count)
  },

  async compare(_args, run) {
    await pressWithEach(bench.opened, bench.options, bench.done, { ...run, onResult: run.onProgress })
  },

  async upload({ by }, run) {
    return kept(send(bench.opened, bench.options, by, run))
  },

  async retry({ by }, run) {
    if (!bench.failed) throw new Error('There is no failed upload to repeat. Press Upload.')
    return kept(sendAgain(bench.failed, by, run))
  }
}

// An error's method does not cross to the page, so the error stays here.
async function kept(upload) {
  // One that was stopped by a press may end later than the next one.
  bench.latest = upload
  bench.failed = undefined
  try {
    return await upload
  } catch (error) {
    if (bench.latest === upload && typeof error?.retry === 'function') bench.failed = error
    throw error
  }
}

// Adds the lines around the one an error is about; finding them must not hide the error itself.
async function placed(error, opened) {
  const line = Number(error?.line)
  if (line) {
    const character = Number(/character (\d+)/.exec(error.message)?.[1]) || undefined
    error.context = await linesAround(opened, line, character).catch(() => undefined)
  }
  throw error
}

const running = new Map()

addEventListener('message', async ({ data }) => {
  if (data.online) return dispatchEvent(new Event('online'))
  if (data.cancel) return running.get(data.cancel)?.abort(new DOMException('Stopped by you.', 'AbortError'))
  const { id, call, args } = data
  const stop = new AbortController()
  running.set(id, stop)
  try {
    const onProgress = progress => postMessage({ id, progress })
    postMessage({ id, result: await calls[call](args ?? {}, { signal: stop.signal, onProgress }) })
  } catch (error) {
    postMessage({ id, error: plain(error) })
  } finally {
    running.delete(id)
  }
})

// Errors lose their own fields when they are posted as they are.
function plain(error) {
  const { name, message, code, row, id, line, column, context, command, lsns, retry } = error ?? {}
  return {
    name: name ?? 'Error',
    message: message ?? String(error),
    code: typeof code === 'string' ? code : undefined,
    row: row === undefined ? undefined : Number(row),
    id,
    line: line === undefined ? undefined : Number(line),
    column,
    context,
    command,
    lsns: lsns && { min: String(lsns.min), max: String(lsns.max) },
    canRetry: typeof retry === 'function'
  }
}
