/** Puts the rows of a source into an object store, through a grant given or asked for. */
import { grantsFrom, upload } from '../package.js'
import { byteStream, chunksOf } from './source.js'

/**
 * @param {{name: string, blob: Blob, gzip: boolean}} opened
 * @param {object} options EncodeOptions of the package
 * @param {{grant?: object, server?: string, token?: string}} by
 * @param {{signal: AbortSignal, onProgress: (progress: object) => void}} run
 */
export async function send(opened, options, by, { signal, onProgress }) {
  // Not the blob itself: what goes wrong with reading it is told in our words.
  const rows = chunksOf(byteStream(opened), signal)
  const run = { ...forGrant(options, by), signal, onProgress }
  return sent(await upload(grantBy(by), rows, run))
}

/**
 * Repeats an upload that failed: the same bytes under the same key, by what the form says now.
 *
 * @param {{retry: (options: object) => Promise<object>}} failed the error of that upload
 * @param {{grant?: object, server?: string, token?: string}} by
 * @param {{signal: AbortSignal, onProgress: (progress: object) => void}} run
 */
export async function sendAgain(failed, by, { signal, onProgress }) {
  return sent(await failed.retry({ grant: grantBy(by), signal, onProgress }))
}

const grantBy = by => by.grant ?? grantsFrom(by.server, { token: by.token })

// What the page is told of an upload that arrived.
function sent({ key, bytes, rows, created, sha256 }) {
  return { key, bytes, rows, created, sha256 }
}

// A grant's own key says tenant, collection, prefix and LSNs; what the form says of them would only contradict it.
function forGrant(options, by) {
  const { tenant, prefix, lsns, ...rest } = options
  if (by.grant) delete rest.collection
  return rest
}
