// The playground in Chromium: what a visitor does, under a policy stricter than the page's own.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

import { HANG_MS } from './lib/patience.mjs'
import { root, temporaryFolder, www } from './lib/tools.mjs'
import {
  BAD_ROWS, comparisonDone, graveFaults, pressSample, servePage, startPlayground, VIEWS,
} from './playground/visit.mjs'

const SMALL = { width: 320, height: 640 }
const DEV_CONFIG = { grants: '/v1/grants', token: 'dev-token', s3: 'http://127.0.0.1:1/data' }

const { visit } = await startPlayground(test)

test('the sample is pressed, read back and compared, under a strict policy', async (t) => {
  const { page, faults } = await visit(t)
  await pressSample(page)
  assert.match(await page.getByTestId('check').innerText(), /All 3,201 rows read back/)
  assert.match(await page.getByTestId('summary').innerText(), /1\.3 MB[\s\S]*1[12]\d kB/)

  const columns = page.getByTestId('columns-table').locator('tbody tr')
  assert.equal(await columns.count(), 18)
  const title = await page.locator('[data-column="Title"]').innerText()
  assert.match(title, /string/)
  assert.match(title, /\b9\b/, 'nine rescued titles')
  assert.match(
    await page.locator('[data-column="IMDB Rating"]').innerText(),
    /float64[\s\S]*1\.4 … 9\.2/,
  )
  assert.match(await page.getByTestId('rescued').innerText(), /9 values[\s\S]*row 21\s+1776/)

  assert.equal(await page.getByTestId('rows-table').locator('tbody tr').count(), 20)
  await page.getByTestId('rows-more').click()
  await page.waitForFunction(() =>
    document.querySelectorAll('[data-testid="rows-table"] tbody tr').length === 40
  )
  assert.deepEqual(faults, [])
})

test('sizes by codec and column stand in a chart and in a table', async (t) => {
  const { page } = await visit(t)
  await pressSample(page)
  await comparisonDone(page)
  const spoken = await page.getByTestId('chart-codecs').locator('svg').getAttribute('aria-label')
  for (const name of ['JSON', 'gzip’d JSON', 'none', 'snappy', 'lz4', 'gzip', 'zstd', 'brotli']) {
    assert.match(spoken, new RegExp(`${name}[^;]* (kB|MB)`), name)
  }
  await page.getByTestId('sizes-table-toggle').click()
  const table = page.getByTestId('sizes-table')
  assert.deepEqual(await table.locator('thead th').allInnerTexts(), [
    'Column',
    'none',
    'snappy',
    'lz4',
    'gzip',
    'zstd',
    'brotli',
  ])
  assert.equal(await table.locator('tbody tr').count(), 18)
  assert.match(await table.locator('tfoot tr').first().innerText(), /Whole file.*1[12]\d kB/s)
})

test('the download is the file that the native encoder makes', async (t) => {
  const { page } = await visit(t)
  await page.getByTestId('settings').locator('summary').click()
  // As tests/tests/golden.rs has them.
  await page.getByTestId('set-collection').fill('law')
  await page.getByTestId('set-tenant').fill('7')
  await pressSample(page)
  const waiting = page.waitForEvent('download')
  await page.getByTestId('download').click()
  const download = await waiting
  assert.equal(download.suggestedFilename(), 'law-lsn-0-3200.parquet')
  const found = createHash('sha256').update(readFileSync(await download.path())).digest('hex')
  const golden = readFileSync(join(root, 'tests/golden/sha256.txt'), 'utf8')
  assert.equal(found, /^(\w+) {2}movies\.zstd$/m.exec(golden)[1])
  assert.equal(await page.getByTestId('file-sha256').innerText(), found)
  assert.equal(await page.getByTestId('file-key').innerText(), '7/law/lsn-0-3200.parquet')
})

