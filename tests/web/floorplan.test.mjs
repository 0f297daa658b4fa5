// The files of the npm package and of the playground: no two import each other, directly or on a
// detour, not even for types.
import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'node:test'

import { root } from './lib/tools.mjs'

// Imports of code, then those of types in comments.
const CODE = /^(?:import|export)\b[^'"]*?'(\.[^']+)'/gm
const TYPES = /@import\b[^']*'(\.[^']+)'|\bimport\('(\.[^']+)'\)/g

for (const [folder, filesMin] of [['host-wasm/js', 45], ['www', 40]]) {
  test(`${folder}: no two files import each other`, () => {
    const files = filesOf(join(root, folder))
    assert.ok(files.length >= filesMin, `only ${files.length} files`)
    const read = (file) => readFileSync(join(root, folder, file), 'utf8')
    const exists = (file) => existsSync(join(root, folder, file))
    assert.deepEqual(circles(graphOf(files, read, exists)), [])
  })
}

test('a planted circle is found: of code, on a detour, of types alone', () => {
  const planted = {
    'a.js': "import { b } from './src/b.js'\n",
    'src/b.js': "export * from './c.js'\n/** @import { D } from '../d.js' */\n",
    'src/c.js': "import {\n  a,\n} from '../a.js'\n",
    'd.d.ts': "import type { E } from './e.js'\n",
    'd.js': "import './src/alone.js'\n",
    'e.d.ts': "export type E = import('./d.js').D\n",
    'src/alone.js': "// import './b.js'\n",
  }
  const graph = graphOf(Object.keys(planted), (file) => planted[file], (file) => file in planted)
  assert.deepEqual(circles(graph), [
    'a.js -> src/b.js -> src/c.js -> a.js',
    'd.d.ts -> e.d.ts -> d.d.ts',
  ])
})

/** All sources below a folder, without what the build makes. */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.m?js$|\.ts$/.test(file) && !/^(glue|node_modules)\//.test(file))
    .sort()
}

/** The files that each file imports. A type comes from the `.d.ts` beside a file, if there is one. */
function graphOf(files, read, exists) {
  const graph = new Map()
  for (const file of files) {
    const text = read(file)
    const isTypes = file.endsWith('.d.ts')
    const resolved = (path, ofTypes) => {
      const target = posix.join(posix.dirname(file), path)
      const types = target.replace(/\.js$/, '.d.ts')
      return ofTypes && exists(types) ? types : target
    }
    graph.set(file, new Set([
      ...[...text.matchAll(CODE)].map(([, path]) => resolved(path, isTypes)),
      ...[...text.matchAll(TYPES)].map(([, first, second]) => resolved(first ?? second, true)),
    ]))
  }
  return graph
}

/** One line for each circle that a walk from file to file meets. */
function circles(graph) {
  const found = []
  const done = new Set()
  const walk = (file, path) => {
    const at = path.indexOf(file)
    if (at >= 0) found.push([...path.slice(at), file].join(' -> '))
    if (at >= 0 || done.has(file)) return
    for (const next of graph.get(file) ?? []) walk(next, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) walk(file, [])
  return found
}
