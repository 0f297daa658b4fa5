// One upload, from a job of plain data to a result of plain data.
import { grantsFrom, upload } from './coldpress/index.js'
import { randomRows } from './random.js'

/**
 * @param {{ grantsUrl?: string, token?: string, grant?: object, expired?: object, rows?: object[],
 *   random?: number, options: object, abortAtBytes?: number }} job
 */
export async function run(
  { grantsUrl, token, grant, expired, rows, random, options, abortAtBytes = Infinity },
) {
  const stop = new AbortController()
  const progress = []
  const onProgress = ({ sentBytes, totalBytes }) => {
    progress.push(sentBytes)
    globalThis.sentBytes = sentBytes
    if (sentBytes >= abortAtBytes && sentBytes < totalBytes) {
      stop.abort(new Error('the test had enough'))
    }
  }
  const ask = grantsUrl && grantsFrom(grantsUrl, { token })
  let first = expired
  /** The upload of each request for a grant. */
  const asked = []
  const source = grant ?? (async (...question) => {
    asked.push(question[0].upload_id)
    const given = first ?? (await ask(...question))
    first = undefined
    return given
  })
  try {
    const result = await upload(source, rows ?? randomRows(random), {
      ...options,
      onProgress,
      signal: stop.signal,
    })
    return { ...result, progress, asked }
  } catch (error) {
    const { name, code, message, rule, key } = error
    return { error: { name, code, message, rule, key, cause: error.cause?.message }, progress }
  }
}
