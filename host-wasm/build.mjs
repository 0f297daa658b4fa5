// Builds the modules of the npm package into js/glue: node build.mjs [--profile dev|wasm] [--only NAME,NAME]
//
// cargo, wasm-bindgen of the locked version, glue.mjs, and for the profile `wasm` unreached.mjs and
// wasm-opt (npm `binaryen`).
import { spawn, spawnSync } from 'node:child_process'
import {
  copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { withoutUnreached } from './unreached.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target')
const tools = process.env.COLDPRESS_TOOLS ?? join(root, 'target', 'tools')
const TRIPLE = 'wasm32-unknown-unknown'

/** The modules, and the features of coldpress-wasm each is built with. */
const MODULES = {
  coldpress: 'decode,encode,upload', encode: 'encode', brotli: 'brotli', scan: 'scan', 'scan-all': 'scan-all',
}
/** Those that are made for size: what a page downloads to read some rows must not outweigh them. */
const SMALL = {
  // Without inlining: what is compressed is smaller by a twentieth.
  opt: ['-Oz', '--one-caller-inline-max-function-size=0', '--always-inline-max-function-size=0',
    '--flexible-inline-max-function-size=0', '--merge-similar-functions', '--converge'],
  profile: 'wasm-small',
  env: {
    CFLAGS_wasm32_unknown_unknown: [
      'HUF_FORCE_DECOMPRESS_X1=1', 'ZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT=1', 'ZSTD_NO_INLINE=1',
      'ZSTD_STRIP_ERROR_STRINGS=1',
    ].map(define => `-D${define}`).join(' '),
  },
}
const FAST = { opt: ['-O3'], profile: 'wasm', env: {} }

/** What rustc's wasm32-unknown-unknown uses, and every runtime we name has. */
const FEATURES = ['bulk-memory', 'multivalue', 'mutable-globals', 'nontrapping-float-to-int', 'reference-types', 'sign-ext']
  .map(feature => `--enable-${feature}`)

const { values } = parseArgs({
  options: { profile: { type: 'string', default: 'dev' }, only: { type: 'string' } },
})
const out = join(here, 'js', 'glue')
mkdirSync(out, { recursive: true })
const finishing = []
for (const name of values.only?.split(',') ?? Object.keys(MODULES)) {
  if (!(name in MODULES)) throw new Error(`no module is named ${name}; choose ${Object.keys(MODULES).join(', ')}`)
  finishing.push(build(name, values.profile))
}
const codes = await Promise.all(finishing)
process.exitCode = codes.find(code => code !== 0) ?? 0

/** Gives how its end went: wasm-opt takes one core and as long as a build, so that the next build runs beside it. */
function build(name, profile) {
  const features = MODULES[name]
  const isShipped = profile === 'wasm'
  const how = name.startsWith('scan') ? SMALL : FAST
  const archiver = llvmArchiver()
  run('cargo', ['build', '--locked', '--package', 'coldpress-wasm', '--target', TRIPLE,
    '--profile', isShipped ? how.profile : profile,
    '--no-default-features', ...(features ? ['--features', features] : [])], {
    CC_wasm32_unknown_unknown: 'clang', AR_wasm32_unknown_unknown: archiver,
    // The hash tables of a dependency would otherwise be seeded anew by every build.
    CONST_RANDOM_SEED: 'coldpress',
    ...(isShipped ? how.env : {}),
  })
  const folder = isShipped ? how.profile : 'debug'
  const made = join(target, TRIPLE, folder, 'coldpress_wasm.wasm')
  const staged = join(target, TRIPLE, isShipped ? 'wasm' : folder, 'npm', name)
  rmSync(staged, { recursive: true, force: true })
  run(join(tools, 'bin', 'wasm-bindgen'), ['--target', 'web', '--omit-default-module-path', '--no-typescript',
    '--out-dir', staged, '--out-name', name, made])
  run(process.execPath, [join(here, 'glue.mjs'), join(staged, `${name}.js`), join(out, `${name}.js`)])
  const bound = join(staged, `${name}_bg.wasm`)
  const wasm = join(out, `${name}.wasm`)
  if (isShipped) {
    writeFileSync(bound, withoutUnreached(readFileSync(bound)))
    return started(wasmOpt(), [...how.opt, ...FEATURES, '--strip-debug', '--strip-producers', bound, '-o', wasm])
  }
  copyFileSync(bound, wasm)
  return Promise.resolve(0)
}

function started(command, args) {
  const child = spawn(command, args, { stdio: 'inherit', cwd: root })
  return new Promise((resolve, reject) => {
    child.once('error', error => reject(new Error(`cannot run ${command}: ${error.message}; run: cargo xtask setup`)))
    child.once('close', code => resolve(code ?? 1))
  })
}

function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', cwd: root, env: { ...process.env, ...env } })
  if (error) throw new Error(`cannot run ${command}: ${error.message}; run: cargo xtask setup`)
  if (status !== 0) process.exit(status ?? 1)
}

/** LLVM's archiver by whichever name it has: binutils' makes archives that wasm's linker cannot read. */
function llvmArchiver() {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const found = existsSync(folder) && readdirSync(folder).find(name => /^llvm-ar(-\d+)?$/.test(name))
    if (found) return found
  }
  throw new Error('llvm-ar is missing; run: cargo xtask setup')
}

function wasmOpt() {
  const path = join(tools, 'web', 'node_modules', '.bin', 'wasm-opt')
  if (existsSync(path)) return path
  throw new Error(`${path} is missing; run: cargo xtask setup`)
}
