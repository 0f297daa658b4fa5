// A line to a server that a test can cut: connections pass through, as they are, until it does.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/**
 * Opens a line to `endpoint` (an `http://host:port`). Who signs for its `origin` speaks to the server through it.
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
  /** What happens once so many bytes went there. */
  let [limit, happens] = [Infinity, () => {}]
  /** From now on bodies that are under way stand still; what begins later passes. */
  let isHeld = false

  function cutNow() {
    cut = true
    refused = 0
    for (const socket of sockets) socket.destroy()
  }

  /** Calls `then` at the very byte: no test can come too late. */
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
      // What breaks on one side ends the other, as a cut line does.
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
    /** Cuts itself once so many more bytes went towards the server; resolves then. */
    cutAfter: (bytes) => at(bytes, cutNow),
    /** Bodies stand still for good once so many more bytes went towards the server; resolves then. */
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

/** Whether a request begins here, and is no part of a body. */
function isRequest(chunk) {
  return /^(GET|HEAD|PUT|POST|DELETE|OPTIONS) \/\S* HTTP\/1\.1\r\n/.test(chunk.subarray(0, 4096).toString('latin1'))
}
