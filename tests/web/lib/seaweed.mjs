// A real S3 server: SeaweedFS from PyPI, on loopback only.
import { spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { HANG_MS } from './patience.mjs'
import { weedProgram } from './tools.mjs'

// Ends the server and removes its folder when its stdin ends, even if the test process is
// killed.
const KEEPER = `
"$@" >log 2>&1 </dev/null & server=$!
cat >/dev/null
kill -9 $server 2>/dev/null; wait $server 2>/dev/null
folder=$PWD; cd / && rm -rf "$folder"`
const READY_LINE = 'components are running and ready'
const STARTS_MAX = 4

/**
 * Starts a server with the empty bucket `data`; `await stop()` ends it and removes what it holds.
 * Pages of other origins may not use it until `new Bucket(server).allowOrigins(…)`.
 */
export async function startSeaweed() {
  let log = ''
  // Another process can take a port between our look and the server's start.
  for (let start = 0; start < STARTS_MAX; start += 1) {
    const server = await tryStart()
    if (server.endpoint) return server
    log = server.log
  }
  throw new Error(`SeaweedFS did not start:\n${log}`)
}

async function tryStart() {
  const weed = weedProgram()
  const folder = mkdtempSync(join(tmpdir(), 'coldpress-seaweed-'))
  const [master, volume, filer, s3, admin] = await freePorts()
  const accessKey = `AK${randomBytes(8).toString('hex')}`
  const secretKey = `SK${randomBytes(16).toString('hex')}`
  const keeper = spawn('sh', [
    '-c',
    KEEPER,
    'keeper',
    weed,
    'mini',
    '-dir=./data',
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    '-bucket=data',
    `-master.port=${master}`,
    `-volume.port=${volume}`,
    `-filer.port=${filer}`,
    `-s3.port=${s3}`,
    `-admin.port=${admin}`,
    '-s3.allowedOrigins=https://none.invalid',
    '-s3.autoCreateBucket=false',
    '-s3.iam=false',
    '-webdav=false',
    '-admin.ui=false',
    '-s3.port.iceberg=0',
    '-s3.port.lance=0',
    '-s3.localSocket=./s3.sock',
  ], {
    cwd: folder,
    env: {
      ...process.env,
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
      GOMEMLIMIT: '256MiB',
    },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const ended = new Promise((resolve) => keeper.once('close', resolve))
  const stop = async () => {
    keeper.stdin.end()
    await ended
  }
  const log = await untilReady(join(folder, 'log'))
  if (log !== undefined) {
    await stop()
    return { log }
  }
  return {
    endpoint: `http://127.0.0.1:${s3}`,
    bucket: 'data',
    region: 'us-east-1',
    accessKey,
    secretKey,
    stop,
  }
}

/** Undefined when the server runs; its log if it failed to start. */
async function untilReady(path) {
  const end = Date.now() + HANG_MS
  for (;;) {
    const log = textOf(path)
    if (log.includes(READY_LINE)) return undefined
    if (Date.now() > end || log.includes('address already in use')) return log
    await sleep(100)
  }
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return ''
    throw error
  }
}

/** Five ports that are free, and 10,000 above each too, where the server puts its gRPC. */
async function freePorts() {
  const held = []
  const ports = []
  while (ports.length < 5) {
    // Below the range that outgoing connections are given.
    const port = randomInt(11_000, 21_000)
    const pair = await Promise.all([port, port + 10_000].map(hold))
    held.push(...pair)
    if (pair.every((server) => server !== undefined)) ports.push(port)
  }
  await Promise.all(held.map((server) => server && new Promise((resolve) => server.close(resolve))))
  return ports
}

function hold(port) {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}
