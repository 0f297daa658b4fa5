/** What can be told of a grant server's address and token before they are used. */

const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/
const EXAMPLE = 'https://grants.example.com'

/**
 * @param {string} address
 * @param {string} [page] the protocol of this page
 * @returns {string | undefined} what is wrong with it, in words
 */
export function addressProblem(address, page = location.protocol) {
  const text = address.trim()
  if (!text) return 'Give the address of a grant server (coldpress serve), or paste a grant below.'
  if (!/^https?:\/\//i.test(text)) {
    return `“${text}” does not begin with https:// or http://. Write it whole, as ${EXAMPLE}.`
  }
  if (!URL.canParse(text)) return `“${text}” is not an address. Write it as ${EXAMPLE}.`
  const { protocol, hostname, username, password } = new URL(text)
  if (username || password) {
    return 'The address holds a name or a password. Leave them out: the token says who you are.'
  }
  if (page === 'https:' && protocol === 'http:' && !LOOPBACK.test(hostname)) {
    return 'This page came over https, so the browser lets it ask no http address. Use ' +
      `https://${hostname}.`
  }
  return undefined
}

/**
 * @param {string} token
 * @returns {string | undefined} what is wrong with it, in words
 */
export function tokenProblem(token) {
  const text = token.trim()
  if (!text) return 'Give the token that the grant server knows your tenant by.'
  if (!/^[\x21-\x7e]+$/.test(text)) {
    return 'The token holds a space or a letter that no token has. Copy it once more.'
  }
  return undefined
}

/**
 * @param {string} text
 * @returns {object} the grant
 * @throws what is wrong with it, in words
 */
export function parsedGrant(text) {
  const todo = 'Paste all of what “coldpress grant” printed.'
  let grant
  try {
    grant = JSON.parse(text)
  } catch (error) {
    throw new Error(`The grant is not JSON: ${error.message}. ${todo}`)
  }
  if (typeof grant?.key === 'string') return grant
  throw new Error(`This is JSON, but no grant: it has no “key”. ${todo}`)
}
