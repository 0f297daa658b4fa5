// The native `coldpress` command.
import { execFile, spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

import { HANG_MS } from './patience.mjs'
import { coldpressProgram } from './tools.mjs'

/** The environment in which the command finds a server that `startSeaweed` started. */
export function s3Environment(server) {
  return {
    AWS_ACCESS_KEY_ID: server.accessKey,
    AWS_SECRET_ACCESS_KEY: server.secretKey,
    AWS_REGION: server.region,
  }
}

/**
 * Runs `coldpress ARGUMENTS` to its end.
 *
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, input?: string | Uint8Array, cwd?: string }} [options]
 * @returns {Promise<string>} its output; if it fails, an error with all its output
 */
export function coldpress(args, { env = {}, input = '', cwd } = {}) {
  return new Promise((resolve, reject) => {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 1 << 30 }
    const child = execFile(coldpressProgram(), args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`coldpress ${args.join(' ')}: ${error.code}\n${stdout}${stderr}`))
      else resolve(stdout)
    })
    // The command may end before it has read all input; its exit code tells.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** The rows that `coldpress cat` prints, parsed. */
export async function cat(args, options) {
  const lines = (await coldpress(['cat', ...args], options)).split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}

/**
 * Starts `coldpress ARGUMENTS` and waits for a line (of stdout or stderr) that matches `ready`.
 *
 * @param {string[]} args
 * @param {{ ready: RegExp, env?: Record<string, string>, cwd?: string }} options
 * @returns {Promise<{ match: RegExpExecArray, log: () => string, stop: () => Promise<number | null>
 *   }>}
 */
export function startColdpress(args, { ready, env = {}, cwd }) {
  const child = spawn(coldpressProgram(), args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  const ended = new Promise((resolve) => child.once('close', resolve))
  // A test that dies must not leave a server running.
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  const stop = async () => {
    child.kill('SIGTERM')
    const code = await ended
    process.off('exit', end)
    return code
  }
  return new Promise((resolve, reject) => {
    const fail = (what) => reject(new Error(`coldpress ${args.join(' ')}: ${what}\n${log}`))
    const timer = setTimeout(() => {
      end()
      fail(`not ready in ${HANG_MS} ms`)
    }, HANG_MS)
    const read = (chunk) => {
      log += chunk
      const match = ready.exec(log)
      if (!match) return
      clearTimeout(timer)
      resolve({ match, log: () => log, stop })
    }
    child.stdout.setEncoding('utf8').on('data', read)
    child.stderr.setEncoding('utf8').on('data', read)
    child.once('error', (error) => fail(error.message))
    child.once('close', (code) => {
      clearTimeout(timer)
      fail(`ended with ${code}`)
    })
  })
}

/** Runs another program to its end. If it fails, the error has all its output. */
export async function run(program, args, { env = {}, cwd, input = '' } = {}) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = new Promise((resolve, reject) => {
    child.once(
      'error',
      (error) => reject(new Error(`${program}: ${error.message}; run: cargo xtask setup`)),
    )
    child.once('close', resolve)
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (code === 0) return stdout
  throw new Error(`${program} ${args.join(' ')}: ${code}\n${stdout}${stderr}`)
}
