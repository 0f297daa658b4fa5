// Acceptance 3 of issue 12: in a collection whose rows change their types from file to file, each
// engine that reads the folder as one table gives the value that was put, or null with the value in
// `_rescued_data`. The same rows are stored by `coldpress put --append` and by an outbox.
//
// All collections of both ways are in one folder, so each Spark starts once.
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { coldpress as command, run } from './lib/command.mjs'
import { collections } from './lib/drift.mjs'
import { python, root, spark, temporaryFolder, tool, unpacked } from './lib/tools.mjs'
import { coldpress, started } from './upload/started.mjs'

const COLLECTIONS = 100
const AT_ONCE = 2

const { openOutbox } = await import(pathToFileURL(join(unpacked(), 'outbox.node.js')).href)
const { IDBFactory, IDBKeyRange } = await tool('fake-indexeddb')
globalThis.IDBKeyRange = IDBKeyRange

test('engines read drifting rows of appends and of an outbox as they were put', async (t) => {
  const folder = temporaryFolder(t)
  const all = collections(COLLECTIONS, 12)
  const ways = { command: byCommand(folder), outbox: await byOutbox(t, folder) }
  const names = []
  for (const [way, store] of Object.entries(ways)) {
    let rescued = 0
    await each(all, async ({ name, files }) => {
      const place = await store(name, files)
      names.push(place)
      rescued += await describe(join(folder, place), files)
    })
    assert.ok(rescued > 100, `${way}: only ${rescued} values do not fit their columns`)
  }
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(names.sort()))
  const script = join(root, 'tests/interop/folders.py')
  const readers = [[python(), 'engines'], [spark(4), 'spark'], [spark(3), 'spark']]
  for (const [program, module] of readers) {
    const env = { PYTHONDONTWRITEBYTECODE: '1' }
    const printed = await run(program, [script, folder, module], { cwd: folder, env })
    const last = printed.trimEnd().split('\n').at(-1)
    assert.match(last, new RegExp(`^${2 * COLLECTIONS} collections by .*, 0 wrong$`), printed)
  }
})

/** Stores each file by `coldpress put --append`, in a local folder. */
function byCommand(folder) {
  const store = join(folder, 'command')
  return async (name, files) => {
    const args = ['put', '--append', '--store', store, '--padded-lsn', '--collection', name, '-']
    for (const { text } of files) await command(args, { input: text })
    return `command/0/${name}`
  }
}

/** Stores each file by `append` and `flush` of an outbox, which uploads it by a grant. */
async function byOutbox(t, folder) {
  const { store, grants, clock } = await started(t)
  const runtime = clock.runtime({ now: Date.now, setTimer: () => 0, clearTimer: () => {} })
  return async (name, files) => {
    const indexedDB = new IDBFactory()
    const options = { collection: name, tenant: 7, grants, indexedDB, runtime }
    const outbox = await openOutbox({ name, ...options, batchAgeMs: 3_600_000 })
    for (const { rows } of files) {
      await outbox.append(rows)
      assert.equal((await outbox.flush()).objects, 1)
    }
    await outbox.close()
    const uploaded = [...store.objects].filter(([key]) => dirname(key) === `data/7/${name}`)
    const place = `outbox/7/${name}`
    await mkdir(join(folder, place), { recursive: true })
    for (const [key, { body }] of uploaded) {
      await writeFile(join(folder, key.replace('data', 'outbox')), body)
    }
    return place
  }
}

/** Writes what the reader compares with, and counts the values that are rescued. */
async function describe(folder, files) {
  const stored = (await readdir(folder)).filter((file) => file.endsWith('.parquet')).sort()
  assert.equal(stored.length, files.length, folder)
  const found = []
  for (const file of stored) {
    found.push(await coldpress.inspect(await readFile(join(folder, file))))
  }
  const documents = files.map(({ documents }) => documents).join(',')
  await writeFile(join(folder, 'rows.json'), `[${documents}]`)
  await writeFile(join(folder, 'schema.json'), JSON.stringify(found.at(-1).schema))
  return found.flatMap(({ rescued }) => rescued).reduce((sum, { count }) => sum + count, 0)
}

/** Does the work for all of them, some at once. */
async function each(all, work) {
  const left = [...all]
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) await work(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
