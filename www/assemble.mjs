/**
 * Makes the playground's folder: this one, the npm package as `coldpress/`, the sample, and the list of it all that the
 * service worker keeps. Nothing is transformed.
 *
 *   node www/assemble.mjs --package UNPACKED_NPM_PACKAGE --out target/www
 */
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, posix, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { package: { type: 'string' }, out: { type: 'string' } } })
if (!values.package || !values.out) fail('usage: node www/assemble.mjs --package UNPACKED_NPM_PACKAGE --out FOLDER')

const www = dirname(fileURLToPath(import.meta.url))
const out = resolve(values.out)
const entry = join(values.package, 'index.js')
if (!existsSync(entry)) fail(`${entry} is not there; build the package first (cargo xtask npm) and name the folder it is unpacked in`)

rmSync(out, { recursive: true, force: true })
// Not of the page: this script and what is read beside it.
cpSync(www, out, { recursive: true, filter: path => !['assemble.mjs', 'README.md'].includes(basename(path)) })
for (const file of reachable('index.js')) copy(join(values.package, file), join(out, 'coldpress', file))
copy(join(www, '../examples/movies.ndjson'), join(out, 'examples/movies.ndjson'))

const files = list(out).filter(file => file !== 'sw.js').sort()
const hash = createHash('sha256')
for (const file of [...files, 'sw.js']) hash.update(`${file}\n`).update(readFileSync(join(out, file)))
const precache = { version: hash.digest('hex').slice(0, 16), files: files.map(file => `./${file}`) }
writeFileSync(join(out, 'precache.js'), `self.precache = ${JSON.stringify(precache, null, 1)}\n`)
console.log(`${values.out}: ${files.length} files, version ${precache.version}`)

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}

/** Of the package, what its entry for browsers leads to: no visitor should keep the loaders of other runtimes. */
function reachable(first) {
  const found = new Set([first])
  for (const file of found) {
    if (!file.endsWith('.js')) continue
    const code = readFileSync(join(values.package, file), 'utf8')
    for (const [, path] of code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|new URL\()'(\.{1,2}\/[^']+)'/g)) {
      found.add(posix.join(posix.dirname(file), path))
    }
  }
  return found
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
