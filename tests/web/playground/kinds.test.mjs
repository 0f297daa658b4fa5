// Everything that people give to the page: it is accepted, or the page says what it is.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { gzipSync } from 'node:zlib'

import { cat } from '../lib/command.mjs'
import { root, temporaryFolder } from '../lib/tools.mjs'
import { file, graveFaults, inSight, pressSample, startPlayground, VIEWS } from './visit.mjs'

const playground = await startPlayground(test)
const UTF16 = Buffer.from('\ufeff{"a":1}', 'utf16le')
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13])

const CUT = gzipSync('{"a":1}\n'.repeat(1000)).subarray(0, 30)

const TAKEN = {
  'rows.ndjson': '{"a":1}\n{"a":2}\n',
  'array.json': '[{"a":1},\n {"a":2}]',
  'bom.json': '\ufeff[{"a":1},{"a":2}]',
  'rows.ndjson.gz': gzipSync('{"a":1}\n{"a":2}\n'),
  'named-wrong.csv': '{"a":1}\n{"a":2}\n',
  'rows without an ending': gzipSync('[{"a":1},{"a":2}]'),
}
const REFUSED = [
  ['empty.ndjson', '', 'Empty', /“empty\.ndjson” is empty/],
  ['blank.ndjson', ' \n\n', 'Empty', /There are no rows in “blank\.ndjson”/],
  ['none.json', '[]', 'Empty', /There are no rows/],
  ['cities.csv', 'city,temp\nOslo,-4\n', 'Format', /a table with commas.*DuckDB/],
  ['cities.tsv', 'city\ttemp\nOslo\t-4\n', 'Format', /a table with tabs/],
  ['picture.png', PNG, 'Format', /is a binary file/],
  ['rows.zip', 'PK\x03\x04....', 'Format', /is a ZIP archive\. Unpack it/],
  ['rows.ndjson.zst', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1]), 'Format', /packed with zstd/],
  ['twice.gz', gzipSync(gzipSync('{"a":1}')), 'Format', /packed with gzip twice/],
  ['utf16.json', UTF16, 'Format', /UTF-16\. Save it as UTF-8/],
  ['cut.ndjson.gz', CUT, 'File', /damaged or cut off/],
  ['words.txt', 'hello', 'Row', /not JSON at character 1/],
  ['numbers.json', '[1,2]', 'Row', /a row must be a JSON object/],
  ['cut.parquet', 'PAR1 and nothing more', 'Corrupt', /damaged/],
]

for (const [name, content] of Object.entries(TAKEN)) {
  test(`taken: ${name}`, async (t) => {
    const { page, faults } = await playground.visit(t, { viewport: VIEWS.desktop })
    await page.getByTestId('file').setInputFiles(file(name, content))
    await page.locator('[data-check="good"]').waitFor()
    assert.match(await page.getByTestId('check').innerText(), /All 2 rows/)
    assert.deepEqual(faults, [])
  })
}

test('a wrong file is refused, and the page says what it is', async (t) => {
  const { page, faults } = await playground.visit(t, { viewport: VIEWS.phone })
  for (const [name, content, code, words] of REFUSED) {
    await page.getByTestId('file').setInputFiles(file(name, content))
    await page.locator(`[data-testid="error"][data-code="${code}"]`).waitFor()
    const said = page.getByTestId('error-message').filter({ hasText: words })
    await said.waitFor()
    await inSight(page, 'error-message')
  }
  assert.deepEqual(faults, [])
})

test('pasted text is checked like files', async (t) => {
  const { page } = await playground.visit(t, { viewport: VIEWS.desktop })
  await page.getByTestId('rows-text').fill('city,temp\nOslo,-4\n')
  await page.getByTestId('press').click()
  await page.locator('[data-testid="error"][data-code="Format"]').waitFor()
})

test('a Parquet file is opened: its rows, its columns, and its rows as NDJSON', async (t) => {
  const { page, context, faults } = await playground.visit(t, { viewport: VIEWS.desktop })
  const path = join(root, 'tests/golden/files/version-1.0.0.parquet')
  await page.getByTestId('file').setInputFiles(path)
  await page.locator('[data-check="good"]').waitFor()
  const rows = await cat([path])
  const named = rows.length.toLocaleString('en')
  const headline = new RegExp(`5\\.3 kB[\\s\\S]*${named}`)
  assert.match(await page.getByTestId('headline').innerText(), headline)
  await inSight(page, 'headline')
  assert.match(await page.getByTestId('rows-status').innerText(), new RegExp(` of ${named} row`))
  assert.match(await page.getByTestId('file-facts').innerText(), /coldpress version 1\.0\.0/)
  const shown = await page.getByTestId('columns-table').locator('tbody tr').count()
  assert.ok(shown > 3, `${shown} columns`)
  for (const name of ['sizes', 'rescued', 'upload-section', 'download']) {
    assert.equal(await page.getByTestId(name).count(), 0, `${name} is of what was pressed`)
  }
  const waiting = page.waitForEvent('download')
  await page.getByTestId('download-rows').click()
  const download = await waiting
  assert.equal(download.suggestedFilename(), 'version-1.0.0.ndjson')
  const lines = readFileSync(await download.path(), 'utf8').trimEnd().split('\n')
  assert.deepEqual(lines.map((line) => JSON.parse(line)), rows)
  assert.deepEqual(await graveFaults(page, context), [])
  assert.deepEqual(faults, [])
})

