// The result of each button is in the window, has the focus, and is announced.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test from 'node:test'

import {
  BAD_ROWS, comeDownTo, file, holdSample, inSight, pressSample, startPlayground, VIEWS,
} from './visit.mjs'

const PROGRESS = new URL('../../../www/src/view/upload-progress.js', import.meta.url)
const playground = await startPlayground(test)
// A service worker would answer the requests that these tests hold back.
const HELD = Object.fromEntries(Object.entries(VIEWS)
  .map(([view, viewport]) => [view, { viewport, serviceWorkers: 'block' }]))
const ROWS = '{"city":"Lagos","temp":31.5}\n{"city":"Oslo","temp":-4}\n'

/** Every button that presses, and what the page needs before. */
const BUTTONS = {
  sample: (page) => page.getByTestId('sample').click(),
  press: async (page) => {
    await page.getByTestId('rows-text').fill(ROWS)
    await comeDownTo(page, 'press')
    await page.getByTestId('press').click()
  },
  'Ctrl+Enter': async (page) => {
    await page.getByTestId('rows-text').fill(ROWS)
    await page.getByTestId('rows-text').press('Control+Enter')
  },
  generate: async (page) => {
    await comeDownTo(page, 'generate')
    await page.getByTestId('generate').click()
  },
  file: async (page) => {
    await comeDownTo(page, 'file-label')
    await page.getByTestId('file').setInputFiles(file('rows.ndjson', ROWS))
  },
  'press again, below long settings': async (page) => {
    await pressSample(page)
    await page.getByTestId('settings').locator('summary').click()
    await comeDownTo(page, 'set-policy')
    await page.getByTestId('set-policy').focus()
    await page.getByTestId('press').click()
  },
}

for (const [view, viewport] of Object.entries(VIEWS)) {
  for (const [name, push] of Object.entries(BUTTONS)) {
    test(`the result is in sight and has the focus: ${name}, ${view}`, async (t) => {
      const { page, faults } = await playground.visit(t, { viewport })
      await push(page)
      await page.locator('[data-check="good"]').waitFor()
      await inSight(page, 'headline')
      await inSight(page, 'check')
      await highInWindow(page, 'headline')
      assert.equal(await focused(page), 'headline')
      assert.deepEqual(faults, [])
    })
  }

  test(`an error is in sight and has the focus, ${view}`, async (t) => {
    const { page } = await playground.visit(t, { viewport })
    await page.getByTestId('rows-text').fill(BAD_ROWS)
    await comeDownTo(page, 'press')
    await page.getByTestId('press').click()
    await inSight(page, 'error-message')
    await inSight(page, 'go-to-line')
    assert.equal(await headingFocused(page), 'A row could not go in')

    await page.getByTestId('settings').locator('summary').click()
    await page.getByTestId('set-schema').fill('{"columns":')
    await comeDownTo(page, 'generate')
    await page.getByTestId('generate').click()
    await page.getByTestId('error-message').getByText('The schema is not JSON').waitFor()
    await inSight(page, 'error-message')
    await page.getByTestId('go-to-setting').click()
    await inSight(page, 'set-schema')
    await inSight(page, 'set-schema-problem')
    assert.equal(await focused(page), 'set-schema')
  })

  test(`a press of nothing is answered beside the field, ${view}`, async (t) => {
    const { page } = await playground.visit(t, { viewport })
    await comeDownTo(page, 'press')
    await page.getByTestId('press').click()
    await inSight(page, 'rows-text-problem')
    assert.match(await page.getByTestId('rows-text-problem').innerText(), /There are no rows yet/)
    assert.match(await page.getByTestId('announce').innerText(), /There are no rows yet/)
    assert.equal(await focused(page), 'rows-text')
    const described = await page.getByTestId('rows-text').getAttribute('aria-describedby')
    assert.ok(described.split(' ').includes('rows-text-problem'), described)
    await page.getByTestId('rows-text').fill('{"a":1}')
    assert.equal(await page.getByTestId('rows-text-problem').isVisible(), false)
    await page.getByTestId('press').click()
    await page.locator('[data-check="good"]').waitFor()
  })

  test(`what is wrong with an upload's fields stands beside them, ${view}`, async (t) => {
    const { page, faults } = await playground.visit(t, { viewport })
    await pressSample(page)
    for (const [field, value, words] of FIELDS) {
      await page.getByTestId('grant-token').fill('a-token')
      await page.getByTestId('grant-server').fill('https://a.example')
      await page.getByTestId(field).fill(value)
      await comeDownTo(page, 'upload')
      await page.getByTestId('upload').click()
      await inSight(page, `${field}-problem`)
      assert.match(await page.getByTestId(`${field}-problem`).innerText(), words)
      await inSight(page, field)
      assert.equal(await focused(page), field)
    }
    // If the page had sent a request, the policy would have reported it.
    assert.deepEqual(faults, [])
  })
}

const FIELDS = [
  ['grant-server', '', /Give the address of a grant server/],
  ['grant-server', 'grants.example.com', /does not begin with https/],
  ['grant-server', 'localhost:7070', /does not begin with https/],
  ['grant-server', 'ftp://grants.example.com', /does not begin with https/],
  ['grant-server', 'http://', /is not an address/],
  ['grant-server', 'https://me:secret@grants.example.com', /Leave them out/],
  ['grant-token', '', /Give the token/],
  ['grant-token', 'two words', /a space/],
  ['grant-token', 'tökén', /a letter that no token has/],
]

