// Core's upload machine, with its actions and outcomes as plain objects.

import { ColdpressError } from './error.js'

/** @import { Action, Machine, Outcome, Progress } from './upload-driver.js' */
/** @import { Runtime } from './runtime.js' */

// A phone on a slow network needs minutes for a part of 16 MiB, and fetch reports no progress.
const TIMEOUT_MS = 300_000

/**
 * @typedef {object} RetryLimits how often a machine retries, and for how long
 * @property {number} [concurrency]
 * @property {number} [retries]
 * @property {number} [timeoutMs]
 *
 * @typedef {import('../index.js').Grant} Grant
 * @typedef {RetryLimits & { bytes: number, sha256: string, grant?: Grant }} UploadSpec
 */

/**
 * Runs `use` with the machine that stores a file. Afterwards the machine is freed.
 *
 * @template T
 * @param {any} engine
 * @param {UploadSpec} spec
 * @param {Runtime} runtime
 * @param {(machine: Machine) => Promise<T>} use
 * @returns {Promise<T>}
 */
export function withUpload(engine, spec, runtime, use) {
  const { bytes, sha256, grant, concurrency, retries, timeoutMs = TIMEOUT_MS } = spec
  checkCounts({ concurrency, retries, timeoutMs })
  const text = grant === undefined ? undefined : JSON.stringify(grant)
  const limits = [concurrency, retries, timeoutMs]
  const make = (/** @type {any} */ module) =>
    new module.RawUpload(bytes, sha256, text, ...limits, runtime.seed(), runtime.now())
  return withMachine(engine, make, bytes, use)
}

/**
 * Runs `use` with the machine that asks for a grant before there is a file. Its outcome has only
 * the key.
 *
 * @template T
 * @param {any} engine
 * @param {RetryLimits} limits
 * @param {Runtime} runtime
 * @param {(machine: Machine) => Promise<T>} use
 * @returns {Promise<T>}
 */
export function withFirstGrant(engine, { retries, timeoutMs = TIMEOUT_MS }, runtime, use) {
  checkCounts({ retries, timeoutMs })
  const make = (/** @type {any} */ module) =>
    new module.RawFirstGrant(retries, timeoutMs, runtime.seed(), runtime.now())
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
    // If the instance has stopped, the machine is gone with it.
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
    handleResponse: (id, status, headers, body, now) =>
      run(() => raw.handleResponse(id, status, headers, body, now)),
    handleFailure: (id, message, now) => run(() => raw.handleFailure(id, message, now)),
    handleGrant: (grant, now) => run(() => raw.handleGrant(grant, now)),
    handleGrantFailure: (code, message, retryAfterMs, now) =>
      run(() => raw.handleGrantFailure(code, message, retryAfterMs, now)),
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
    type === 'request' ? { type, id, ...requestOf(raw) }
      : type === 'grant' ? { type, id, uploadId: raw.uploadId() }
        : { type, id }
  raw.free()
  return action
}

/** @param {any} raw */
function requestOf(raw) {
  return {
    method: raw.method(),
    url: raw.url(),
    headers: pairs(raw.headers()),
    start: raw.start(),
    end: raw.end(),
    body: raw.body(),
  }
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
  const pairAt = (/** @type {number} */ at) =>
    /** @type {[string, string]} */ ([strings[at * 2], strings[at * 2 + 1]])
  return Array.from({ length: strings.length / 2 }, (_, at) => pairAt(at))
}

/** @param {Record<string, number | undefined>} counts */
function checkCounts(counts) {
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 0xffffffff)) {
      throw new ColdpressError('Settings', `${name} is ${String(value)}; pass a whole number`)
    }
  }
}
