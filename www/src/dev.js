/**
 * The address of a grant server. The reader may have given the address of its `/v1/grants` instead.
 *
 * @param {string} address
 */
export function grantServer(address) {
  return new URL(address.trim().replace(/\bv1\/grants\/?$/, ''), document.baseURI).href
}

let asked

/**
 * What `coldpress serve --dev` says about itself. It listens on loopback only, so the page asks
 * only there.
 *
 * @returns {Promise<{grants: string, token: string, s3?: string} | undefined>}
 */
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
