/** The entry of the worker that encodes, reads back and uploads. */
import { answerCalls } from './answer.js'
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
 * What later calls need from the last press: the source, the bytes of the file, and its decoded
 * rows. After a failed upload also its error, because only the error can repeat it.
 */
const CLEARED = {
  opened: undefined, options: undefined, file: undefined, done: undefined, rows: [],
  latest: undefined, failed: undefined
}
const session = { ...CLEARED }

const calls = {
  // Loads the package before the first press.
  async warm() {
    const { file } = await press(await openSource({ kind: 'text', text: '{"warm":true}' }), {
      codec: 'zstd',
      collection: 'rows',
      tenant: '0',
    })
    await report(file.bytes)
  },

  async press({ source, options }, run) {
    const opened = await openSource(source)
    const kind = await sniff(byteStream(opened), opened.name)
    run.signal.throwIfAborted()
    if (kind === 'parquet') {
      const { bytes, result } = await readFile(opened)
      Object.assign(session, { ...CLEARED, opened, file: { bytes } })
      return result
    }
    const started = performance.now()
    const { file, jsonBytes, ms } = await press(opened, options, run)
      .catch(error => placed(error, opened))
    const wallMs = performance.now() - started
    const found = await report(file.bytes)
    const done = {
      codec: options.codec,
      bytes: file.bytes.length,
      ms,
      columns: sizes(found.columns),
    }
    Object.assign(session, { ...CLEARED, opened, options, file, done })
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
    const { rows, checked, found } = await verify(session.file.bytes, session.opened, {
      ...run,
      nullsCount,
    })
    session.rows = rows
    return {
      checked,
      found,
      rescued: rescueExamples(rows, session.file.rescued, session.file.schema),
    }
  },

  /** Reads all rows of a Parquet file that the reader opened. */
  async read() {
    session.rows = await readRows(session.file.bytes)
    return { checked: session.rows.length }
  },

  /** The rows of a Parquet file that the reader opened, as a file of NDJSON. */
  async ndjson() {
    return ndjson(session.file.bytes)
  },

  async rows({ from, count }) {
    return session.rows.slice(from, from + count)
  },

  async compare(_args, run) {
    await pressWithEach(session.opened, session.options, session.done, {
      ...run,
      onResult: run.onProgress,
    })
  },

  async upload({ by }, run) {
    return kept(send(session.opened, session.options, by, run))
  },

  async retry({ by }, run) {
    if (!session.failed) throw new Error('There is no failed upload to repeat. Press “Upload”.')
    return kept(sendAgain(session.failed, by, run))
  }
}

// A message to the page cannot carry the `retry` of an error, so the error stays here.
async function kept(upload) {
  // An upload that a press stopped may end after the next upload began.
  session.latest = upload
  session.failed = undefined
  try {
    return await upload
  } catch (error) {
    if (session.latest === upload && typeof error?.retry === 'function') session.failed = error
    throw error
  }
}

// Adds the lines around the line of an error. A failure to find them must not hide the error.
async function placed(error, opened) {
  const line = Number(error?.line)
  if (line) {
    const character = Number(/character (\d+)/.exec(error.message)?.[1]) || undefined
    error.context = await linesAround(opened, line, character).catch(() => undefined)
  }
  throw error
}

answerCalls(calls)
