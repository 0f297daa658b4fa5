// `upload` in Node, against the store of store.mjs and on the clock of clock.mjs: what tests of it
// begin with.
import assert from 'node:assert/strict'
import { pathToFileURL } from 'node:url'

import { unpacked } from '../lib/tools.mjs'
import { Clock } from './clock.mjs'
import { Store } from './store.mjs'

const folder = pathToFileURL(`${unpacked()}/`)

/** The package as Node has it. */
export const coldpress = await import(new URL('node.js', folder).href)
export const { world } = await import(new URL('src/upload-world.js', folder).href)

export const ROWS = [{ name: 'Ada', born: 1815 }, { name: 'Grace', langs: ['COBOL'] }]
export const MIB = 1 << 20
export const HOURS_MS = 1e9

/** A clock, a store whose grants hold long, grants of it, and `send`, which uploads by them. */
export async function started(t) {
  const clock = new Clock(world)
  const store = await Store.start(clock)
  t.after(() => store.stop())
  store.expiresInMs = HOURS_MS
  const grants = coldpress.grantsFrom(store.origin, { token: store.token, world: clock.world() })
  const send = (rows, { grant = grants, ...options } = {}) =>
    coldpress.upload(grant, rows, { collection: 'events', world: clock.world(), ...options })
  return { clock, store, grants, send }
}

/** A device that is offline until `connect`, and tells once it has looked. */
export function offlineDevice(clock) {
  let isOnline = false
  let wake = () => {}
  let hasLooked = () => {}
  const looked = new Promise((resolve) => (hasLooked = resolve))
  const world = clock.world({
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
  return { world, looked, connect }
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
