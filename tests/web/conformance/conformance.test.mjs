// The same suite, on the packed tarball, in every host: identical bytes in every codec. The native
// side of it is tests/tests/golden.rs and keys.rs, which hold the same sha256 and keys.
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'

import { launchChromium, openFirefox, watchFaults } from '../lib/browsers.mjs'
import { run } from '../lib/command.mjs'
import { bunProgram, denoProgram, newProject } from '../lib/project.mjs'
import { startServer, STRICT_CSP } from '../lib/server.mjs'
import { root, temporaryFolder, unpacked } from '../lib/tools.mjs'
import { startWorker } from '../lib/workerd.mjs'
import { CHECKS } from './suite.mjs'

const here = dirname(fileURLToPath(import.meta.url))

function agrees({ passed, failed }) {
  assert.deepEqual(failed, [])
  assert.equal(passed.length, CHECKS)
}

/** A project that has the package installed, and the suite. */
async function project(t) {
  const folder = await newProject(t)
  for (const name of ['suite.mjs', 'node.mjs', 'worker.mjs']) {
    cpSync(join(here, name), join(folder, name))
  }
  return folder
}

test('Node', async (t) => {
  const folder = await project(t)
  agrees(JSON.parse(await run(process.execPath, ['node.mjs', root], { cwd: folder })))
})

test('Deno', async (t) => {
  const folder = await project(t)
  const args = [
    'run',
    '--no-remote',
    '--node-modules-dir=manual',
    `--allow-read=${folder},${root}`,
    'node.mjs',
    root,
  ]
  agrees(JSON.parse(await run(denoProgram(), args, { cwd: folder })))
})

test('Bun', async (t) => {
  const folder = await project(t)
  agrees(JSON.parse(await run(bunProgram(), ['node.mjs', root], { cwd: folder })))
})

test('Chromium', async (t) => {
  const { site, result } = await startSite(t)
  const browser = await launchChromium()
  t.after(() => browser.close())
  const page = await browser.newPage()
  const faults = watchFaults(page)
  await page.goto(`${site.origin}/page.html`)
  agrees(await result)
  assert.deepEqual(faults, [])
})

test('Firefox', async (t) => {
  const { site, result } = await startSite(t)
  const firefox = openFirefox(`${site.origin}/page.html`)
  t.after(() => firefox.stop())
  const found = await Promise.race([result, firefox.failed])
  agrees(found)
  assert.match(found.agent, /Firefox/)
})

test('workerd', async (t) => {
  const folder = await project(t)
  const site = await startServer({ folders: { '/tree/': root } })
  t.after(() => site.close())
  const worker = await startWorker(t, join(folder, 'worker.mjs'))
  const response = await worker.dispatchFetch(
    `http://worker/?tree=${encodeURIComponent(`${site.origin}/tree`)}`,
  )
  agrees(await response.json())
})

/**
 * The package and the suite as a site under the strictest policy; `result` is what the page posts.
 */
async function startSite(t) {
  const folder = temporaryFolder(t)
  for (const name of ['suite.mjs', 'page.mjs', 'page.html']) {
    cpSync(join(here, name), join(folder, name))
  }
  let arrived
  const result = new Promise((resolve) => { arrived = resolve })
  const site = await startServer({
    folders: { '/': folder, '/coldpress/': unpacked(), '/tree/': root },
    headers: { 'content-security-policy': STRICT_CSP },
    routes: { 'POST /result': (_, body) => arrived(JSON.parse(body)) },
  })
  t.after(() => site.close())
  return { site, result }
}
