// The same rows in every host: fifty queries on presigned URLs of a real S3 server, which lies at
// another origin than the pages. The native command says which rows they are.
import assert from 'node:assert/strict'
import { cpSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test, { after, before } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { launchChromium, openFirefox, watchFaults } from './lib/browsers.mjs'
import { coldpress, run, s3Environment } from './lib/command.mjs'
import { bunProgram, denoProgram, newProject } from './lib/project.mjs'
import { Bucket } from './lib/s3.mjs'
import { startSeaweed } from './lib/seaweed.mjs'
import { startServer, STRICT_CSP } from './lib/server.mjs'
import { temporaryFolder, unpacked } from './lib/tools.mjs'
import { startWorker } from './lib/workerd.mjs'
import { QUERIES, rowsOf } from './scan/queries.mjs'

const here = join(dirname(fileURLToPath(import.meta.url)), 'scan')
const { encode } = await import(pathToFileURL(join(unpacked(), 'node.js')).href)

let store
let grants
let wanted

before(async () => {
  store = await startSeaweed()
  const bucket = new Bucket(store)
  await bucket.allowOrigins({
    origins: ['*'], methods: ['GET'], headers: ['range'], expose: ['ETag', 'Content-Range'],
  })
  const options = ['--store', 's3://data/cold', '--endpoint', store.endpoint, '--allow-http']
  const env = s3Environment(store)
  const native = (args) => coldpress([...args, ...options], { env })
  grants = []
  for (const [number, codec] of ['zstd', 'snappy', 'gzip'].entries()) {
    const target = { prefix: 'cold', tenant: 7, collection: 'films', lsns: { min: 1 + number * 4_000 } }
    const file = await encode(rowsOf(number), { ...target, codec, rowGroupRowsMax: 1_500 })
    await bucket.put(file.key, file.bytes)
    grants.push(JSON.parse(await native(['grant', '--read', file.key])))
  }
  wanted = []
  for (const query of QUERIES) wanted.push(await native(['cat', ...argumentsOf(query)]))
  const all = wanted[0].split('\n').length - 1
  assert.equal(all, 12_000)
  assert.ok(wanted.filter((text) => text !== '').length > 40, 'most queries find rows')
})

after(() => store?.stop())

/** The query, as the command takes it. */
function argumentsOf({ where, text = where, columns, id, limit, lsns }) {
  const given = [['--where', text], ['--id', id],
    ['--limit', limit], ['--columns', columns?.join(',')], ['--lsn', lsns?.join('..')]]
  const known = given.filter(([, value]) => value !== undefined)
  return ['--collection', 'films', '--tenant', '7', ...known.flatMap(([name, value]) => [name, String(value)])]
}

function agrees({ answers, failed, stats }) {
  assert.equal(failed, undefined)
  for (const [at, query] of QUERIES.entries()) {
    assert.equal(answers[at], wanted[at], `query ${at}: ${JSON.stringify(query)}`)
  }
  assert.equal(answers.length, 50)
  console.log(JSON.stringify(stats))
}

async function project(t) {
  const folder = await newProject(t, { 'grants.json': JSON.stringify(grants) })
  for (const name of ['hosts/node.mjs', 'hosts/worker.mjs', 'queries.mjs']) {
    cpSync(join(here, name), join(folder, name.replace('hosts/', '')))
  }
  return folder
}

test('Node', async (t) => {
  const folder = await project(t)
  agrees(JSON.parse(await run(process.execPath, ['node.mjs', 'grants.json'], { cwd: folder })))
})

test('Deno', async (t) => {
  const folder = await project(t)
  const may = [`--allow-read=${folder}`, `--allow-net=${new URL(store.endpoint).host}`]
  const args = ['run', '--no-remote', '--node-modules-dir=manual', ...may, 'node.mjs', 'grants.json']
  agrees(JSON.parse(await run(denoProgram(), args, { cwd: folder })))
})

test('Bun', async (t) => {
  const folder = await project(t)
  agrees(JSON.parse(await run(bunProgram(), ['node.mjs', 'grants.json'], { cwd: folder })))
})

test('workerd', async (t) => {
  const folder = await project(t)
  // A Worker imports the module of the further codecs itself.
  const codecs = "import codecs from 'coldpress/scan-all.wasm'\nimport { init } from 'coldpress/scan'\n"
  writeFileSync(
    join(folder, 'entry.mjs'),
    `${codecs}import worker from './worker.mjs'\nexport default { async fetch(request) {\n`
      + '  await init(undefined, { codecs })\n  return worker.fetch(request)\n} }\n',
  )
  const worker = await startWorker(t, join(folder, 'entry.mjs'))
  const request = { method: 'POST', body: JSON.stringify(grants) }
  const response = await worker.dispatchFetch('http://worker/', request)
  agrees(await response.json())
})

test('Chromium', async (t) => {
  const { site, result } = await startSite(t)
  const browser = await launchChromium()
  t.after(() => browser.close())
  const page = await browser.newPage()
  const faults = watchFaults(page)
  const preflights = []
  page.on('request', (request) => { if (request.method() === 'OPTIONS') preflights.push(request.url()) })
  await page.goto(`${site.origin}/page.html`)
  agrees(await result)
  assert.deepEqual([faults, preflights], [[], []])
})

test('Firefox', async (t) => {
  const { site, result } = await startSite(t)
  const firefox = openFirefox(`${site.origin}/page.html`)
  t.after(() => firefox.stop())
  const found = await Promise.race([result, firefox.failed])
  agrees(found)
  assert.match(found.agent, /Firefox/)
})

/** A site under the strictest policy that lets the page reach the store. */
async function startSite(t) {
  const folder = temporaryFolder(t)
  for (const name of ['hosts/page.mjs', 'hosts/page.html', 'queries.mjs']) {
    cpSync(join(here, name), join(folder, name.replace('hosts/', '')))
  }
  let arrived
  const result = new Promise((resolve) => { arrived = resolve })
  const policy = STRICT_CSP.replace("connect-src 'self'", `connect-src 'self' ${store.endpoint}`)
  const site = await startServer({
    folders: { '/': folder, '/coldpress/': unpacked() },
    headers: { 'content-security-policy': policy },
    routes: {
      'GET /grants': () => grants,
      'POST /result': (_, body) => arrived(JSON.parse(body)),
    },
  })
  t.after(() => site.close())
  return { site, result }
}
