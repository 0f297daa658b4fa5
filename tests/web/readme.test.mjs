// Every example of the two READMEs: it type-checks, and it runs twice in a row, against a store and
// a grant server of this machine. The examples are read out of the READMEs; only the address of the
// grant server is put in its place.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { launchChromium, watchFaults } from './lib/browsers.mjs'
import { run } from './lib/command.mjs'
import { examplesOf, planned } from './lib/examples.mjs'
import { until } from './lib/patience.mjs'
import { newProject } from './lib/project.mjs'
import { startServer } from './lib/server.mjs'
import { root, temporaryFolder, tool, toolFile, tools, unpacked } from './lib/tools.mjs'
import { startWorker } from './lib/workerd.mjs'
import { startShore } from './upload/shore.mjs'

const HERE = fileURLToPath(new URL('readme', import.meta.url))
const GRANTS = /https:\/\/grants\.example(\.com)?/
const ROWS = [{ at: 1, celsius: 21.5 }, { at: 2, celsius: 22 }]

/** Words that are in only one example → where that example runs. */
const PACKAGE = planned(examplesOf(join(unpacked(), 'README.md')), {
  "{ city: 'Oslo', temp: 3.5, at: new Date() }": 'node',
  'response.body) await encoder.push(chunk)': 'node',
  'type Trade = RowOf<typeof schema>': 'node',
  'optimizeDeps': 'vite',
  "await init('/coldpress.wasm')": 'page',
  'env.BUCKET.put': 'worker',
  "createReadStream('movies.ndjson')": 'node',
  'attempt = error.retry': 'page',
  'await outbox.append({ at: Date.now()': 'page',
  "addEventListener('sync'": 'sync',
  'await open(': 'scan',
  'scanCollection(': 'scan',
})
const HOUSE = planned(examplesOf(join(root, 'README.md')), {
  "upload(grants, rows, { collection: 'readings' })": 'page',
})
const ALL = [...PACKAGE, ...HOUSE]
const of = (plan) => ALL.filter((example) => example.plan === plan)

test('each example type-checks', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(unpacked(), join(folder, 'node_modules/coldpress'))
  for (const name of ['@types/node', 'undici-types']) {
    symlinkSync(join(tools, 'web/node_modules', name), join(folder, 'node_modules', name))
  }
  cpSync(join(HERE, 'stubs.d.ts'), join(folder, 'stubs.d.ts'))
  const files = ALL.map(({ language, code }, at) => {
    writeFileSync(join(folder, `example-${at}.${language}`), `${code}\nexport {}\n`)
    return `example-${at}.${language}`
  })
  const compilerOptions = {
    noEmit: true, allowJs: true, checkJs: true, strict: true, noImplicitAny: false,
    useUnknownInCatchVariables: false, skipLibCheck: true, preserveSymlinks: true,
    target: 'es2024', module: 'nodenext', types: ['node'],
    lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable', 'esnext.disposable'],
  }
  const settings = { compilerOptions, files: [...files, 'stubs.d.ts'] }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const tsc = toolFile('typescript/lib/tsc.js')
  await run(process.execPath, [tsc, '-p', folder, '--pretty', 'false'])
})

for (const { name, language, code } of of('node')) {
  test(`in Node, twice: ${name}`, async (t) => {
    const script = language === 'ts' ? await withoutTypes(code) : code
    const folder = await newProject(t, { 'example.mjs': script, 'twice.mjs': TWICE })
    cpSync(join(root, 'examples/movies.ndjson'), join(folder, 'movies.ndjson'))
    const site = await startServer({ folders: { '/': folder } })
    t.after(() => site.close())
    const args = ['twice.mjs', `${site.origin}/movies.ndjson`]
    const said = await run(process.execPath, args, { cwd: folder })
    assert.equal(said, 'ran\nran\n')
    if (!code.includes('movies.parquet')) return
    const { decode } = await import(join(unpacked(), 'node.js'))
    assert.equal((await decode(readFileSync(join(folder, 'movies.parquet')))).length, 3201)
  })
}

