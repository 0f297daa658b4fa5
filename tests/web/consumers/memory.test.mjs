// 35 MB of NDJSON through the encoder within the 128 MB of a Cloudflare Worker. Miniflare's workerd
// does not enforce that limit, so it is measured: linear memory never shrinks, so its size at the
// end is the most it ever was.
import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

import { telemetry } from '../conformance/suite.mjs'
import { coldpress } from '../lib/command.mjs'
import { newProject } from '../lib/project.mjs'
import { temporaryFolder } from '../lib/tools.mjs'
import { startWorker } from '../lib/workerd.mjs'

const LIMIT_BYTES = 128_000_000
const ROWS = 330_000

test('35 MB of NDJSON are streamed through the encoder in 128 MB', async (t) => {
  const text = Buffer.from(telemetry(ROWS))
  assert.ok(text.length >= 35_000_000, `${text.length} bytes of rows`)
  const folder = await newProject(t)
  cpSync(
    join(dirname(fileURLToPath(import.meta.url)), 'memory.worker.mjs'),
    join(folder, 'worker.mjs'),
  )
  const worker = await startWorker(t, join(folder, 'worker.mjs'))
  const response = await worker.dispatchFetch('http://worker/', {
    method: 'POST',
    body: sliced(text),
    duplex: 'half',
  })
  assert.equal(response.status, 200)
  const bytes = Buffer.from(await response.arrayBuffer())
  const linear = Number(response.headers.get('x-linear-bytes'))
  assert.equal(Number(response.headers.get('x-rows')), ROWS)
  assert.equal(Number(response.headers.get('x-instances')), 1)
  t.diagnostic(
    `${text.length} bytes of NDJSON, ${bytes.length} of Parquet, ${linear} of linear memory`,
  )
  assert.ok(linear > bytes.length, 'the memory was measured')
  // The result is a copy, in addition to the memory of the module.
  assert.ok(
    linear + bytes.length < LIMIT_BYTES,
    `${linear} bytes of linear memory and ${bytes.length} of result`,
  )

  const store = temporaryFolder(t)
  writeFileSync(join(store, 'rows.ndjson'), text)
  await coldpress(['put', '--collection', 'readings', '--store', store, join(store, 'rows.ndjson')])
  const native = readFileSync(join(store, response.headers.get('x-key')))
  assert.ok(native.equals(bytes), 'the native command makes the same bytes')
})

function sliced(bytes) {
  const SLICE = 1 << 16
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.subarray(at, at += SLICE))
    },
  })
}
