// A small S3 client to set up and to look at a bucket: requests signed in their headers
// (Signature Version 4).
import { createHash, createHmac } from 'node:crypto'

const sha256 = (data) => createHash('sha256').update(data).digest('hex')
const hmac = (key, text) => createHmac('sha256', key).update(text).digest()
// Encodes as S3 canonicalises: RFC 3986's unreserved characters stay, no others.
const encode = (text) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/** A client of one bucket: `new Bucket(await startSeaweed())`. */
export class Bucket {
  /**
   * @param {{ endpoint: string, bucket: string, accessKey: string, secretKey: string, region:
   *   string }} server
   */
  constructor(server) {
    this.server = server
  }

  /**
   * Sends a signed request.
   *
   * @param {string} method
   * @param {string} key empty for the bucket itself
   * @param {{ query?: Record<string, string>, headers?: Record<string, string>, body?: string |
   *   Uint8Array }} [options]
   * @returns {Promise<Response>} whatever its status
   */
  request(method, key, { query = {}, headers = {}, body = '' } = {}) {
    const { endpoint, bucket, accessKey, secretKey, region } = this.server
    const path = `/${bucket}${key === '' ? '' : `/${key.split('/').map(encode).join('/')}`}`
    const search = Object.keys(query).sort().map((name) => `${encode(name)}=${encode(query[name])}`)
      .join('&')
    const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
    const digest = sha256(body)
    const signed = {
      ...lowered(headers),
      host: new URL(endpoint).host,
      'x-amz-content-sha256': digest,
      'x-amz-date': stamp,
    }
    const names = Object.keys(signed).sort()
    const lines = names.map((name) => `${name}:${String(signed[name]).trim()}\n`).join('')
    const canonical = [method, path, search, lines, names.join(';'), digest].join('\n')
    const scope = `${stamp.slice(0, 8)}/${region}/s3/aws4_request`
    const steps = [stamp.slice(0, 8), region, 's3', 'aws4_request']
    const signingKey = steps.reduce((signing, step) => hmac(signing, step), `AWS4${secretKey}`)
    const text = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n')
    const { host, ...sent } = signed
    sent.authorization =
      `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names.join(';')}, ` +
      `Signature=${hmac(signingKey, text).toString('hex')}`
    const url = `${endpoint}${path}${search === '' ? '' : `?${search}`}`
    return fetch(url, {
      method,
      headers: sent,
      body: ['GET', 'HEAD'].includes(method) ? undefined : body,
    })
  }

  /** Writes an object. */
  async put(key, body, headers = {}) {
    await expectOk(await this.request('PUT', key, { body, headers }), `PUT ${key}`)
  }

  /** @returns {Promise<Uint8Array>} an object's bytes */
  async get(key) {
    const response = await expectOk(await this.request('GET', key), `GET ${key}`)
    return new Uint8Array(await response.arrayBuffer())
  }

  /** @returns {Promise<string[]>} the keys of this prefix, in order */
  async list(prefix = '') {
    const keys = []
    let token
    do {
      const query = {
        'list-type': '2',
        prefix,
        ...(token === undefined ? {} : { 'continuation-token': token }),
      }
      const text =
        await (await expectOk(await this.request('GET', '', { query }), `list ${prefix}`)).text()
      keys.push(...texts(text, 'Key'))
      token = texts(text, 'NextContinuationToken')[0]
    } while (token !== undefined)
    return keys
  }

  /** @returns {Promise<string[]>} the ids of open multipart uploads */
  async uploads() {
    const response = await this.request('GET', '', { query: { uploads: '' } })
    return texts(await (await expectOk(response, 'list uploads')).text(), 'UploadId')
  }

  /**
   * Sets what pages of other origins may do with the bucket.
   *
   * @param {{ origins: string[], methods?: string[], headers?: string[], expose?: string[] }} rule
   */
  async allowOrigins(
    {
      origins,
      methods = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'],
      headers = ['*'],
      expose = ['ETag'],
    },
  ) {
    const list = (name, values) => values.map((value) => `<${name}>${value}</${name}>`).join('')
    const body =
      `<CORSConfiguration><CORSRule>${list('AllowedOrigin', origins)}${
        list('AllowedMethod', methods)
      }` +
      `${list('AllowedHeader', headers)}${
        list('ExposeHeader', expose)
      }</CORSRule></CORSConfiguration>`
    const digest = createHash('md5').update(body).digest('base64')
    const options = {
      query: { cors: '' },
      body,
      headers: { 'content-md5': digest, 'content-type': 'application/xml' },
    }
    await expectOk(await this.request('PUT', '', options), 'PutBucketCors')
  }

  /** Removes the rule: pages of other origins may do nothing. */
  async forbidOrigins() {
    await expectOk(await this.request('DELETE', '', { query: { cors: '' } }), 'DeleteBucketCors')
  }
}

function lowered(headers) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
}

async function expectOk(response, what) {
  if (response.ok) return response
  throw new Error(`${what}: ${response.status} ${await response.text()}`)
}

function texts(xml, tag) {
  const found = [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))]
  const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return found.map(([, text]) =>
    text.replace(
      /&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi,
      (_, decimal, hex, name) =>
        name ? entities[name] : String.fromCodePoint(decimal ? Number(decimal) : parseInt(hex, 16)),
    )
  )
}
