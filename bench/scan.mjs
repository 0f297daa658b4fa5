// Reads rows of one file with `coldpress/scan` and with hyparquet, and prints the ratios.
//
// Usage: node scan.mjs [--rows N] [--rounds N]
//
// Both get the same file through the same object with `slice`, which counts requests and bytes. The
// rounds of the two take turns, so that whatever else runs slows both down; the median counts. The
// first round, which loads and compiles, does not. Run `cargo xtask npm` before.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const unpacked = join(root, 'target/npm/package')
const require = createRequire(join(root, 'target/tools/web/package.json'))
const tool = name => import(pathToFileURL(require.resolve(name)).href)

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
  },
})
const count = Number(values.rows)
const { encode } = await import(join(unpacked, 'node.js'))
const { open } = await import(join(unpacked, 'scan.node.js'))
const { parquetReadObjects } = await tool('hyparquet')
const { compressors } = await tool('hyparquet-compressors')

const { bytes } = await encode(rows(count), { collection: 'telemetry' })
const middle = Math.floor(count / 2)
const TASKS = {
  'point read': {
    coldpress: { id: `r${String(middle).padStart(8, '0')}` },
    hyparquet: { filter: { _id: { $eq: `r${String(middle).padStart(8, '0')}` } } },
    rows: 1,
  },
  'filter, 1 %': {
    coldpress: { where: `n >= ${middle} and n < ${middle + count / 100}` },
    hyparquet: { filter: { n: { $gte: middle, $lt: middle + count / 100 } } },
    rows: count / 100,
  },
  'one column': {
    coldpress: { columns: ['temp'] }, hyparquet: { columns: ['temp'] }, rows: count,
  },
  'full scan': { coldpress: {}, hyparquet: {}, rows: count },
}
const CONTESTANTS = {
  async coldpress(file, query) {
    let found = 0
    for await (const row of (await open(file)).rows(query)) found += row === undefined ? 0 : 1
    return found
  },
  async hyparquet(file, query) {
    return (await parquetReadObjects({ file, compressors, ...query })).length
  },
}

console.log(`${bytes.length} bytes, ${count} rows; coldpress / hyparquet`)
for (const [name, task] of Object.entries(TASKS)) {
  const told = { coldpress: [], hyparquet: [] }
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    for (const [who, read] of Object.entries(CONTESTANTS)) {
      const file = counted(bytes)
      const before = process.cpuUsage()
      const found = await read(file, task[who])
      const { user, system } = process.cpuUsage(before)
      if (found !== task.rows) throw new Error(`${who}, ${name}: ${found} rows, not ${task.rows}`)
      if (round > 0) told[who].push({ ms: (user + system) / 1000, ...file.counts })
    }
  }
  const [ours, theirs] = [median(told.coldpress), median(told.hyparquet)]
  const ratio = of => (ours[of] / theirs[of]).toFixed(2)
  console.log(
    `${name.padEnd(12)} CPU ${ratio('ms')}  requests ${ours.requests} / ${theirs.requests}  `
      + `bytes ${ratio('bytes')} (${(ours.bytes / bytes.length * 100).toFixed(2)} % of the file)`,
  )
}

function median(rounds) {
  return rounds.toSorted((a, b) => a.ms - b.ms)[Math.floor(rounds.length / 2)]
}

/** A file that counts what is asked of it. */
function counted(whole) {
  const counts = { requests: 0, bytes: 0 }
  return {
    byteLength: whole.length,
    counts,
    async slice(start, end = whole.length) {
      counts.requests += 1
      const part = whole.slice(start, end)
      counts.bytes += part.length
      return part.buffer
    },
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
