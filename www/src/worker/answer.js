/**
 * Answers the calls of the page: a message `{id, call, args}` with any number of `{id, progress}`,
 * and then with `{id, result}` or `{id, error}`. `{cancel: id}` ends a call early. `{online: true}`
 * says that the network is back.
 *
 * @param {Record<string, (args: any, run: {signal: AbortSignal, onProgress: (progress: any) =>
 *   void}) => Promise<any>>} calls
 */
export function answerCalls(calls) {
  const running = new Map()

  addEventListener('message', async ({ data }) => {
    if (data.online) return dispatchEvent(new Event('online'))
    if (data.cancel) {
      return running.get(data.cancel)?.abort(new DOMException('Stopped by you.', 'AbortError'))
    }
    const { id, call, args } = data
    const stop = new AbortController()
    running.set(id, stop)
    try {
      const onProgress = progress => postMessage({ id, progress })
      const result = await calls[call](args ?? {}, { signal: stop.signal, onProgress })
      postMessage({ id, result })
    } catch (error) {
      postMessage({ id, error: plain(error) })
    } finally {
      running.delete(id)
    }
  })
}

// An error that is posted would lose these fields.
function plain(error) {
  const { name, message, code, row, id, line, column, context, command, lsns, retry } = error ?? {}
  return {
    name: name ?? 'Error',
    message: message ?? String(error),
    code: typeof code === 'string' ? code : undefined,
    row: row === undefined ? undefined : Number(row),
    id,
    line: line === undefined ? undefined : Number(line),
    column,
    context,
    command,
    lsns: lsns && { min: String(lsns.min), max: String(lsns.max) },
    canRetry: typeof retry === 'function'
  }
}
