/** Uploads the rows of a source by a grant, which the reader pasted or a grant server gives. */
import { grantsFrom, upload } from '../package.js'
import { byteStream, chunksOf } from './source.js'

/**
 * @param {{name: string, blob: Blob, gzip: boolean}} opened
 * @param {object} options EncodeOptions of the package
 * @param {{grant?: object, server?: string, token?: string}} by
 * @param {{signal: AbortSignal, onProgress: (progress: object) => void}} run
 */
export async function send(opened, options, by, { signal, onProgress }) {
  // Not the blob itself: `chunksOf` throws errors that name the file.
  const rows = chunksOf(byteStream(opened), signal)
  const run = { ...forGrant(options, by), signal, onProgress }
  return sent(await upload(grantBy(by), rows, run))
}

/**
 * Repeats a failed upload: the same bytes and the same key, with the grant that the form names now.
 *
 * @param {{retry: (options: object) => Promise<object>}} failed the error of that upload
 * @param {{grant?: object, server?: string, token?: string}} by
 * @param {{signal: AbortSignal, onProgress: (progress: object) => void}} run
 */
export async function sendAgain(failed, by, { signal, onProgress }) {
  return sent(await failed.retry({ grant: grantBy(by), signal, onProgress }))
}

const grantBy = by => by.grant ?? grantsFrom(by.server, { token: by.token })

// The parts of a result that the page shows.
function sent({ key, bytes, rows, created, sha256 }) {
  return { key, bytes, rows, created, sha256 }
}

// The key of a pasted grant has tenant, collection, prefix and LSNs. With a grant server, the token
// has the tenant, and LSNs come from the time.
function forGrant(options, by) {
  const { tenant, prefix, lsns, ...rest } = options
  if (by.grant) delete rest.collection
  return rest
}
