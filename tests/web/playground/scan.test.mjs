// The playground's tab that reads: a URL and a file, few bytes, and what is wrong in words.
import assert from 'node:assert/strict'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

import { temporaryFolder, www } from '../lib/tools.mjs'
import { filmsFile } from '../scan/shelf.mjs'
import { file, graveFaults, pressSample, startPlayground, VIEWS } from './visit.mjs'

const { films, bytes } = await filmsFile(60_000, { rowGroupRowsMax: 12_000 })
const { visit } = await startPlayground(test)

/** The page with the file beside it, and the tab that reads. */
async function visited(t, options = {}) {
  const folder = temporaryFolder(t)
  cpSync(www(), folder, { recursive: true })
  writeFileSync(join(folder, 'films.parquet'), bytes)
  writeFileSync(join(folder, 'text.parquet'), 'a,b\n1,2\n')
  const found = await visit(t, { folder, ...options })
  await found.page.getByTestId('tab-read').click()
  return found
}

async function openUrl(page, url) {
  await page.getByTestId('scan-url').fill(url)
  await page.getByTestId('scan-url').press('Enter')
}

async function read(page, { where = '', columns = '', limit = 20 }) {
  await page.getByTestId('scan-where').fill(where)
  await page.getByTestId('scan-columns').fill(columns)
  await page.getByTestId('scan-limit').fill(String(limit))
  await page.getByTestId('scan-read').click()
}

test('a URL is opened, and rows of a filter move few bytes', async (t) => {
  const { page, site, faults } = await visited(t)
  await openUrl(page, 'films.parquet')
  await page.getByTestId('scan-query').waitFor()
  assert.match(await page.getByTestId('scan-summary').innerText(), /films\.parquet[\s\S]*60,000/)
  await read(page, { where: 'n >= 30000 and n < 30003', columns: 'n, title' })
  const rows = page.getByTestId('scan-rows-table').locator('tbody tr')
  await rows.nth(2).waitFor()
  assert.equal(await rows.count(), 3)
  assert.ok((await rows.first().innerText()).includes(films[30000].title))
  assert.match(await page.getByTestId('scan-status').innerText(), /^3 rows: .* 1 of 5 row groups read\.$/)
  const moved = await page.getByTestId('scan-moved').innerText()
  assert.match(moved, /kB of 1\.7 MB \(\d[\d.]* %\)/)
  // What has been fetched is drawn over what has not.
  assert.ok(await page.locator('.strips rect.fetched').count() >= 2)
  assert.ok(await page.locator('.strips rect.whole').count() === 5 * 5 + 1)
  const asked = site.requests.filter((line) => line.includes('films.parquet'))
  assert.ok(asked.length <= 4 && asked.every((line) => line.startsWith('GET')), asked.join())
  assert.deepEqual(faults, [])
})

test('a file is opened by choice and by drop, and a later one takes its place', async (t) => {
  const { page, faults } = await visited(t)
  await page.getByTestId('scan-file').setInputFiles(file('mine.parquet', bytes))
  await page.getByTestId('scan-query').waitFor()
  assert.match(await page.getByTestId('scan-summary').innerText(), /mine\.parquet/)
  const data = await page.evaluateHandle((all) => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([Uint8Array.from(all)], 'dropped.parquet'))
    return transfer
  }, [...bytes])
  await page.dispatchEvent('body', 'drop', { dataTransfer: data })
  await page.getByText('dropped.parquet').first().waitFor()
  await page.getByTestId('scan-query').waitFor()
  assert.deepEqual(faults, [])
})

test('what was pressed can be read', async (t) => {
  const { page } = await visited(t)
  await page.getByTestId('tab-press').click()
  await pressSample(page)
  await page.getByTestId('tab-read').click()
  await page.getByTestId('scan-pressed').click()
  await page.getByTestId('scan-query').waitFor()
  await read(page, { where: '"Major Genre" = "Western"', limit: 5 })
  await page.getByTestId('scan-rows-table').waitFor()
  assert.match(await page.getByTestId('scan-status').innerText(), /^5 rows/)
})

test('what is wrong is said beside it', async (t) => {
  const { page } = await visited(t)
  await page.getByTestId('scan-go').click()
  await page.getByTestId('scan-url-problem').filter({ hasText: 'no URL yet' }).waitFor()
  await openUrl(page, 'text.parquet')
  await page.locator('[data-testid="scan-error"][data-code="Corrupt"]').waitFor()
  await openUrl(page, 'nothing.parquet')
  await page.locator('[data-testid="scan-error"][data-code="NotFound"]').waitFor()
  await openUrl(page, 'films.parquet')
  await page.getByTestId('scan-query').waitFor()
  await read(page, { where: 'n >=' })
  await page.getByTestId('scan-where-problem').filter({ hasText: 'at its end' }).waitFor()
  assert.equal(await page.evaluate(() => document.activeElement.id), 'scan-where')
  await read(page, { columns: 'a b' })
  await page.getByTestId('scan-columns-problem').filter({ hasText: 'path of a column' }).waitFor()
  await read(page, { limit: 0 })
  await page.getByTestId('scan-limit-problem').filter({ hasText: '1,000' }).waitFor()
  await read(page, { where: 'n < 0' })
  await page.getByText('No row is so.').waitFor()
})

test('the tabs are for keys too, and the address keeps the one that is shown', async (t) => {
  const { page, site, context } = await visited(t)
  await page.getByTestId('tab-read').focus()
  await page.keyboard.press('ArrowLeft')
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'tab-press')
  assert.ok(await page.getByTestId('sample').isVisible())
  await page.keyboard.press('ArrowRight')
  assert.ok(await page.getByTestId('scan-go').isVisible())
  const again = await context.newPage()
  await again.goto(`${site.origin}/#read`)
  assert.ok(await again.getByTestId('scan-go').isVisible())
  assert.equal(await again.getByTestId('tab-read').getAttribute('aria-selected'), 'true')
})

for (const [name, viewport] of Object.entries({ ...VIEWS, small: { width: 320, height: 640 } })) {
  for (const colorScheme of ['light', 'dark']) {
    test(`no grave fault of access, and nothing beyond the edge: ${name}, ${colorScheme}`, async (t) => {
      const { page, context } = await visited(t, { viewport, colorScheme })
      assert.deepEqual(await graveFaults(page, context), [])
      await openUrl(page, 'films.parquet')
      await page.getByTestId('scan-query').waitFor()
      await read(page, { where: 'n > 5', limit: 3 })
      await page.getByTestId('scan-rows-table').waitFor()
      assert.deepEqual(await graveFaults(page, context), [])
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(wide <= 0, `${wide} px beyond the edge`)
    })
  }
}
