/**
 * Makes the playground's folder: this one, the npm package as `coldpress/`, the sample, and the list of it all that the
 * service worker keeps. Nothing is transformed.
 *
 *   node www/assemble.mjs --package UNPACKED_NPM_PACKAGE --out target/www
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { package: { type: 'string' }, out: { type: 'string' } } })
if (!values.package || !values.out) fail('usage: node www/assemble.mjs --package UNPACKED_NPM_PACKAGE --out FOLDER')

const www = dirname(fileURLToPath(import.meta.url))
const out = resolve(values.out)
const entry = join(values.package, 'index.js')
if (!existsSync(entry)) fail(`${entry} is not there; build the package first (cargo xtask npm) and name the folder it is unpacked in`)

// Not of the page: this script, what is read beside it, and the package's papers and types.
const leftOut = /(^|\/)(assemble\.mjs|README\.md|CHANGELOG\.md|node_modules|docs)$|\.d\.ts$|\.tgz$/

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
copy(www, out)
copy(values.package, join(out, 'coldpress'))
copy(join(www, '../examples/movies.ndjson'), join(out, 'examples/movies.ndjson'))

const files = list(out).filter(file => file !== 'sw.js').sort()
const hash = createHash('sha256')
for (const file of [...files, 'sw.js']) hash.update(`${file}\n`).update(readFileSync(join(out, file)))
const precache = { version: hash.digest('hex').slice(0, 16), files: files.map(file => `./${file}`) }
writeFileSync(join(out, 'precache.js'), `self.precache = ${JSON.stringify(precache, null, 1)}\n`)
console.log(`${values.out}: ${files.length} files, version ${precache.version}`)

function copy(from, to) {
  cpSync(from, to, { recursive: true, filter: path => path === from || !leftOut.test(path.replaceAll('\\', '/')) })
}

function list(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(found => found.isFile())
    .map(found => relative(folder, join(found.parentPath ?? found.path, found.name)).replaceAll('\\', '/'))
}

function fail(message) {
  console.error(`assemble: ${message}`)
  process.exit(1)
}
