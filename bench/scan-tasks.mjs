// What `coldpress/scan` and hyparquet are asked, in whatever runtime this is loaded.

/**
 * Lets both read the same file in turns, and gives a line for each task.
 *
 * @param {{ open: Function, parquetReadObjects: Function, compressors: object }} readers
 * @param {{ bytes: Uint8Array, count: number, rounds: number, clock: () => number }} run
 *   clock: milliseconds
 */
export async function compare({ open, parquetReadObjects, compressors }, run) {
  const contestants = {
    async coldpress(file, query) {
      let found = 0
      for await (const row of (await open(file)).rows(query)) found += row === undefined ? 0 : 1
      return found
    },
    async hyparquet(file, query) {
      return (await parquetReadObjects({ file, compressors, ...query })).length
    },
  }
  const lines = []
  for (const [name, task] of Object.entries(tasks(run.count))) {
    const told = { coldpress: [], hyparquet: [] }
    for (let round = 0; round <= run.rounds; round += 1) {
      for (const [who, read] of Object.entries(contestants)) {
        const file = counted(run.bytes)
        const before = run.clock()
        const found = await read(file, task[who])
        const ms = run.clock() - before
        if (found !== task.rows) throw new Error(`${who}, ${name}: ${found} rows, not ${task.rows}`)
        if (round > 0) told[who].push({ ms, ...file.counts })
      }
    }
    lines.push(line(name, median(told.coldpress), median(told.hyparquet), run.bytes.length))
  }
  return lines
}

function tasks(count) {
  const middle = Math.floor(count / 2)
  const id = `r${String(middle).padStart(8, '0')}`
  return {
    'point read': { coldpress: { id }, hyparquet: { filter: { _id: { $eq: id } } }, rows: 1 },
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
}

function line(name, ours, theirs, size) {
  const ratio = of => (ours[of] / theirs[of]).toFixed(2)
  return `${name.padEnd(12)} time ${ratio('ms')}  requests ${ours.requests} / ${theirs.requests}  `
    + `bytes ${ratio('bytes')} (${(ours.bytes / size * 100).toFixed(2)} % of the file)`
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
