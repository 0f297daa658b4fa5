/**
 * The whole address of a grant server, whether it or its `/v1/grants` was given.
 *
 * @param {string} address
 */
export function grantServer(address) {
  return new URL(address.trim().replace(/\bv1\/grants\/?$/, ''), document.baseURI).href
}

/** What `coldpress serve --dev` says of itself; only ever bound to loopback, so nobody else is asked. */

let asked

/** @returns {Promise<{grants: string, token: string, s3?: string} | undefined>} */
export function devServer() {
  asked ??= ask()
  return asked
}

async function ask() {
  if (!/^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname)) return undefined
  try {
    const response = await fetch('./dev/config.json', { cache: 'no-store' })
    if (!response.ok || !response.headers.get('content-type')?.includes('json')) return undefined
    const config = await response.json()
    return { ...config, grants: grantServer(config.grants) }
  } catch {
    return undefined
  }
}
