/** The entry of the worker that reads rows of a file by ranges of its bytes. */
import { open } from '../package-scan.js'
import { answerCalls } from './answer.js'

/** Progress is told so often at most, in milliseconds. */
const TOLD_MS = 100

/** The file that is open, and its row groups. */
let session

answerCalls({
  /** Opens a URL (or a read grant as text), or a Blob. */
  async open({ source }, { signal }) {
    session = undefined
    const file = await open(source.blob ?? source.url)
    signal.throwIfAborted()
    const layout = await file.layout({ signal })
    session = { file }
    return {
      name: source.name ?? file.name,
      rows: file.rowCount,
      collection: file.collection,
      tenant: String(file.tenant),
      lsns: { min: String(file.lsns.min), max: String(file.lsns.max) },
      schema: file.schema,
      groups: layout.row_groups,
      ...cost(file),
    }
  },

  /** The rows of a query. */
  async rows({ query }, { signal, onProgress }) {
    const { file } = session
    const started = performance.now()
    const before = file.stats
    const rows = []
    let told = 0
    for await (const row of file.rows({ ...query, signal })) {
      rows.push(row)
      if (performance.now() - told < TOLD_MS) continue
      told = performance.now()
      onProgress({ rows: rows.length, ...cost(file) })
    }
    const { stats } = file
    return {
      rows,
      ms: performance.now() - started,
      requests: stats.requests - before.requests,
      moved: stats.bytesMoved - before.bytesMoved,
      ...cost(file),
    }
  },
})

function cost(file) {
  return { stats: file.stats, fetched: file.fetched }
}
