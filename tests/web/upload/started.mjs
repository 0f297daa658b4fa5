// `upload` in Node, with the store of store.mjs and the clock of clock.mjs: the start of its
// tests.
import assert from 'node:assert/strict'
import { pathToFileURL } from 'node:url'

import { unpacked } from '../lib/tools.mjs'
import { Clock } from './clock.mjs'
import { Store } from './store.mjs'

const folder = pathToFileURL(`${unpacked()}/`)

/** The package as Node has it. */
export const coldpress = await import(new URL('node.js', folder).href)
export const { runtime } = await import(new URL('src/runtime.js', folder).href)

export const ROWS = [{ name: 'Ada', born: 1815 }, { name: 'Grace', langs: ['COBOL'] }]
export const MIB = 1 << 20
export const HOURS_MS = 1e9

/** A clock, a store with long-lived grants, its grants, and `send`, which uploads by them. */
export async function started(t) {
  const clock = new Clock(runtime)
  const store = await Store.start(clock)
  t.after(() => store.stop())
  store.expiresInMs = HOURS_MS
  const grants = coldpress.grantsFrom(store.origin, {
    token: store.token,
    runtime: clock.runtime(),
  })
  const send = (rows, { grant = grants, ...options } = {}) => {
    // An encoded file has its collection already.
    const target = rows?.key === undefined ? { collection: 'events' } : {}
    return coldpress.upload(grant, rows, { ...target, runtime: clock.runtime(), ...options })
  }
  return { clock, store, grants, send }
}

/** A device that is offline until `connect`. `looked` resolves when the upload has noticed it. */
export function offlineDevice(clock) {
  let isOnline = false
  let wake = () => {}
  let hasLooked = () => {}
  const looked = new Promise((resolve) => (hasLooked = resolve))
  const runtime = clock.runtime({
    online() {
      hasLooked()
      return isOnline
    },
    onOnline(run) {
      wake = run
      return () => {}
    },
  })
  const connect = () => {
    isOnline = true
    wake()
  }
  return { runtime, looked, connect }
}

/** A file of about so many bytes, which no codec makes smaller. */
export async function largeFile(bytes) {
  let state = 1
  const word = () => (state = (state * 48271) % 0x7fffffff).toString(36)
  const text = () => Array.from({ length: 160 }, word).join('')
  const rows = Array.from({ length: Math.ceil(bytes / 930) }, (_, n) => ({ n, text: text() }))
  const lsns = { min: 1, max: rows.length }
  return coldpress.encode(rows, { collection: 'events', tenant: 7, lsns, codec: 'none' })
}

/** The one entry of a map. */
export function only(map) {
  assert.equal(map.size, 1)
  return [...map][0]
}
