// The helpers that the other tests use.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

import { launchChromium, openFirefox, watchFaults } from './lib/browsers.mjs'
import { coldpress, s3Environment } from './lib/command.mjs'
import { Bucket } from './lib/s3.mjs'
import { startSeaweed } from './lib/seaweed.mjs'
import { startServer, STRICT_CSP } from './lib/server.mjs'
import { temporaryFolder } from './lib/tools.mjs'

test('the server sends ranges, named headers and what routes answer', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'digits.txt'), '0123456789')
  const server = await startServer({
    folders: { '/': folder },
    headers: { 'x-test': 'yes' },
    routes: { 'POST /echo': (_, body) => ({ status: 201, headers: {}, body }) },
  })
  t.after(() => server.close())
  const at = async (path, options) => {
    const response = await fetch(server.origin + path, options)
    return [response.status, await response.text(), response.headers]
  }
  const range = (range) => at('/digits.txt', { headers: { range } })
  assert.deepEqual((await range('bytes=2-4')).slice(0, 2), [206, '234'])
  assert.deepEqual((await range('bytes=-3')).slice(0, 2), [206, '789'])
  assert.equal((await range('bytes=10-')).at(2).get('content-range'), 'bytes */10')
  const [status, text, headers] = await at('/digits.txt')
  assert.deepEqual([status, text, headers.get('x-test')], [200, '0123456789', 'yes'])
  assert.equal((await at('/%2e%2e%2fpasswd'))[0], 403)
  assert.deepEqual((await at('/echo', { method: 'POST', body: 'hello' })).slice(0, 2), [
    201,
    'hello',
  ])
})

test('a page of another origin reaches the S3 server only by a rule', async (t) => {
  const [server, browser] = await Promise.all([startSeaweed(), launchChromium()])
  t.after(() => Promise.all([server.stop(), browser.close()]))
  const bucket = new Bucket(server)
  await bucket.put('a folder/ä.txt', 'text')
  assert.deepEqual(await bucket.list('a folder/'), ['a folder/ä.txt'])
  assert.equal(new TextDecoder().decode(await bucket.get('a folder/ä.txt')), 'text')

  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>x</title>')
  const site = await startServer({ folders: { '/': folder } })
  t.after(() => site.close())
  const page = await browser.newPage()
  await page.goto(site.origin)
  // An unsigned request is refused; the CORS rule decides whether the page may read the refusal.
  const status = () =>
    page.evaluate(
      (url) => fetch(url).then((r) => r.status, () => 'blocked'),
      `${server.endpoint}/data/x`,
    )
  assert.equal(await status(), 'blocked')
  await bucket.allowOrigins({ origins: [site.origin] })
  assert.equal(await status(), 403)
  await bucket.forbidOrigins()
  assert.equal(await status(), 'blocked')
})

test('the native command reads what the bucket holds', async (t) => {
  const server = await startSeaweed()
  t.after(() => server.stop())
  const options = { env: s3Environment(server), input: '{"_id":"1","a":1}\n' }
  const store = ['--store', 's3://data', '--endpoint', server.endpoint, '--allow-http']
  await coldpress(['put', '--collection', 'things', ...store, '-'], options)
  const [key] = await new Bucket(server).list()
  assert.match(key, /^0\/things\/lsn-\d+-\d+\.parquet$/)
  assert.equal(await coldpress(['cat', key, ...store], options), '{"_id":"1","a":1}\n')
  await assert.rejects(coldpress(['cat', 'nowhere', ...store], options), /nowhere/)
})

test('the policy blocks eval but not WebAssembly, in Chromium and in Firefox', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><title>x</title><script type="module" src="page.js"></script>',
  )
  writeFileSync(
    join(folder, 'page.js'),
    `
    const attempt = async (what) => {
      try {
        await what()
        return 'allowed'
      } catch (error) {
        return error.name
      }
    }
    const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])
    const wasm = await attempt(() => WebAssembly.compile(empty))
    const text = await attempt(() => eval('1'))
    const body = JSON.stringify({ wasm, text, agent: navigator.userAgent })
    await fetch('/result', { method: 'POST', body })`,
  )
  let arrived
  const site = await startServer({
    folders: { '/': folder },
    headers: { 'content-security-policy': STRICT_CSP },
    routes: { 'POST /result': (_, body) => arrived(JSON.parse(body)) },
  })
  t.after(() => site.close())
  const result = () => new Promise((resolve) => { arrived = resolve })

  const browser = await launchChromium()
  t.after(() => browser.close())
  const page = await browser.newPage()
  const faults = watchFaults(page)
  let found = result()
  await page.goto(site.origin)
  const chromium = await found
  assert.deepEqual([chromium.wasm, chromium.text], ['allowed', 'EvalError'])
  await page.evaluate(() => fetch('https://elsewhere.invalid').catch(() => {}))
  assert.ok(faults.some((fault) => fault.includes('connect-src')), `${faults}`)

  found = result()
  const firefox = openFirefox(site.origin)
  t.after(() => firefox.stop())
  const answer = await Promise.race([found, firefox.failed])
  assert.deepEqual([answer.wasm, answer.text], ['allowed', 'EvalError'])
  assert.match(answer.agent, /Firefox/)
})
