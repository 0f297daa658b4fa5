/**
 * Assembles the playground: copies this folder, the npm package as `coldpress/`, and the sample,
 * and writes the list of files that the service worker keeps. It transforms nothing.
 *
 *   node www/assemble.mjs --package UNPACKED_NPM_PACKAGE --out target/www
 */
import { createHash } from 'node:crypto'
import {
  copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync,
} from 'node:fs'
import { basename, dirname, join, posix, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const IMPORTS = /(?:\bfrom\s*|\bimport\s*\(?\s*|new URL\()'(\.{1,2}\/[^']+)'/g

const { values } = parseArgs({ options: { package: { type: 'string' }, out: { type: 'string' } } })
if (!values.package || !values.out) {
  fail('usage: node www/assemble.mjs --package UNPACKED_NPM_PACKAGE --out FOLDER')
}

const www = dirname(fileURLToPath(import.meta.url))
const out = resolve(values.out)
const entry = join(values.package, 'index.js')
if (!existsSync(entry)) {
  fail(`${entry} does not exist; build the package first (cargo xtask npm), and name its folder`)
}

rmSync(out, { recursive: true, force: true })
const NOT_OF_THE_PAGE = ['assemble.mjs', 'README.md']
cpSync(www, out, { recursive: true, filter: path => !NOT_OF_THE_PAGE.includes(basename(path)) })
for (const file of reachable(['index.js', 'scan.js'])) {
  copy(join(values.package, file), join(out, 'coldpress', file))
}
copy(join(www, '../examples/movies.ndjson'), join(out, 'examples/movies.ndjson'))

const files = list(out).filter(file => file !== 'sw.js').sort()
const hash = createHash('sha256')
for (const file of [...files, 'sw.js']) {
  hash.update(`${file}\n`).update(readFileSync(join(out, file)))
}
const precache = { version: hash.digest('hex').slice(0, 16), files: files.map(file => `./${file}`) }
writeFileSync(join(out, 'precache.js'), `self.precache = ${JSON.stringify(precache, null, 1)}\n`)
console.log(`${values.out}: ${files.length} files, version ${precache.version}`)

function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}

/** The files of the package that browsers load: visitors need no loaders of other runtimes. */
function reachable(entries) {
  const found = new Set(entries)
  for (const file of found) {
    if (!file.endsWith('.js')) continue
    const code = readFileSync(join(values.package, file), 'utf8')
    for (const [, path] of code.matchAll(IMPORTS)) {
      found.add(posix.join(posix.dirname(file), path))
    }
  }
  return found
}

function list(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(found => found.isFile())
    .map(found => relative(folder, join(found.parentPath ?? found.path, found.name)))
    .map(path => path.replaceAll('\\', '/'))
}

function fail(message) {
  console.error(`assemble: ${message}`)
  process.exit(1)
}
