// A connection to a server that a test can cut. Until then, all bytes pass through unchanged.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/**
 * Opens a connection to `endpoint` (an `http://host:port`). Requests signed for its `origin` reach
 * the server.
 *
 * @param {string} endpoint
 */
export async function openLine(endpoint) {
  const { hostname, port } = new URL(endpoint)
  const sockets = new Set()
  let cut = false
  /** How many connections were refused since it was cut. */
  let refused = 0
  /** Bytes that went towards the server. */
  let sent = 0
  /** What to do after so many bytes. */
  let [limit, happens] = [Infinity, () => {}]
  /** From now on, running bodies stop; later requests pass. */
  let isHeld = false

  function cutNow() {
    cut = true
    refused = 0
    for (const socket of sockets) socket.destroy()
  }

  /** Calls `then` at exactly that byte, so that no test is too late. */
  function at(bytes, then) {
    return new Promise((resolve) => {
      limit = sent + bytes
      happens = () => {
        then()
        resolve()
      }
    })
  }

  const line = createServer((near) => {
    if (cut) {
      refused += 1
      return near.destroy()
    }
    const far = connect(Number(port), hostname)
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket)
      // If one side breaks, the other side is ended too.
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    near.on('data', (chunk) => {
      if (isHeld && !isRequest(chunk)) return near.pause()
      sent += chunk.length
      if (!far.write(chunk)) near.pause()
      if (sent < limit) return
      limit = Infinity
      happens()
    })
    far.on('drain', () => isHeld || near.resume())
    near.on('end', () => far.end())
    far.pipe(near)
  })
  line.listen(0, '127.0.0.1')
  await once(line, 'listening')
  return {
    origin: `http://127.0.0.1:${line.address().port}`,
    sent: () => sent,
    refused: () => refused,
    /** Breaks all connections and refuses new ones, until `mend`. */
    cut: cutNow,
    /** Cuts the connection after so many more bytes to the server; resolves then. */
    cutAfter: (bytes) => at(bytes, cutNow),
    /**
     * Stops all bodies for ever after so many more bytes to the server; resolves then.
     */
    holdAfter: (bytes) => at(bytes, () => (isHeld = true)),
    mend() {
      cut = false
    },
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => line.close(resolve))
    },
  }
}

/** Whether these bytes are the beginning of a request, and not part of a body. */
function isRequest(chunk) {
  return /^(GET|HEAD|PUT|POST|DELETE|OPTIONS) \/\S* HTTP\/1\.1\r\n/.test(
    chunk.subarray(0, 4096).toString('latin1'),
  )
}
