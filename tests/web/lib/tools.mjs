// Where the tools and the package are. `cargo xtask test` sets the environment; a plain
// `node --test` finds them where xtask puts them.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The work tree. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')

const target = process.env.CARGO_TARGET_DIR
  ? resolve(process.env.CARGO_TARGET_DIR)
  : join(root, 'target')

/** What `cargo xtask setup` installs. */
export const tools = process.env.COLDPRESS_TOOLS ?? join(target, 'tools')

/**
 * Imports a package of tests/web/package.json, which lies outside of every folder that Node would
 * look in.
 *
 * @param {string} name as in an import, `miniflare` or `vite`
 */
export async function tool(name) {
  const require = createRequire(join(tools, 'web/package.json'))
  return import(pathToFileURL(require.resolve(name)).href)
}

/** The path of a file below the tools' node_modules, such as `axe-core/axe.min.js`. */
export function toolFile(path) {
  return present(join(tools, 'web/node_modules', path), 'cargo xtask setup')
}

/** The tarball of the npm package. */
export function tarball() {
  return present(process.env.COLDPRESS_NPM ?? join(target, 'npm/coldpress.tgz'), 'cargo xtask npm')
}

/** The folder that the tarball was unpacked into. */
export function unpacked() {
  return present(join(dirname(tarball()), 'package'), 'cargo xtask npm')
}

/** The playground, assembled on the package. */
export function www() {
  return present(process.env.COLDPRESS_WWW ?? join(target, 'www'), 'cargo xtask www')
}

/** The native command, built with `--features serve`. */
export function coldpressProgram() {
  const bin = process.env.COLDPRESS_BIN ?? join(target, 'debug/coldpress')
  return present(bin, 'cargo build --package coldpress-cli --features serve')
}

/** The Python that has every engine of Python but Spark. */
export function python() {
  const program = process.env.COLDPRESS_PYTHON ?? join(tools, 'python/bin/python')
  return present(program, 'cargo xtask setup')
}

/** The Python that has PySpark of this major version. */
export function spark(major) {
  return present(join(tools, `spark${major}/bin/python`), 'cargo xtask setup')
}

/** SeaweedFS. */
export function weedProgram() {
  return present(process.env.COLDPRESS_WEED ?? join(tools, 'python/bin/weed'), 'cargo xtask setup')
}

/**
 * A folder that is removed when the test ends. Hooks run in their order: a hook that stops a writer
 * to this folder must be set before.
 *
 * @param {{ after(fn: () => void): void }} test the context that node:test passes
 */
export function temporaryFolder(test) {
  const folder = mkdtempSync(join(tmpdir(), 'coldpress-web-'))
  test.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

function present(path, command) {
  if (!existsSync(path)) throw new Error(`${path} is not there; run: ${command}`)
  return path
}
