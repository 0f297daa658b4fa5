// A proxy before the S3 server that makes faults: 500s before and after a request is passed on,
// and a network that is cut.
import { once } from 'node:events'
import { createServer, request as send } from 'node:http'

/**
 * What happens to a request: nothing special; 'before', a 500 and the store hears nothing of it;
 * 'after', the store does it and the answer is a 500 all the same; a URL, which the store is asked
 * for in its place; a promise, until which it is held back.
 *
 * @typedef {undefined | 'before' | 'after' | URL | Promise<unknown>} Fate
 */

/** @param {string} origin that of the server behind */
export async function startProxy(origin) {
  const { hostname, port } = new URL(origin)
  const sockets = new Set()
  const proxy = {
    /**
     * Only a page's requests should be hit: they have an Origin.
     *
     * @type {(request: import('node:http').IncomingMessage) => Fate}
     */
    fate: () => undefined,
    /** How often each fate struck. */
    struck: { before: 0, after: 0 },
    /** Every answer of the store to a page: its method, upload, part number and status. */
    answers: [],
    isCut: false,
    /** How many connections were refused since it was cut. */
    refused: 0,
    /** Ends all connections, and refuses new ones until `mend`. */
    cut() {
      proxy.isCut = true
      proxy.refused = 0
      for (const socket of sockets) socket.destroy()
    },
    mend() {
      proxy.isCut = false
    },
    async stop() {
      server.close()
      server.closeAllConnections()
    },
    origin: '',
  }

  const server = createServer((request, response) => {
    pass(request, response).catch(() => request.destroy())
  })
  server.on('connection', (socket) => {
    if (proxy.isCut) {
      proxy.refused += 1
      return socket.destroy()
    }
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })

  async function pass(request, response) {
    const fate = proxy.fate(request)
    const body = Buffer.concat(await all(request))
    if (fate === 'before') return fail(request, response, fate)
    if (fate instanceof Promise) {
      await fate
      // The client has closed the connection: it needs no answer.
      if (request.socket.destroyed) return
    }
    const { method, headers } = request
    const path = fate instanceof URL ? fate.pathname + fate.search : request.url
    const onward = send({ hostname, port, method, path, headers })
    onward.end(body)
    const [answer] = await once(onward, 'response')
    const answered = Buffer.concat(await all(answer))
    const query = new URL(request.url, proxy.origin).searchParams
    if (headers.origin) {
      proxy.answers.push({
        method,
        upload: query.get('uploadId'),
        part: query.get('partNumber'),
        status: answer.statusCode,
      })
    }
    if (fate === 'after') return fail(request, response, fate)
    response.writeHead(answer.statusCode, answer.headers).end(
      method === 'HEAD' ? undefined : answered,
    )
  }

  function fail(request, response, fate) {
    proxy.struck[fate] += 1
    // A store names the allowed origin in errors too, so the page sees the 500.
    const headers = {
      'access-control-allow-origin': request.headers.origin ?? '*',
      'content-type': 'application/xml',
    }
    response.writeHead(500, headers).end(
      '<Error><Code>InternalError</Code><Message>We stumbled</Message></Error>',
    )
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.origin = `http://127.0.0.1:${server.address().port}`
  return proxy
}

async function all(stream) {
  const pieces = []
  for await (const piece of stream) pieces.push(piece)
  return pieces
}