test('an error names the line, shows it, and leads to it', async (t) => {
  const { page } = await visit(t)
  await page.getByTestId('rows-text').fill(BAD_ROWS)
  await page.getByTestId('rows-text').press('Control+Enter')
  await page.getByTestId('error').waitFor()
  assert.equal(await page.getByTestId('error').getAttribute('data-code'), 'Row')
  assert.match(
    await page.getByTestId('error-message').innerText(),
    /line 3, row 2: not JSON at character 25/,
  )
  assert.equal(
    await page.getByTestId('error-line').locator('[aria-current] code').innerText(),
    '{"city":"Bergen","temp":none}',
  )
  assert.equal(await page.getByTestId('error-line').locator('mark').innerText(), 'n')
  assert.match(await page.getByTestId('announce').innerText(), /Nothing was made/)
  assert.equal(await page.getByTestId('download').count(), 0)
  await page.getByTestId('go-to-line').click()
  const selected = await page.evaluate(() => {
    const text = document.activeElement
    return text.value.slice(text.selectionStart, text.selectionEnd)
  })
  assert.equal(selected, '{"city":"Bergen","temp":none}')

  await page.getByTestId('rows-text').fill(BAD_ROWS.replace('none', '3'))
  await page.getByTestId('press').click()
  await page.locator('[data-check="good"]').waitFor()
})

test('wrong settings are errors that say what to correct', async (t) => {
  const { page } = await visit(t)
  await page.getByTestId('rows-text').fill('{"a":1}')
  await page.getByTestId('settings').locator('summary').click()
  await page.getByTestId('set-schema').fill('{"columns":')
  await page.getByTestId('press').click()
  assert.match(await page.getByTestId('error-message').innerText(), /The schema is not JSON/)
  await page.getByTestId('set-schema').fill('{"columns":[{"name":"a","type":"text"}]}')
  await page.getByTestId('press').click()
  await page.getByTestId('error-message').getByText('"text"').waitFor()
  await page.getByTestId('set-schema').fill('{"columns":[{"name":"a","type":"string"}]}')
  await page.getByTestId('set-policy').selectOption('strict')
  await page.getByTestId('press').click()
  await page.locator('[data-testid="error"][data-code="Row"]').waitFor()
  await page.getByTestId('set-policy').selectOption('rescue')
  await page.getByTestId('press').click()
  await page.locator('[data-check="good"]').waitFor()
  assert.match(await page.getByTestId('rescued').innerText(), /1 value/)
})

test('numbers that JavaScript would round come back as they were', async (t) => {
  const { page } = await visit(t)
  const file = join(root, 'tests/golden/numbers.ndjson')
  await page.getByTestId('file').setInputFiles(file)
  await page.locator('[data-check="good"]').waitFor()
  await page.getByTestId('file').setInputFiles({
    name: 'array.json',
    mimeType: 'application/json',
    buffer: Buffer.from('[{"n":9007199254740993},\n {"n":18446744073709551616}]'),
  })
  await page.getByTestId('check').getByText('All 2 rows').waitFor()
  assert.match(await page.getByTestId('rows-table').innerText(), /9007199254740993/)
})

test('generated rows stream through the worker while the page stays responsive', async (t) => {
  const { page, faults } = await visit(t)
  await page.getByTestId('generate-rows').selectOption('200000')
  await page.evaluate(() => {
    const times = (window.frameTimes = [])
    const frame = () => {
      times.push(performance.now())
      requestAnimationFrame(frame)
    }
    document.querySelector('[data-testid="generate"]').addEventListener('click', frame, {
      once: true,
    })
  })
  await page.getByTestId('generate').click()
  await page.locator('[data-check="good"]').waitFor({ timeout: HANG_MS })
  assert.match(await page.getByTestId('check').innerText(), /All 200,000 rows/)
  // This holds on any machine: if the page itself did the work, it would draw nothing for most of
  // the time.
  const times = await page.evaluate(() => window.frameTimes)
  const whole = times.at(-1) - times[0]
  const longest = Math.max(...times.slice(1).map((time, at) => time - times[at]))
  assert.ok(times.length > 10, `${times.length} frames in ${Math.round(whole)} ms`)
  assert.ok(
    longest < whole / 3,
    `the page stood still for ${Math.round(longest)} of ${Math.round(whole)} ms`,
  )
  assert.deepEqual(faults, [])
})

test('a development server fills the form in, and missing fields have a message', async (t) => {
  const { page } = await visit(t, { dev: DEV_CONFIG })
  await pressSample(page)
  await page.getByTestId('dev-note').getByText(DEV_CONFIG.s3).waitFor()
  assert.match(await page.getByTestId('grant-server').inputValue(), /^http:\/\/127\.0\.0\.1:\d+\/$/)
  assert.equal(await page.getByTestId('grant-token').inputValue(), 'dev-token')
  await page.getByTestId('grant-token').fill('')
  await page.getByTestId('upload').click()
  assert.match(await page.getByTestId('grant-token-problem').innerText(), /Give the token/)
  await page.getByTestId('grant-paste').locator('summary').click()
  await page.getByTestId('grant-json').fill('{"version":')
  await page.getByTestId('upload').click()
  assert.match(await page.getByTestId('grant-json-problem').innerText(), /The grant is not JSON/)
})

