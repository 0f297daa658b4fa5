// Checks the options of an outbox, once.

import { ColdpressError } from './error.js'
import { platform } from './outbox-platform.js'
import { runtime } from './runtime.js'

/** @import { OutboxOptions } from '../outbox.js' */
/** @import { Platform } from './outbox-platform.js' */
/** @import { Runtime } from './runtime.js' */

// Some minutes of rows of a busy device: engines read such an object well, and one request carries
// it.
const BATCH_ROWS_MAX = 10_000
const BATCH_BYTES_MAX = 8 * 1024 * 1024
const BATCH_AGE_MS = 60_000
const BACKOFF_MS_MIN = 1_000
const BACKOFF_MS_MAX = 300_000

/** @typedef {ReturnType<typeof checkedOptions>} OutboxSettings */

/** @param {OutboxOptions} options */
export function checkedOptions(options) {
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
    newSchema = false,
    indexedDB = globalThis.indexedDB,
    runtime: here = runtime,
    platform: around = platform,
    ...encoding
  } = /** @type {OutboxOptions & { runtime?: Runtime, platform?: Platform }} */ (options ?? {})
  if (!isName(name)) throw misuse('needs a name, which its database in IndexedDB gets')
  if (!isName(collection)) throw misuse('needs a collection, where its rows belong')
  if (typeof grants !== 'function') {
    throw misuse('needs grants: a function, such as grantsFrom(url, { token })')
  }
  if (indexedDB === undefined) {
    throw misuse('needs IndexedDB, which this runtime does not have; pass one as `indexedDB`')
  }
  const counts = { batchRowsMax, batchBytesMax, backoffMsMin, backoffMsMax }
  for (const [option, value] of Object.entries(counts)) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw misuse(`has the option ${option}: ${value}; pass a whole number, 1 or more`)
  }
  if (typeof newSchema !== 'boolean') {
    throw misuse(`has the option newSchema: ${String(newSchema)}; pass true or false`)
  }
  if (!(batchAgeMs >= 0)) {
    throw misuse(`has the option batchAgeMs: ${batchAgeMs}; pass milliseconds, 0 or more`)
  }
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
    runtime: here,
    platform: around,
    encoding,
    // A given schema says itself which columns each object has.
    keepsColumns: !newSchema && encoding.schema === undefined,
  }
}

/** @param {unknown} text */
const isName = (text) => typeof text === 'string' && text !== ''

/** @param {number | bigint | string} tenant */
function tenantText(tenant) {
  try {
    const number = BigInt(tenant)
    if (number >= 0n && number < 1n << 64n) return String(number)
  } catch {
    // It is no number: the error is below.
  }
  const shown = JSON.stringify(String(tenant))
  throw misuse(`has the tenant ${shown}; pass a whole number from 0 to 2^64 - 1`)
}

/** @param {string} what */
function misuse(what) {
  return new ColdpressError('Misuse', `an outbox ${what}`)
}