test('a wrong grant has a message beside its field', async (t) => {
  const { page } = await playground.visit(t, { viewport: VIEWS.desktop })
  await pressSample(page)
  const [broken, keyless] = [/The grant is not JSON/, /no “key”/]
  for (const [grant, words] of [['{"version":', broken], ['[]', keyless], ['null', keyless]]) {
    if (!(await page.getByTestId('grant-json').isVisible())) {
      await page.getByTestId('grant-paste').locator('summary').click()
    }
    await page.getByTestId('grant-json').fill(grant)
    // A closed fold must open again to show the problem.
    await page.getByTestId('grant-paste').locator('summary').click()
    await page.getByTestId('upload').click()
    await inSight(page, 'grant-json-problem')
    assert.match(await page.getByTestId('grant-json-problem').innerText(), words)
  }
})

test('a press under way is in sight, and stops when told to', async (t) => {
  const { page, context } = await playground.visit(t, HELD.phone)
  const gate = await holdSample(context)
  await page.getByTestId('sample').click()
  await gate.reached
  await inSight(page, 'working')
  await page.getByTestId('stop').click()
  await inSight(page, 'stopped')
  assert.match(await page.getByTestId('stopped').innerText(), /Nothing was made/)
  gate.open()
  await pressSample(page)
  assert.equal(await page.getByTestId('stopped').count(), 0)
})

test('a reader who moved on to another field keeps the focus', async (t) => {
  const { page, context } = await playground.visit(t, HELD.desktop)
  const gate = await holdSample(context)
  await page.getByTestId('sample').click()
  await gate.reached
  assert.equal(await headingFocused(page), 'Pressing')
  await page.getByTestId('generate-what').focus()
  gate.open()
  await page.locator('[data-check="good"]').waitFor()
  assert.equal(await focused(page), 'generate-what')
  assert.match(await page.getByTestId('announce').innerText(), /3,201 rows/)
})

test('a wide table shows on which side it goes on', async (t) => {
  const { page } = await playground.visit(t, { viewport: VIEWS.phone })
  await pressSample(page)
  const frame = page.getByTestId('rows').locator('.scroller')
  const sides = () => frame.evaluate((element) => [...element.classList].slice(1).sort().join())
  await page.waitForFunction(() => document.querySelector('#rows .scroller.more-right'))
  assert.equal(await sides(), 'more-right')
  assert.equal(await frame.locator('.scroll-hint').isVisible(), true)
  await frame.locator('.scroll').evaluate((element) => (element.scrollLeft = element.scrollWidth))
  await page.waitForFunction(() => !document.querySelector('#rows .scroller.more-right'))
  assert.equal(await sides(), 'more-left')
})

test('the countdown and the words of each phase', async () => {
  // The module needs no page for this; a process of its own has a document that does nothing.
  const code = `
    const { stateOf } = await import('${PROGRESS}')
    const because = { attempt: 3, reason: 'the store answered 503' }
    const waiting = { phase: 'waiting', retry: { ...because, atMs: 14_000 } }
    const again = { phase: 'sending', retry: { attempt: 3, reason: 'it was cut.' } }
    const offline = { phase: 'waiting', retry: { attempt: 2, reason: 'no network' } }
    const old = { phase: 'sending', sentBytes: 0, totalBytes: 5 }
    console.log(JSON.stringify([
      ...[10_000, 12_300, 20_000].map((now) => stateOf(waiting, true, now)),
      stateOf(again, true, 0), stateOf(offline, false, 0), stateOf(offline, true, 0),
      stateOf(old, true, 0),
    ]))`
  const args = ['--input-type=module', '--eval', code]
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8' })
  const [first, later, over, again, offline, unsure, old] = JSON.parse(printed)
  assert.equal(first.title, 'Waiting to try again')
  const why = 'The last one failed: the store answered 503.'
  assert.deepEqual(first.why, ['Try 3 begins in 4 s.', why])
  assert.equal(later.why[0], 'Try 3 begins in 2 s.')
  assert.equal(over.why[0], 'Try 3 begins in 1 s.')
  assert.equal(first.spoken, later.spoken, 'a second that passes is not read aloud')
  assert.deepEqual(again.why, ['Try 3 is under way.', 'The last one failed: it was cut.'])
  assert.equal(again.spoken, `Sending. ${again.why.join(' ')}`)
  assert.equal(offline.title, 'Offline')
  assert.equal(unsure.why[0], 'Try 2 begins as soon as it can.')
  assert.deepEqual(old, { title: 'Sending', spoken: 'Sending' })
})

const headingFocused = (page) => page.evaluate(() => document.activeElement.textContent)

const focused = (page) => page.evaluate(() => document.activeElement.dataset.testid)

/** In the upper part of the window, with room below for what belongs to it. */
function highInWindow(page, testid) {
  return page.waitForFunction((name) => {
    const { top } = document.querySelector(`[data-testid="${name}"]`).getBoundingClientRect()
    return top < innerHeight * 0.3
  }, testid)
}