/** The variables that an example in Node needs, new for each run. */
const TWICE = `
for (const round of [1, 2]) {
  globalThis.response = await fetch(process.argv[2])
  await import('./example.mjs?' + round)
  console.log('ran')
}
`

test('rows are read where they lie, by a URL and by grants, twice', async (t) => {
  const shore = await startShore(t)
  const { encode } = await import(join(unpacked(), 'node.js'))
  const target = { prefix: 'cold', tenant: 7, collection: 'readings', lsns: { min: 1 } }
  const readings = await encode(ROWS, target)
  await shore.bucket.put(readings.key, readings.bytes)
  const cold = temporaryFolder(t)
  const movies = await encode(readFileSync(join(root, 'examples/movies.ndjson')))
  mkdirSync(join(cold, '7/movies'), { recursive: true })
  writeFileSync(join(cold, '7/movies/lsn-1-3201.parquet'), movies.bytes)
  const site = await startServer({ folders: { '/': cold } })
  t.after(() => site.close())
  for (const { name, code } of of('scan')) {
    const here = code.replace('https://cold.example', site.origin).replace(GRANTS, shore.grantsUrl)
    const given = `globalThis.session = ${JSON.stringify({ token: shore.token })}\n`
    const runs = "for (const round of [1, 2]) await import('./example.mjs?' + round)\n"
    const folder = await newProject(t, { 'example.mjs': here, 'twice.mjs': `${given}${runs}` })
    const said = await run(process.execPath, ['twice.mjs'], { cwd: folder })
    const half = said.slice(0, said.length / 2)
    assert.equal(said, half + half, name)
    if (name.includes('Collection')) assert.match(half, /^1 21\.5\n2 22\n\{ all: 1,/)
    else assert.match(half, /^(.+\n){10}3201 \d+ \d+ \d+\n$/)
  }
})

test('the configuration of Vite builds, twice', async (t) => {
  const [{ code }] = of('vite')
  const app = "import { encode } from 'coldpress'\nconsole.log(await encode([{ a: 1 }]))\n"
  const page = '<!doctype html><script type="module" src="./app.js"></script>'
  const folder = await newProject(t, { 'vite.config.js': code, 'index.html': page, 'app.js': app })
  const { build } = await tool('vite')
  for (const round of [1, 2]) {
    await build({ root: folder, configFile: join(folder, 'vite.config.js'), logLevel: 'warn' })
    const built = readFileSync(join(folder, 'dist/index.html'), 'utf8')
    assert.ok(built.includes('/assets/'), `round ${round}`)
  }
})

test('the Worker answers two requests', async (t) => {
  const [{ code }] = of('worker')
  const folder = await newProject(t, { 'worker.js': code })
  const worker = await startWorker(t, join(folder, 'worker.js'), { r2Buckets: ['BUCKET'] })
  const keys = new Set()
  for (const round of [1, 2]) {
    const body = readFileSync(join(root, 'examples/movies.ndjson'))
    const response = await worker.dispatchFetch('http://worker/', { method: 'POST', body })
    assert.equal(response.status, 201, `round ${round}`)
    keys.add(await response.text())
  }
  assert.equal(keys.size, 2)
})

test('in a page, twice, into a real store: upload, outbox, init', async (t) => {
  const pages = temporaryFolder(t)
  const shore = await opened(t, pages)
  const { page, bucket, rows } = shore
  const faults = watchFaults(page)
  for (const [at, { name, code }] of of('page').entries()) {
    writeFileSync(join(pages, `example-${at}.js`), asServed(code, shore))
    const before = await bucket.list()
    for (const round of [1, 2]) {
      await page.evaluate(([path, given]) => {
        globalThis.give(given)
        return globalThis.run(path).then(() => undefined)
      }, [`/example-${at}.js`, given(shore, name)])
      if (name.includes('upload') || name.includes('retry')) {
        const keys = (await bucket.list()).filter((key) => !before.includes(key))
        assert.equal(keys.length, round, name)
        assert.deepEqual(await rows(keys.at(-1)), ROWS)
      }
    }
    if (!name.includes('outbox')) continue
    // Its rows wait for a minute, or for this event.
    const flushed = await page.evaluate(async ([grantsUrl, token, user]) => {
      const { openOutbox, grantsFrom } = await import('/coldpress/outbox.js')
      const grants = grantsFrom(grantsUrl, { token })
      const name = `readings of ${user}`
      const outbox = await openOutbox({ name, collection: 'readings', grants })
      await outbox.flush()
      const state = await outbox.state()
      return state.rows
    }, [shore.grantsUrl, shore.token, name])
    assert.equal(flushed, 0)
    const keys = (await bucket.list()).filter((key) => !before.includes(key))
    const stored = (await Promise.all(keys.map(rows))).flat()
    assert.deepEqual(stored.map(({ celsius }) => celsius), [21.5, 21.5])
  }
  assert.deepEqual(faults, [])
})

test('a service worker sends what waits, twice', async (t) => {
  const [{ code }] = of('sync')
  const [inPage, inWorker, ...more] = code.split(/^\/\/ sw\.js.*$/m)
  assert.deepEqual(more, [])
  const pages = temporaryFolder(t)
  const shore = await opened(t, pages, { permissions: ['background-sync'] })
  const { page, bucket, rows, grantsUrl, token } = shore
  writeFileSync(join(pages, 'stubs.js'), `
import { grantsFrom } from '/coldpress/outbox.js'
const grants = grantsFrom(${JSON.stringify(grantsUrl)}, { token: ${JSON.stringify(token)} })
globalThis.options = { name: 'readings', collection: 'readings', grants }
`)
  writeFileSync(join(pages, 'sw.js'), `import '/stubs.js'\n${asServed(inWorker, shore)}`)
  writeFileSync(join(pages, 'example.js'), asServed(inPage, shore))
  await page.evaluate(async () => {
    await import('/stubs.js')
    const { openOutbox } = await import('/coldpress/outbox.js')
    globalThis.outbox = await openOutbox(globalThis.options)
    await navigator.serviceWorker.register('/sw.js', { type: 'module' })
    await navigator.serviceWorker.ready
  })
  for (const round of [1, 2]) {
    await page.evaluate(([it]) => {
      globalThis.give({ row: it })
      return globalThis.run('/example.js').then(() => undefined)
    }, [{ round }])
    const isSent = async () => (await bucket.list()).length === round
    await until(isSent, `the worker has sent row ${round}`)
  }
  const stored = (await Promise.all((await bucket.list()).map(rows))).flat()
  assert.deepEqual(stored.map((row) => row.round).sort(), [1, 2])
})

/** A store, a grant server, and a page of the folder `pages`. */
async function opened(t, pages, { permissions = [] } = {}) {
  cpSync(join(HERE, 'page.html'), join(pages, 'index.html'))
  cpSync(join(HERE, 'page.js'), join(pages, 'page.js'))
  for (const name of ['coldpress.wasm', 'brotli.wasm']) {
    cpSync(join(unpacked(), 'glue', name), join(pages, name))
  }
  const [shore, browser] = await Promise.all([startShore(t, { pages }), launchChromium()])
  t.after(() => browser.close())
  const context = await browser.newContext()
  if (permissions.length > 0) await context.grantPermissions(permissions, { origin: shore.origin })
  const page = await context.newPage()
  await page.goto(`${shore.origin}/`)
  await page.waitForFunction('globalThis.ready')
  return { ...shore, page }
}

/** The variables that the examples in a page need. */
function given({ token }, name) {
  return { session: { token }, token, readings: ROWS, rows: ROWS, user: { id: name } }
}

/** An example as a bundler serves it, its imports by address; with this machine's grant server. */
function asServed(code, { grantsUrl }) {
  const addresses = { coldpress: '/coldpress/index.js', 'coldpress/outbox': '/coldpress/outbox.js' }
  return code
    .replace(/from '(coldpress[^']*)'/g, (_, name) => `from '${addresses[name]}'`)
    .replace(GRANTS, grantsUrl)
}

async function withoutTypes(code) {
  const { transform } = await tool('esbuild')
  return (await transform(code, { loader: 'ts', target: 'es2022' })).code
}
