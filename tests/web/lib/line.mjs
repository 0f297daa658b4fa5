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
  /** Bytes that went towards the server. */
  let sent = 0
  const line = createServer((near) => {
    if (cut) return near.destroy()
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
    near.on('data', (chunk) => { sent += chunk.length })
    near.pipe(far)
    far.pipe(near)
  })
  line.listen(0, '127.0.0.1')
  await once(line, 'listening')
  return {
    origin: `http://127.0.0.1:${line.address().port}`,
    sent: () => sent,
    /** Breaks all connections and refuses new ones, until `mend`. */
    cut() {
      cut = true
      for (const socket of sockets) socket.destroy()
    },
    mend() {
      cut = false
    },
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => line.close(resolve))
    },
  }
}