test('a file of the page can be opened in it again', async (t) => {
  const { page } = await playground.visit(t, { viewport: VIEWS.phone })
  await pressSample(page)
  const waiting = page.waitForEvent('download')
  await page.getByTestId('download').click()
  const path = await (await waiting).path()
  await page.getByTestId('file').setInputFiles({
    name: 'movies.parquet', mimeType: '', buffer: readFileSync(path),
  })
  await page.getByTestId('check').getByText('All 3,201 rows could be read').waitFor()
  await inSight(page, 'headline')
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  assert.ok(over <= 0, `${over} px too wide`)
})

test('a Parquet file of another writer is refused with a message', async (t) => {
  const { page } = await playground.visit(t, { viewport: VIEWS.desktop })
  await page.getByTestId('file').setInputFiles(join(root, 'tests/web/playground/foreign.parquet'))
  await page.locator('[data-testid="error"][data-code="Corrupt"]').waitFor()
  assert.match(await page.getByTestId('error-message').innerText(), /Coldpress did not write it/)
})

test('dropped: one file is pressed; several files or a folder are refused', async (t) => {
  const { page, context } = await playground.visit(t, { viewport: VIEWS.desktop })
  const folder = temporaryFolder(t)
  const [one, two, inner] = ['one.ndjson', 'two.ndjson', 'inner'].map((name) => join(folder, name))
  for (const path of [one, two]) writeFileSync(path, '{"a":1}\n{"a":2}\n')
  mkdirSync(inner)
  const mouse = await context.newCDPSession(page)
  const drop = async (files) => {
    const data = { items: [], files, dragOperationsMask: 1 }
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
      await mouse.send('Input.dispatchDragEvent', { type, x: 700, y: 400, data })
      if (type === 'dragOver') await page.getByTestId('drop-veil').waitFor()
    }
    await page.getByTestId('drop-veil').waitFor({ state: 'hidden' })
  }
  await drop([one])
  await page.getByTestId('check').getByText('All 2 rows').waitFor()
  for (const [files, words] of [
    [[one, two], /One file at a time: these were “one\.ndjson”, “two\.ndjson”/],
    [[inner], /“inner” is a folder/],
  ]) {
    await page.evaluate(() => scrollTo({ top: document.body.scrollHeight, behavior: 'instant' }))
    await drop(files)
    await inSight(page, 'file-problem')
    assert.match(await page.getByTestId('file-problem').innerText(), words)
    assert.equal(await page.locator('[data-check="good"]').count(), 1, 'the result is still there')
  }
  await drop([two])
  await page.getByTestId('file-problem').waitFor({ state: 'hidden' })
})

test('a pasted file is pressed; a pasted text goes into the text area', async (t) => {
  const { page } = await playground.visit(t, { viewport: VIEWS.desktop })
  await page.evaluate(() => {
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File(['{"a":1}\n{"a":2}\n'], 'copied.ndjson'))
    const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })
    document.body.dispatchEvent(event)
  })
  await page.getByTestId('check').getByText('All 2 rows').waitFor()
  assert.match(await page.getByTestId('chosen').innerText(), /copied\.ndjson/)
})

test('a file that was removed before it is pressed again is named', async (t) => {
  const { page } = await playground.visit(t, { viewport: VIEWS.desktop })
  const path = join(temporaryFolder(t), 'rows.ndjson')
  writeFileSync(path, '{"a":1}\n{"a":2}\n')
  await page.getByTestId('file').setInputFiles(path)
  await page.locator('[data-check="good"]').waitFor()
  writeFileSync(path, '{"a":1}\n{"a":2}\n{"a":3}\n')
  await page.getByTestId('grant-server').fill('https://grants.example')
  await page.getByTestId('grant-token').fill('a-token')
  await page.getByTestId('upload').click()
  await page.locator('[data-testid="upload-error"][data-code="File"]').waitFor()
  await page.getByTestId('press').click()
  await page.locator('[data-testid="error"][data-code="File"]').waitFor()
  assert.match(await page.getByTestId('error-message').innerText(), /changed or moved since/)
})
