// Core's upload machine, with its wishes and outcomes as plain objects.

import { ColdpressError } from './error.js'

/** @import { Action, Machine, Outcome, Progress } from './upload-driver.js' */
/** @import { World } from './upload-world.js' */

// A phone on a slow line needs minutes for a part of 16 MiB, and fetch tells nothing on the way.
const TIMEOUT_MS = 300_000

/**
 * @typedef {object} Patience how long and how often a machine tries
 * @property {number} [concurrency]
 * @property {number} [retries]
 * @property {number} [timeoutMs]
 *
 * @typedef {Patience & { bytes: number, sha256: string, grant?: import('../index.js').Grant }} Errand
 */

/**
 * Runs `use` with the machine that stores a file, which is gone afterwards.
 *
 * @template T
 * @param {any} engine
 * @param {Errand} errand
 * @param {World} world
 * @param {(machine: Machine) => Promise<T>} use
 * @returns {Promise<T>}
 */
export function withUpload(engine, errand, world, use) {
  const { bytes, sha256, grant, concurrency, retries, timeoutMs = TIMEOUT_MS } = errand
  checkCounts({ concurrency, retries, timeoutMs })
  const text = grant === undefined ? undefined : JSON.stringify(grant)
  const make = (/** @type {any} */ module) =>
    new module.RawUpload(bytes, sha256, text, concurrency, retries, timeoutMs, world.seed(), world.now())
  return withMachine(engine, make, bytes, use)
}

/**
 * The same with the machine that asks for a grant while there is no file; its outcome has only the key.
 *
 * @template T
 * @param {any} engine
 * @param {Patience} patience
 * @param {World} world
 * @param {(machine: Machine) => Promise<T>} use
 * @returns {Promise<T>}
 */
export function withFirstGrant(engine, { retries, timeoutMs = TIMEOUT_MS }, world, use) {
  checkCounts({ retries, timeoutMs })
  const make = (/** @type {any} */ module) =>
    new module.RawFirstGrant(retries, timeoutMs, world.seed(), world.now())
  return withMachine(engine, make, 0, use)
}

/**
 * @template T
 * @param {any} engine
 * @param {(module: any) => any} make
 * @param {number} totalBytes
 * @param {(machine: Machine) => Promise<T>} use
 * @returns {Promise<T>}
 */
async function withMachine(engine, make, totalBytes, use) {
  const instance = await engine.instance()
  instance.hold()
  /** @type {any} */
  let raw
  try {
    raw = instance.run(make)
    return await use(machineOf(raw, totalBytes, (call) => instance.run(call)))
  } finally {
    // An instance that stopped took the machine with it.
    if (instance.memoryBytes > 0) raw?.free()
    instance.release()
  }
}

/**
 * @param {any} raw
 * @param {number} totalBytes
 * @param {<T>(call: () => T) => T} run
 * @returns {Machine}
 */
function machineOf(raw, totalBytes, run) {
  return {
    poll: (now) => run(() => actionOf(raw.poll(now))),
    nextTimeout: () => run(() => raw.nextTimeout()),
    handleResponse: (id, status, headers, body, now) => run(() => raw.handleResponse(id, status, headers, body, now)),
    handleFailure: (id, message, now) => run(() => raw.handleFailure(id, message, now)),
    handleGrant: (grant, now) => run(() => raw.handleGrant(grant, now)),
    handleGrantFailure: (code, message, retryAfterMs, now) => run(() => raw.handleGrantFailure(code, message, retryAfterMs, now)),
    abort: (now) => run(() => raw.abort(now)),
    progress: () => run(() => progressOf(raw.progress(), totalBytes)),
    outcome: () => outcomeOf(raw, run),
  }
}

/**
 * @param {any} raw
 * @param {number} totalBytes
 * @returns {Progress}
 */
function progressOf(raw, totalBytes) {
  const [sentBytes, underWayBytes, phase] = [raw.sentBytes(), raw.underWayBytes(), raw.phase()]
  const attempt = raw.attempt()
  const retry = attempt && { attempt, atMs: raw.atMs(), reason: raw.reason() }
  raw.free()
  return { sentBytes, underWayBytes, totalBytes, phase, ...(retry && { retry }) }
}

/**
 * @param {any} raw
 * @returns {Action | undefined}
 */
function actionOf(raw) {
  if (raw === undefined) return undefined
  const [type, id] = [raw.kind(), raw.id()]
  const action =
    type === 'request' ? {
      type, id, method: raw.method(), url: raw.url(), headers: pairs(raw.headers()), start: raw.start(), end: raw.end(), body: raw.body(),
    }
      : type === 'grant' ? { type, id, uploadId: raw.uploadId() }
        : { type, id }
  raw.free()
  return action
}

/**
 * @param {any} raw
 * @param {<T>(call: () => T) => T} run
 * @returns {Outcome | undefined}
 */
function outcomeOf(raw, run) {
  try {
    return run(() => {
      const uploaded = raw.outcome()
      if (uploaded === undefined) return undefined
      if (typeof uploaded === 'string') return { key: uploaded, bytes: 0, created: false }
      const outcome = { key: uploaded.key(), bytes: uploaded.bytes(), created: uploaded.created() }
      uploaded.free()
      return outcome
    })
  } catch (error) {
    if (!(error instanceof ColdpressError) || error.code !== 'Unavailable') return { error }
    return { error: Object.assign(error, { retryAfterMs: run(() => raw.retryAfterMs()) }) }
  }
}

/**
 * @param {string[]} strings
 * @returns {[string, string][]}
 */
function pairs(strings) {
  return Array.from({ length: strings.length / 2 }, (_, at) => [strings[at * 2], strings[at * 2 + 1]])
}

/** @param {Record<string, number | undefined>} counts */
function checkCounts(counts) {
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 0xffffffff)) {
      throw new ColdpressError('Settings', `${name} is ${String(value)}; it is a whole number`)
    }
  }
}
