// `scanCollection` and read grants, over a store and a grant server of the tests.
import assert from 'node:assert/strict'
import test from 'node:test'

import { Library, TOKEN, rowsOf } from './scan/library.mjs'
import { all, scan } from './scan/shelf.mjs'

const ROWS = 1_000

const started = (files = 5) => Library.filled(files, ROWS)
const rowsIn = (library, grants, query = {}) =>
  scan.scanCollection(grants, { runtime: library.runtime, ...query })
const everything = (files) => Array.from({ length: files }, (_, file) => rowsOf(file, ROWS)).flat()

test('rows of many files come in the order of their LSNs, in whatever order the grants are', async () => {
  const library = await started()
  const grants = library.grants()
  const mixed = [grants[3], grants[0], JSON.stringify(grants[4]), grants[2], grants[1]]
  const rows = rowsIn(library, mixed)
  assert.deepEqual(await all(rows), everything(5))
  const { stats } = rows
  assert.deepEqual([stats.files, stats.rows, stats.rowGroups.all], [
    { all: 5, pruned: { lsns: 0 }, read: 5 }, 5_000, 10,
  ])
  assert.equal(stats.requests, library.requests.length)
  assert.ok(library.requests.every(({ headers }) => headers['if-match'] !== undefined))
})

test('files without one of the LSNs are not touched', async () => {
  const library = await started()
  const rows = rowsIn(library, library.grants(), { lsns: [1_500n, '2500'] })
  assert.equal((await all(rows)).length, 2_000)
  assert.deepEqual(rows.stats.files, { all: 5, pruned: { lsns: 3 }, read: 2 })
  assert.equal(library.touched.length, 2)
})

test('a limit is one over all files, and the first file is enough for it', async () => {
  const library = await started()
  assert.equal((await all(rowsIn(library, library.grants(), { limit: 10 }))).length, 10)
  assert.equal(library.touched.length, 1)
  for (const as of ['rows', 'ndjson']) {
    const found = await all(rowsIn(library, library.grants(), { limit: 1_500, as }))
    const count = as === 'rows' ? found.length : found.join('').split('\n').length - 1
    assert.equal(count, 1_500)
  }
  assert.deepEqual(await all(rowsIn(library, library.grants(), { limit: 0 })), [])
  const some = await all(rowsIn(library, library.grants(), { limit: 3, where: 'n >= 1998' }))
  assert.deepEqual(some.map(({ n }) => n), [1998, 1999, 2000])
})

test('a column that no file has is named, and so is what names no collection', async () => {
  const library = await started()
  const rows = rowsIn(library, library.grants(), { columns: ['N', 'n'] })
  assert.equal((await all(rows)).length, 5_000)
  assert.deepEqual(rows.stats.columnsUnknown, ['N'])
  const wrong = rowsIn(library, { ...library.server, tenant: 8 })
  await assert.rejects(all(wrong), { code: 'Misuse', message: /"tenant" is no part of/ })
  assert.equal(library.asked.length, 0)
})

test('a page whose "next" is no text is no answer, and not the last page', async () => {
  const library = await started()
  const runtime = {
    ...library.runtime,
    fetch: async (url, init) => {
      const answer = await library.runtime.fetch(url, init)
      if (!String(url).endsWith('v1/scans')) return answer
      return Response.json({ ...await answer.json(), next: 5 })
    },
  }
  const rows = scan.scanCollection(library.server, { runtime, retries: 0 })
  await assert.rejects(all(rows), ({ code, message }) => {
    return code !== 'Internal' && /list of grants/.test(message)
  })
})

test('the grant server is asked page by page, for the LSNs alone', async () => {
  const library = await started()
  const found = await all(rowsIn(library, library.server, { id: 'film-4321' }))
  assert.deepEqual(found.map(({ n }) => n), [4321])
  assert.deepEqual(library.asked.map(({ page }) => page), [undefined, 'lsn-1001-2000.parquet', 'lsn-3001-4000.parquet'])
  library.asked.length = 0
  const rows = rowsIn(library, library.server, { lsns: [2_500, 3_500], columns: ['n'] })
  assert.equal((await all(rows)).length, 2_000)
  assert.deepEqual(library.asked, [{ collection: 'films', min_lsn: '2500', max_lsn: '3500' }])
})

test('a grant server that stumbles is asked again, and a wrong token is denied in its words', async () => {
  const library = await started(2)
  let fails = 2
  library.answer = (request) => {
    if (request.method === 'POST' && fails-- > 0) return new Response(null, { status: 503 })
    return library.served(request)
  }
  assert.equal((await all(rowsIn(library, library.server))).length, 2_000)
  const wrong = { ...library.server, token: async () => 'wrong' }
  await assert.rejects(all(rowsIn(library, wrong)), { code: 'Denied', message: /not known/ })
  assert.ok(TOKEN !== 'wrong')
})

