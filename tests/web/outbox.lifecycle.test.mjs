// A page that is told of being frozen, and a service worker that Chromium stops, in the middle of
// an upload: another page goes on. (Chromium freezes no page that a driver keeps visible, so the
// test sends the events itself.)
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { ChromiumTabs } from './outbox/chromium.mjs'
import { isUpload, openTab, startPort } from './outbox/deaths.mjs'
import { Gate } from './lib/patience.mjs'

/** A tab that is sending a batch of eight rows, and another one; the upload is held back. */
async function underWay(t, place) {
  /** @type {ChromiumTabs | undefined} */
  let browser
  t.after(() => browser?.stop())
  const port = await startPort(t)
  browser = await ChromiumTabs.start()
  const first = await openTab(browser, port, { place, name: 'one' })
  const second = await openTab(browser, port, { name: 'one' })
  t.after(() => [first, second].forEach(({ wire }) => wire.cut()))
  const gate = new Gate()
  let held = 0
  // Only the first request of an upload waits.
  port.proxy.fate = (request) => (isUpload(request) && held++ === 0 ? gate.pass() : undefined)
  const rows = Array.from({ length: 8 }, (_, n) => ({ n }))
  await first.wire.send('append', { rows })
  await gate.reached
  const { draining, rows: waiting, batches } = await second.wire.send('state')
  assert.deepEqual({ draining, waiting, batches }, { draining: true, waiting: 8, batches: 1 })
  return { browser, port, first, second, gate }
}

test('a page that is frozen lets another one go on, and goes on when it wakes up', async (t) => {
  const { port, first, second, gate } = await underWay(t, 'page')
  await first.wire.send('lifecycle', { type: 'freeze' })
  // While this was shut, Chromium did not send the other page's request to the same key. Why is not
  // known yet.
  gate.open()
  await second.wire.send('empty')
  assert.equal((await port.bucket.list()).length, 1)
  await first.wire.send('lifecycle', { type: 'resume' })
  await first.wire.send('append', { rows: [{ n: 8 }] })
  await first.wire.send('empty')
  assert.equal((await port.bucket.list()).length, 2)
})

test('a service worker that is stopped lets a page go on', async (t) => {
  const { browser, port, first, second, gate } = await underWay(t, 'service worker')
  const session = await browser.session(first.tab)
  await session.send('ServiceWorker.enable')
  await session.send('ServiceWorker.stopAllWorkers')
  gate.open()
  await second.wire.send('empty')
  assert.equal((await port.bucket.list()).length, 1)
})
