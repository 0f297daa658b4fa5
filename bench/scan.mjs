// Reads rows of one file with `coldpress/scan` and with hyparquet, and prints the ratios.
//
// Usage: node scan.mjs [--rows N] [--rounds N] [--chromium]
//
// Both get the same file through the same object with `slice`, which counts requests and bytes. The
// rounds of the two take turns, so that whatever else runs slows both down; the median counts. The
// first round, which loads and compiles, does not. The time is processor time in Node, and what a
// page waits in Chromium. Run `cargo xtask npm` before.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

import { launchChromium } from '../tests/web/lib/browsers.mjs'
import { startServer } from '../tests/web/lib/server.mjs'
import { compare } from './scan-tasks.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const unpacked = join(root, 'target/npm/package')
const modules = join(root, 'target/tools/web/node_modules')
const require = createRequire(join(modules, '../package.json'))
const tool = name => import(pathToFileURL(require.resolve(name)).href)

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    chromium: { type: 'boolean', default: false },
  },
})
const [count, rounds] = [Number(values.rows), Number(values.rounds)]
const PAGE = `
  import { parquetReadObjects } from 'hyparquet'
  import { compressors } from 'hyparquet-compressors'
  import { open } from '/coldpress/scan.js'
  import { compare } from './scan-tasks.mjs'

  export async function run(count, rounds) {
    const bytes = new Uint8Array(await (await fetch('/file')).arrayBuffer())
    const clock = () => performance.now()
    return compare({ open, parquetReadObjects, compressors }, { bytes, count, rounds, clock })
  }
`

const { encode } = await import(join(unpacked, 'node.js'))
const { bytes } = await encode(rows(count), { collection: 'telemetry' })
console.log(`${bytes.length} bytes, ${count} rows; coldpress / hyparquet`)
const lines = values.chromium ? await inChromium() : await inNode()
console.log(lines.join('\n'))

async function inNode() {
  const { open } = await import(join(unpacked, 'scan.node.js'))
  const { parquetReadObjects } = await tool('hyparquet')
  const { compressors } = await tool('hyparquet-compressors')
  const clock = () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  return compare({ open, parquetReadObjects, compressors }, { bytes, count, rounds, clock })
}

async function inChromium() {
  const folder = mkdtempSync(join(tmpdir(), 'coldpress-bench-'))
  try {
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>scan</title>')
    writeFileSync(join(folder, 'file'), bytes)
    await (await tool('esbuild')).build({
      stdin: { contents: PAGE, resolveDir: here },
      bundle: true, format: 'esm', external: ['/coldpress/*'], nodePaths: [modules],
      outfile: join(folder, 'page.js'),
    })
    const site = await startServer({ folders: { '/': folder, '/coldpress/': unpacked } })
    const browser = await launchChromium()
    const page = await browser.newPage()
    // The whole work is one call.
    page.setDefaultTimeout(0)
    await page.goto(`${site.origin}/index.html`)
    const run = async ([count, rounds]) => (await import('/page.js')).run(count, rounds)
    return await page.evaluate(run, [count, rounds]).finally(async () => {
      await browser.close()
      await site.close()
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function * rows(count) {
  let state = 1
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8
  for (let n = 0; n < count; n += 1) {
    const [a, b, c] = [next(), next(), next()]
    yield {
      _id: `r${String(n).padStart(8, '0')}`,
      n,
      at: new Date(1.7e12 + n * 250),
      device: `device-${b % 1000}`,
      temp: (c % 6000) / 100, ok: a % 3 === 0, message: `reading ${c} of ${b}`,
    }
  }
}
