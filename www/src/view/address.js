/** Checks the address and the token of a grant server before they are used. */

const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/
const EXAMPLE = 'https://grants.example.com'

/**
 * @param {string} address
 * @param {string} [page] the protocol of this page
 * @returns {string | undefined} what is wrong, for the reader
 */
export function addressProblem(address, page = location.protocol) {
  const text = address.trim()
  if (!text) return 'Give the address of a grant server (coldpress serve), or paste a grant below.'
  if (!/^https?:\/\//i.test(text)) {
    return `“${text}” does not begin with https:// or http://. Write it in full, like ${EXAMPLE}.`
  }
  if (!URL.canParse(text)) return `“${text}” is not an address. Write it like ${EXAMPLE}.`
  const { protocol, hostname, username, password } = new URL(text)
  if (username || password) {
    return 'The address holds a user name or a password. Leave them out: the token is enough.'
  }
  if (page === 'https:' && protocol === 'http:' && !LOOPBACK.test(hostname)) {
    return 'This page uses https, so the browser does not let it use an http address. Use ' +
      `https://${hostname}.`
  }
  return undefined
}

/**
 * @param {string} token
 * @returns {string | undefined} what is wrong, for the reader
 */
export function tokenProblem(token) {
  const text = token.trim()
  if (!text) return 'Give the token of your tenant at the grant server.'
  if (!/^[\x21-\x7e]+$/.test(text)) {
    return 'The token holds a space or a letter that no token has. Copy it again.'
  }
  return undefined
}

/**
 * @param {string} text
 * @returns {object} the grant
 * @throws an error for the reader
 */
export function parsedGrant(text) {
  const todo = 'Paste the whole output of “coldpress grant”.'
  let grant
  try {
    grant = JSON.parse(text)
  } catch (error) {
    throw new Error(`The grant is not JSON: ${error.message}. ${todo}`)
  }
  if (typeof grant?.key === 'string') return grant
  throw new Error(`This is JSON, but no grant: it has no “key”. ${todo}`)
}
