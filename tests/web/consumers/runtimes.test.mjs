// The package in Node, Deno, Bun and a Cloudflare Worker with R2: the README's recipes, in fresh
// projects.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'

import { cat, run } from '../lib/command.mjs'
import { bunProgram, denoProgram, newProject } from '../lib/project.mjs'
import { importOf, recipe } from '../lib/recipes.mjs'
import { root, temporaryFolder } from '../lib/tools.mjs'
import { startWorker } from '../lib/workerd.mjs'
import { assertGolden, HASHES } from './work.mjs'

const PRINT = `\nconsole.log(JSON.stringify(await ${HASHES}))\n`
const MOVIES = join(root, 'examples/movies.ndjson')
const MOVIES_ROWS = 3201

test('Node', async (t) => {
  const { blocks: [code] } = recipe('Node')
  const folder = await newProject(t, { 'app.mjs': code, 'hashes.mjs': importOf('Node') + PRINT })
  cpSync(MOVIES, join(folder, 'movies.ndjson'))
  await run(process.execPath, ['app.mjs'], { cwd: folder })
  const key = '0/movies/lsn-0-3200.parquet'
  const rows = await readNatively(t, key, readFileSync(join(folder, 'movies.parquet')))
  assert.deepEqual(rows, movies())
  assertGolden(JSON.parse(await run(process.execPath, ['hashes.mjs'], { cwd: folder })))
})

test('Deno', async (t) => {
  const folder = await newProject(t, { 'app.mjs': importOf('Deno') + PRINT })
  const args = ['run', '--no-remote', '--node-modules-dir=manual', '--allow-read', 'app.mjs']
  assertGolden(JSON.parse(await run(denoProgram(), args, { cwd: folder })))
})

test('Bun', async (t) => {
  const folder = await newProject(t, { 'app.mjs': importOf('Bun') + PRINT })
  assertGolden(JSON.parse(await run(bunProgram(), ['app.mjs'], { cwd: folder })))
})

/** The README's Worker, with a bucket; `post` sends it a body and gives status and text. */
async function workerWithBucket(t) {
  const { blocks: [code] } = recipe('Cloudflare Worker')
  const folder = await newProject(t, { 'worker.js': code })
  const worker = await startWorker(t, join(folder, 'worker.js'), { r2Buckets: ['BUCKET'] })
  const post = async (body, headers = {}) => {
    const response = await worker.dispatchFetch('http://worker/', { method: 'POST', body, headers })
    return [response.status, await response.text()]
  }
  return { post, bucket: await worker.getR2Bucket('BUCKET') }
}

test('a Cloudflare Worker puts what it encodes into R2, request by request', async (t) => {
  const { post, bucket } = await workerWithBucket(t)
  const keys = []
  for (let request = 0; request < 3; request += 1) {
    const [status, key] = await post(readFileSync(MOVIES))
    assert.equal(status, 201, key)
    keys.push(key)
    const object = await bucket.get(key)
    const rows = await readNatively(t, key, Buffer.from(await object.arrayBuffer()))
    assert.deepEqual(rows, movies())
  }
  assert.equal(new Set(keys).size, 3)
})

test('a request with a number that a Worker gets twice is stored once', async (t) => {
  const { post, bucket } = await workerWithBucket(t)
  const own = { 'x-first-lsn': '1850000000000000000' }
  const key = '7/events/lsn-1850000000000000000-1850000000000000001.parquet'
  assert.deepEqual(await post('{"n":1}\n{"n":2}', own), [201, key])
  assert.deepEqual(await post('{"n":1}\n{"n":2}', own), [200, key])
  assert.deepEqual(await post('{"n":1}\n{"n":3}', own), [409, 'other rows have these LSNs'])
  assert.equal((await bucket.list()).objects.length, 1)
})

test('a Worker says what is wrong with rows, and goes on', async (t) => {
  const { post, bucket } = await workerWithBucket(t)
  const wrong = [
    ['{"n":1}\n{"n":', {}, 400, /^line 2/],
    ['', {}, 400, /no rows/],
    [undefined, {}, 400, /no rows/],
    ['{"n":1}', { 'x-first-lsn': 'first' }, 400, /lsns\.min is first/],
    [`{"text":"${'x'.repeat(33e6)}"}`, {}, 413, /too many bytes/],
  ]
  for (const [body, headers, status, message] of wrong) {
    const [found, text] = await post(body, headers)
    assert.equal(found, status, text)
    assert.match(text, message)
    assert.equal((await post('{"n":1}'))[0], 201)
  }
  assert.equal((await bucket.list()).objects.length, wrong.length)
})

test('a Cloudflare Worker that imports brotli', async (t) => {
  const { spans } = recipe('Cloudflare Worker')
  const [brotli, init] = spans.slice(-2)
  const code = `import { encode, init } from 'coldpress'\n${brotli}\n`
    + `export default { async fetch() { ${init}; return Response.json(await ${HASHES}) } }\n`
  const folder = await newProject(t, { 'worker.js': code })
  const worker = await startWorker(t, join(folder, 'worker.js'))
  assertGolden(await (await worker.dispatchFetch('http://worker/')).json())
})

/** The rows of a file, read by the native command from a folder that is laid out as a bucket is. */
async function readNatively(t, key, bytes) {
  const store = temporaryFolder(t)
  mkdirSync(dirname(join(store, key)), { recursive: true })
  writeFileSync(join(store, key), bytes)
  return cat([key, '--store', store])
}

function movies() {
  const rows = readFileSync(MOVIES, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  assert.equal(rows.length, MOVIES_ROWS)
  return rows
}
