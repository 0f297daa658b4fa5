// The options of an outbox, checked once.

import { ColdpressError } from './error.js'
import { scene } from './outbox-scene.js'
import { world } from './upload-world.js'

/** @import { OutboxOptions } from '../outbox.js' */
/** @import { Scene } from './outbox-scene.js' */
/** @import { World } from './upload-world.js' */

// Some minutes of a busy device: one object that engines read well, and a body that one request
// carries.
const BATCH_ROWS_MAX = 10_000
const BATCH_BYTES_MAX = 8 * 1024 * 1024
const BATCH_AGE_MS = 60_000
const BACKOFF_MS_MIN = 1_000
const BACKOFF_MS_MAX = 300_000

/** @typedef {ReturnType<typeof checked>} Settled */

/** @param {OutboxOptions} options */
export function checked(options) {
  const {
    name,
    collection,
    grants,
    tenant,
    batchRowsMax = BATCH_ROWS_MAX,
    batchBytesMax = BATCH_BYTES_MAX,
    batchAgeMs = BATCH_AGE_MS,
    backoffMsMin = BACKOFF_MS_MIN,
    backoffMsMax = BACKOFF_MS_MAX,
    concurrency,
    persist = false,
    indexedDB = globalThis.indexedDB,
    world: here = world,
    scene: around = scene,
    ...encoding
  } = /** @type {OutboxOptions & { world?: World, scene?: Scene }} */ (options ?? {})
  if (typeof name !== 'string' || name === '') throw misuse('needs a name: that of its database in IndexedDB')
  if (typeof collection !== 'string' || collection === '') throw misuse('needs a collection: that of its rows')
  if (typeof grants !== 'function') throw misuse('needs grants: a function such as grantsFrom(url, { token })')
  if (indexedDB === undefined) throw misuse('needs IndexedDB, which this runtime has not; pass one as `indexedDB`')
  for (const [option, value] of Object.entries({ batchRowsMax, batchBytesMax, backoffMsMin, backoffMsMax })) {
    if (!Number.isSafeInteger(value) || value < 1) throw misuse(`has the option ${option}: ${value}; give a whole number from 1`)
  }
  if (!(batchAgeMs >= 0)) throw misuse(`has the option batchAgeMs: ${batchAgeMs}; give milliseconds from 0`)
  return {
    name,
    collection,
    grants,
    tenant: tenant === undefined ? undefined : tenantText(tenant),
    limits: { rowsMax: batchRowsMax, bytesMax: batchBytesMax, ageMs: batchAgeMs },
    backoffMsMin,
    backoffMsMax,
    concurrency,
    persist,
    indexedDB,
    world: here,
    scene: around,
    encoding,
  }
}

/** @param {number | bigint | string} tenant */
function tenantText(tenant) {
  try {
    const number = BigInt(tenant)
    if (number >= 0n && number < 1n << 64n) return String(number)
  } catch {
    // Said below.
  }
  throw misuse(`has the tenant ${JSON.stringify(String(tenant))}; give a whole number from 0 to 2^64 - 1`)
}

/** @param {string} what */
function misuse(what) {
  return new ColdpressError('Misuse', `an outbox ${what}`)
}
