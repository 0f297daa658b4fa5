// The package in pages and their workers, with no bundler and with each: the README's recipes,
// under a strict policy.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import test from 'node:test'

import { launchChromium, watchFaults } from '../lib/browsers.mjs'
import { run } from '../lib/command.mjs'
import { HANG_MS } from '../lib/patience.mjs'
import { newProject } from '../lib/project.mjs'
import { importOf, recipe } from '../lib/recipes.mjs'
import { startServer, STRICT_CSP } from '../lib/server.mjs'
import { temporaryFolder, tool, tools, unpacked } from '../lib/tools.mjs'
import { assertGolden, PAGE, POST } from './work.mjs'

const WITHOUT = 'Browser, no bundler'

test('a page with no bundler', async (t) => {
  const [block] = recipe(WITHOUT).blocks
  // What stands between the tags is in a file here, as the policy forbids scripts in the page.
  const script = /<script type="module">([\s\S]*)<\/script>/.exec(block)[1]
  assertGolden(
    await visit(t, { 'index.html': PAGE, 'app.js': script + POST }, { '/coldpress/': unpacked() }),
  )
})

test('the encoder alone, from coldpress/encode', async (t) => {
  const script = importOf(WITHOUT).replace('/index.js', '/encode.js')
  const requests = []
  assertGolden(
    await visit(
      t,
      { 'index.html': PAGE, 'app.js': script + POST },
      { '/coldpress/': unpacked() },
      requests,
    ),
  )
  assert.ok(requests.includes('GET /coldpress/glue/encode.wasm'))
  assert.ok(
    !requests.includes('GET /coldpress/glue/coldpress.wasm'),
    'the full module is not fetched',
  )
})

test('a module worker', async (t) => {
  const app = "new Worker('/worker.js', { type: 'module' })\n"
  const files = { 'index.html': PAGE, 'app.js': app, 'worker.js': importOf(WITHOUT) + POST }
  assertGolden(await visit(t, files, { '/coldpress/': unpacked() }))
})

test('a service worker', async (t) => {
  const app = "await navigator.serviceWorker.register('/sw.js', { type: 'module' })\n" +
    "const { active } = await navigator.serviceWorker.ready\nactive.postMessage('work')\n"
  const worker = `${
    importOf(WITHOUT)
  }\naddEventListener('message', (event) => event.waitUntil((async () => {${POST}\nawait work })()))\n`
  assertGolden(
    await visit(t, { 'index.html': PAGE, 'app.js': app, 'sw.js': worker }, {
      '/coldpress/': unpacked(),
    }),
  )
})

test('Vite, built', async (t) => {
  const { vite, folder } = await viteProject(t)
  await vite.build({ root: folder, configFile: join(folder, 'vite.config.js'), logLevel: 'warn' })
  assertGolden(await visitFolder(t, join(folder, 'dist')))
})

test('Vite, its development server', async (t) => {
  const { vite, folder } = await viteProject(t)
  const arrival = arrives()
  const posts = await startServer({ routes: { 'POST /result': (_, body) => arrival.take(body) } })
  t.after(() => posts.close())
  const server = await vite.createServer({
    root: folder,
    configFile: join(folder, 'vite.config.js'),
    logLevel: 'warn',
    cacheDir: join(folder, 'cache'),
    server: {
      host: '127.0.0.1',
      port: 0,
      headers: { 'content-security-policy': STRICT_CSP },
      proxy: { '/result': posts.origin },
    },
  })
  t.after(() => server.close())
  await server.listen()
  assertGolden(await open(t, server.resolvedUrls.local[0], arrival))
})

test('webpack', async (t) => {
  const folder = await newProject(t, { 'app.js': importOf('webpack') + POST })
  const { default: webpack } = await tool('webpack')
  const stats = await new Promise((resolve, reject) => {
    const settings = {
      mode: 'production',
      context: folder,
      entry: './app.js',
      output: { path: join(folder, 'dist'), filename: 'app.js' },
    }
    webpack(settings, (error, found) => (error ? reject(error) : resolve(found)))
  })
  assert.deepEqual(stats.toJson({ all: false, errors: true }).errors, [])
  writeFileSync(join(folder, 'dist/index.html'), PAGE)
  assertGolden(await visitFolder(t, join(folder, 'dist')))
})

test('esbuild', async (t) => {
  const { blocks: [command, code] } = recipe('esbuild')
  const folder = await newProject(t, {
    'app.js': `${code}\nawait init('/coldpress.wasm', { brotli: '/brotli.wasm' })\n${POST}`,
  })
  const path = [join(tools, 'web/node_modules/.bin'), process.env.PATH].join(delimiter)
  await run('sh', ['-ec', command], { cwd: folder, env: { PATH: path } })
  writeFileSync(join(folder, 'dist/index.html'), PAGE)
  assertGolden(await visitFolder(t, join(folder, 'dist')))
})

async function viteProject(t) {
  const { blocks: [config] } = recipe('Vite')
  const files = { 'vite.config.js': config, 'index.html': PAGE, 'app.js': importOf('Vite') + POST }
  const folder = await newProject(t, files)
  return { vite: await tool('vite'), folder }
}

/** Serves files and folders under the strictest policy, opens the page, and gives what it posts. */
async function visit(t, files, folders = {}, requests = []) {
  const folder = temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return visitFolder(t, folder, folders, requests)
}

async function visitFolder(t, folder, folders = {}, requests = []) {
  const arrival = arrives()
  const site = await startServer({
    folders: { '/': folder, ...folders },
    headers: { 'content-security-policy': STRICT_CSP },
    routes: { 'POST /result': (_, body) => arrival.take(body) },
  })
  t.after(() => site.close())
  const found = await open(t, site.origin, arrival)
  requests.push(...site.requests)
  return found
}

function arrives() {
  let take
  const result = new Promise((resolve) => { take = (body) => resolve(JSON.parse(body)) })
  return { take, result }
}

async function open(t, url, { result }) {
  const browser = await launchChromium()
  t.after(() => browser.close())
  const page = await browser.newPage()
  const faults = watchFaults(page)
  await page.goto(url)
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`the page told nothing; ${faults.join('; ')}`)), HANG_MS)
      .unref()
  })
  const found = await Promise.race([result, late])
  assert.deepEqual(faults, [])
  assert.equal(found.error, undefined)
  return found
}
