// A web server for tests: files with the headers of the test, byte ranges, and routes of
// its own.
import { once } from 'node:events'
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

/** The policy that the package promises to work with. */
export const STRICT_CSP = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.ndjson': 'application/x-ndjson',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
}

/**
 * Serves until `close`.
 *
 * @param {object} options
 * @param {Record<string, string>} [options.folders] path prefix → folder, such as `{ '/': pages,
 *   '/coldpress/': package }`; the longest wins
 * @param {Record<string, string>} [options.headers] sent with every answer, such as a
 *   Content-Security-Policy
 * @param {Record<string, (request: import('node:http').IncomingMessage, body: Buffer) => any>}
 *   [options.routes] `'POST /result'` → a function that returns `{ status, headers, body }`, a
 *   value to be sent as JSON, or nothing (204)
 * @param {string} [options.host] the name in the origin: `127.0.0.1` and `localhost` are two
 *   origins of one machine
 * @param {number} [options.port] one to come back on; by default any that is free
 */
export async function startServer(
  { folders = {}, headers = {}, routes = {}, host = '127.0.0.1', port: wanted = 0 },
) {
  const prefixes = Object.keys(folders).sort((a, b) => b.length - a.length)
  /** Every request that came, as `METHOD /path?query`. */
  const requests = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    answer(request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
      response.end(String(error.stack ?? error))
    })
  })

  async function answer(request, response) {
    const { pathname } = new URL(request.url, 'http://server')
    const route = routes[`${request.method} ${pathname}`]
    if (route) return sendResult(response, await route(request, await bodyOf(request)))
    const prefix = prefixes.find((start) => pathname.startsWith(start))
    if (prefix === undefined || !['GET', 'HEAD'].includes(request.method)) {
      return sendStatus(response, 404)
    }
    const inside = normalize(decodeURIComponent(pathname.slice(prefix.length)))
    if (inside.startsWith('..')) return sendStatus(response, 403)
    let file = join(folders[prefix], inside)
    if (pathname.endsWith('/')) file = join(file, 'index.html')
    sendFile(request, response, file)
  }

  function sendStatus(response, status) {
    response.writeHead(status, { ...headers, 'content-type': 'text/plain' }).end(`${status}`)
  }

  function sendResult(response, result) {
    if (result === undefined) return response.writeHead(204, headers).end()
    const plain = result !== null && typeof result === 'object' && 'status' in result
    const { status, headers: own, body } = plain
      ? result
      : {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(result),
      }
    response.writeHead(status, { ...headers, ...own }).end(body)
  }

  function sendFile(request, response, file) {
    const stat = statSync(file, { throwIfNoEntry: false })
    if (!stat?.isFile()) return sendStatus(response, 404)
    const all = {
      ...headers,
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'accept-ranges': 'bytes',
    }
    const range = rangeOf(request.headers.range, stat.size)
    if (range === null) {
      return response.writeHead(416, { ...all, 'content-range': `bytes */${stat.size}` }).end()
    }
    const { start, end } = range ?? { start: 0, end: stat.size - 1 }
    if (range) all['content-range'] = `bytes ${start}-${end}/${stat.size}`
    response.writeHead(range ? 206 : 200, { ...all, 'content-length': end - start + 1 })
    if (request.method === 'HEAD' || stat.size === 0) return response.end()
    createReadStream(file, { start, end }).pipe(response)
  }

  server.listen(wanted, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  return {
    origin: `http://${host}:${port}`,
    port,
    requests,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** The whole body of a request. */
export async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Undefined: no range was requested. Null: the range does not exist. */
function rangeOf(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const [, first, last] = match
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return start > end ? null : { start, end }
}