test('grants that expire on the way are asked for again, once for a page', async () => {
  const library = await started(4)
  library.expiresInMs = 60_000
  library.filesPerPage = 10
  const rows = rowsIn(library, library.server, { readAhead: 1 })
  const found = []
  for await (const row of rows) {
    found.push(row)
    if (row.n === 999) library.advance(61_000)
  }
  assert.deepEqual(found, everything(4))
  assert.ok(library.asked.length >= 2, 'it was asked again')
  assert.ok(library.asked.every(({ page }) => page === undefined))
})

test('a grant that the store calls expired is renewed by its function, or is an error', async () => {
  const library = await started(1)
  const [key] = library.files.keys()
  const old = library.grant(key)
  // A device whose clock is wrong notices it by the store's answer.
  const late = { ...old, expires_ms: Number.MAX_SAFE_INTEGER }
  library.advance(2_000_000)
  const options = { runtime: library.runtime }
  await assert.rejects(scan.open(late, options), { code: 'Expired', message: /function/ })
  let asks = 0
  const get = async () => (asks++ === 0 ? late : library.grant(key))
  const file = await scan.open(get, options)
  assert.equal((await all(file.rows())).length, ROWS)
  assert.equal(asks, 2)
  const never = scan.open(async () => late, options)
  await assert.rejects(never, { code: 'Expired' })
})

test('a scan that is aborted while a grant is renewed takes it from no other scan', async () => {
  const library = await Library.filled(1, 20_000)
  const [key] = library.files.keys()
  let [asks, give] = [0, () => {}]
  const get = () => {
    if (asks++ === 0) return library.grant(key)
    return new Promise((resolve) => { give = () => resolve(library.grant(key)) })
  }
  const file = await scan.open(get, { runtime: library.runtime })
  library.advance(2_000_000)
  const stop = new AbortController()
  const [first, second] = [all(file.rows({ signal: stop.signal })), all(file.rows({ limit: 5 }))]
  while (asks < 2) await new Promise((resolve) => setImmediate(resolve))
  stop.abort()
  await assert.rejects(first, { code: 'Aborted' })
  give()
  assert.equal((await second).length, 5)
  assert.equal(asks, 2)
})

test('a fresh grant for another file is an error', async () => {
  const library = await Library.filled(2, 20_000)
  const [first, second] = library.files.keys()
  let asks = 0
  const get = async () => library.grant(asks++ === 0 ? first : second)
  const file = await scan.open(get, { runtime: library.runtime })
  library.advance(2_000_000)
  await assert.rejects(all(file.rows()), { code: 'Conflict', message: /another file/ })
})

test('a file that was made for another key is an error, and so is one that changed', async () => {
  const library = await started(2)
  const [first, second] = library.files.keys()
  const moved = library.files.get(first)
  library.files.set(second, moved)
  const options = { runtime: library.runtime }
  await assert.rejects(scan.open(library.grant(second), options), { code: 'Corrupt', message: /made for/ })
  const grant = library.grant(first)
  library.files.set(first, moved.slice(1))
  await assert.rejects(scan.open(grant, options), { code: 'Conflict', message: /changed/ })
  const other = { ...library.grant(first), etag: '"other"' }
  await assert.rejects(scan.open(other, options), { code: 'Conflict', message: /changed/ })
})

test('a grant to write is refused in words', async () => {
  const library = await started(1)
  const { get, ...rest } = library.grants()[0]
  await assert.rejects(scan.open({ ...rest, put: get }), { code: 'Settings', message: /grant to write/ })
})

test('no more files are begun than read-ahead allows', async () => {
  const library = await started(8)
  const rows = rowsIn(library, library.grants(), { readAhead: 2 })
  await rows.next()
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(library.touched.length, 3)
  await rows.return()
})

test('to leave the loop ends every request, and so does an abort', async () => {
  const library = await started(8)
  for await (const row of rowsIn(library, library.grants())) {
    assert.equal(row.n, 0)
    break
  }
  const sent = library.requests.length
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(library.requests.length, sent)
  const stop = new AbortController()
  const reason = new Error('enough')
  const hanging = rowsIn(library, library.grants(), { signal: stop.signal })
  library.answer = () => new Promise(() => {})
  const reading = all(hanging)
  while (library.requests.length === sent) await new Promise((resolve) => setImmediate(resolve))
  stop.abort(reason)
  await assert.rejects(reading, { code: 'Aborted', cause: reason })
})

test('grants of an iterable that come too late are an error', async () => {
  const library = await started(3)
  const [a, b, c] = library.grants()
  const ordered = async function* () { yield a; yield b; yield c }
  assert.equal((await all(rowsIn(library, ordered()))).length, 3_000)
  const mixed = async function* () { yield b; yield a }
  await assert.rejects(all(rowsIn(library, mixed())), { code: 'Misuse', message: /order of their LSNs/ })
})

test('the error of one file names it, and comes after the rows before it', async () => {
  const library = await started(3)
  const keys = [...library.files.keys()]
  library.files.set(keys[1], new Uint8Array(500))
  const found = []
  await assert.rejects(async () => {
    for await (const row of rowsIn(library, library.grants())) found.push(row)
  }, (error) => error.code === 'Corrupt' && error.message.startsWith(keys[1]))
  assert.equal(found.length, ROWS)
})