test('works offline after the first visit, and a new version replaces the old one', async (t) => {
  const folder = temporaryFolder(t)
  cpSync(www(), folder, { recursive: true })
  // A secure context like localhost, but no development server.
  const { page, context, site } = await visit(t, { folder, host: 'playground.localhost' })
  await page.getByTestId('offline-state').getByText('Works offline').waitFor()
  await site.close()
  await context.setOffline(true)
  await page.reload()
  await page.getByTestId('settings').locator('summary').click()
  // The encoder with brotli, which is loaded on demand, must be there too.
  await page.getByTestId('set-codec').selectOption('brotli')
  await pressSample(page)
  await context.setOffline(false)

  const again = await servePage(folder, { port: site.port, host: 'playground.localhost' })
  t.after(() => again.close())
  const precache = join(folder, 'precache.js')
  writeFileSync(
    precache,
    readFileSync(precache, 'utf8').replace(/"version": "\w+"/, '"version": "next"'),
  )
  writeFileSync(join(folder, 'manifest.webmanifest'), '{"name":"The next one"}')
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update())
  await page.evaluate(async () => {
    while ((await caches.keys()).join() !== 'coldpress-next') {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })
  const shown = await page.evaluate(async () =>
    (await (await fetch('./manifest.webmanifest')).json()).name
  )
  assert.equal(shown, 'The next one')
})

test('files of a development server are always new, and cached for when it is gone', async (t) => {
  const folder = temporaryFolder(t)
  cpSync(www(), folder, { recursive: true })
  const { page, site } = await visit(t, { folder })
  await page.getByTestId('offline-state').getByText('Works offline').waitFor()
  await page.waitForFunction(() => navigator.serviceWorker.controller)
  writeFileSync(join(folder, 'manifest.webmanifest'), '{"name":"Changed"}')
  const name = () =>
    page.evaluate(async () => (await (await fetch('./manifest.webmanifest')).json()).name)
  assert.equal(await name(), 'Changed')
  await site.close()
  assert.equal(await name(), 'Coldpress')
})

test('the toggle of colours holds, and the page follows the system without it', async (t) => {
  const { page } = await visit(t, { colorScheme: 'dark' })
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const dark = await paper()
  await page.getByTestId('theme').getByLabel('Light').check()
  const light = await paper()
  assert.notEqual(light, dark)
  await page.reload()
  assert.equal(await paper(), light)
  await page.getByTestId('theme').getByLabel('Auto').check()
  assert.equal(await paper(), dark)
})

const STATES = {
  idle: async () => {},
  'nothing pressed': async (page) => {
    await page.getByTestId('press').click()
    await page.getByTestId('rows-text-problem').waitFor()
  },
  settings: (page) => page.getByTestId('settings').locator('summary').click(),
  error: async (page) => {
    await page.getByTestId('rows-text').fill(BAD_ROWS)
    await page.getByTestId('press').click()
    await page.getByTestId('error').waitFor()
  },
  results: async (page) => {
    await pressSample(page)
    await comparisonDone(page)
    await page.getByTestId('sizes-table-toggle').click()
    await page.getByTestId('grant-paste').locator('summary').click()
    await page.getByTestId('upload').click()
    await page.getByTestId('grant-server-problem').waitFor()
  },
}
for (const [state, reach] of Object.entries(STATES)) {
  test(`axe finds no serious fault, and nothing scrolls sideways: ${state}`, async (t) => {
    for (const [view, viewport] of Object.entries({ ...VIEWS, small: SMALL })) {
      for (const colorScheme of ['light', 'dark']) {
        const { page, context } = await visit(t, { viewport, colorScheme, reducedMotion: 'reduce' })
        await reach(page)
        assert.deepEqual(await graveFaults(page, context), [], `${state}, ${view}, ${colorScheme}`)
        const twice = await page.evaluate(() => [...document.querySelectorAll('[id]')]
          .map(({ id }) => id).filter((id, at, all) => all.indexOf(id) !== at))
        assert.deepEqual(twice, [], 'ids that two elements have')
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
        assert.ok(over <= 0, `${state}, ${view}: ${over} px too wide`)
        await context.close()
      }
    }
  })
}
