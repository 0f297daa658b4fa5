// Measures the size of the package, and checks its limits:
//
//   node size.mjs --tarball FILE --named FOLDER
//
// FOLDER/NAME/NAME_bg.wasm are the modules that still have the names of their functions. The names
// tell the size of each part.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

import { partsOf } from './wasm_parts.mjs'

/** The most that a page may have to fetch, brotli 11, in bytes, as host-wasm/js/README.md says. */
const GATES = {
  'brotli.wasm': 645_000, 'coldpress.wasm': 500_000, 'encode.wasm': 295_000, 'scan.wasm': 200_000,
  'scan-all.wasm': 320_000,
}

const { values } = parseArgs({
  options: { tarball: { type: 'string' }, named: { type: 'string' } },
})
const folder = join(dirname(values.tarball), 'package')
const report = { modules: {}, javascript: {}, tarball: statSync(values.tarball).size, parts: {} }

const modules = readdirSync(join(folder, 'glue')).filter((name) => name.endsWith('.wasm')).sort()
for (const name of modules) report.modules[name] = weigh(readFileSync(join(folder, 'glue', name)))
report.javascript.glue = weigh(all(join(folder, 'glue'), '.js'))
report.javascript.handwritten = weigh(
  Buffer.concat([all(folder, '.js'), all(join(folder, 'src'), '.js')]),
)
for (const name of modules.map((name) => name.replace('.wasm', ''))) {
  const path = join(values.named, name, `${name}_bg.wasm`)
  if (!existsSync(path)) throw new Error(`${path} is not there; build again: cargo xtask npm`)
  report.parts[name] = partsOf(readFileSync(path))
}
writeFileSync(join(dirname(values.tarball), 'size.json'), `${JSON.stringify(report, null, 2)}\n`)
print(report)

const failed = Object.entries(GATES).filter(([name, most]) =>
  !(report.modules[name]?.brotli <= most)
)
for (const [name, most] of failed) {
  console.error(
    `${name} is ${kilobytes(report.modules[name]?.brotli)} in brotli; it may be ${
      kilobytes(most)
    } (host-wasm/js/README.md)`,
  )
}
process.exitCode = failed.length === 0 ? 0 : 1

function weigh(bytes) {
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }).length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }
}

function all(directory, extension) {
  const names = readdirSync(directory).filter((name) => name.endsWith(extension)).sort()
  return Buffer.concat(names.map((name) => readFileSync(join(directory, name))))
}

function print({ modules, javascript, tarball, parts }) {
  const row = (name, { raw, gzip, brotli, sha256 }, gate) =>
    `${name.padEnd(16)} ${kilobytes(raw)} ${kilobytes(gzip)} ${kilobytes(brotli)} ${
      gate ? kilobytes(gate) : ' '.repeat(9)
    }  ${sha256.slice(0, 12)}`
  console.log(`${' '.repeat(16)}       raw      gzip    brotli      gate  sha256`)
  for (const [name, size] of Object.entries(modules)) console.log(row(name, size, GATES[name]))
  for (const [name, size] of Object.entries(javascript)) console.log(row(`js, ${name}`, size))
  console.log(`${'tarball'.padEnd(16)} ${kilobytes(tarball)}`)
  const names = Object.keys(parts)
  console.log(
    `\nCode and data before wasm-opt, by part\n${' '.repeat(28)}${
      names.map((name) => name.padStart(10)).join('')
    }`,
  )
  const all = [...new Set(names.flatMap((name) => Object.keys(parts[name])))]
  const most = (part) => Math.max(...names.map((name) => parts[name][part] ?? 0))
  for (const part of all.sort((a, b) => most(b) - most(a))) {
    console.log(
      `${part.padEnd(28)}${
        names.map((name) => kilobytes(parts[name][part] ?? 0).padStart(10)).join('')
      }`,
    )
  }
}

function kilobytes(bytes) {
  return bytes === undefined ? 'missing' : `${(bytes / 1000).toFixed(1)} kB`.padStart(9)
}
