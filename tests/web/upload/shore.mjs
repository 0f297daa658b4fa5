// The whole loop on this machine: SeaweedFS behind a proxy that can fail, `coldpress serve`, and a
// page's own web server.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { cat, coldpress, s3Environment, startColdpress } from '../lib/command.mjs'
import { Bucket } from '../lib/s3.mjs'
import { startSeaweed } from '../lib/seaweed.mjs'
import { startServer } from '../lib/server.mjs'
import { temporaryFolder, unpacked } from '../lib/tools.mjs'
import { startProxy } from './proxy.mjs'

const PAGES = fileURLToPath(new URL('pages', import.meta.url))
const TENANT = 7

/**
 * @param {import('node:test').TestContext} t
 * @param {object} [options]
 * @param {string[]} [options.serve] more arguments of `coldpress serve`
 * @param {string} [options.pages] the folder of the web server
 */
export async function startShore(t, { serve = [], pages = PAGES } = {}) {
  const server = await startSeaweed()
  t.after(() => server.stop())
  const proxy = await startProxy(server.endpoint)
  t.after(() => proxy.stop())
  const web = await startServer({ folders: { '/': pages, '/coldpress/': unpacked() } })
  t.after(() => web.close())
  const bucket = new Bucket(server)
  await allowPage(bucket, web.origin)

  const tokens = join(temporaryFolder(t), 'tokens')
  const { token } = JSON.parse(
    await coldpress(
      ['token', '--tenant', String(TENANT), '--may', 'read,write', '--append', tokens, '--json'],
    ),
  )
  const env = s3Environment(server)
  const store = ['--store', 's3://data/cold', '--endpoint', proxy.origin, '--allow-http']
  const args = [
    'serve',
    '--listen',
    '127.0.0.1:0',
    '--tokens',
    tokens,
    '--allow-origin',
    web.origin,
    '--rate',
    '1000',
    '--burst',
    '1000',
    '--json',
  ]
  const grants = await startColdpress([...args, ...serve, ...store], {
    ready: /"url":"(http:[^"]+)"/,
    env,
  })
  t.after(() => grants.stop())
  return {
    bucket,
    proxy,
    server,
    store,
    env,
    token,
    grantsUrl: grants.match[1],
    page: `${web.origin}/upload.html`,
    origin: web.origin,
    /** The rows of an object, as the native command reads them from the store. */
    rows: (key) =>
      cat([key, '--store', 's3://data/cold', '--endpoint', server.endpoint, '--allow-http'], {
        env,
      }),
  }
}

/** Sets the CORS rule for a page, as the README says. */
export function allowPage(bucket, origin) {
  return bucket.allowOrigins({
    origins: [origin],
    methods: ['PUT', 'POST', 'HEAD', 'DELETE'],
    headers: [
      'content-type',
      'if-none-match',
      'x-amz-checksum-sha256',
      'x-amz-meta-coldpress-sha256',
    ],
    expose: ['ETag', 'x-amz-meta-coldpress-sha256'],
  })
}
