// Cloudflare's runtime, set up as by wrangler: bundled by esbuild, WebAssembly as modules of
// its own.
import { basename, join } from 'node:path'

import { temporaryFolder, tool } from './tools.mjs'

/** What wrangler resolves packages by. */
const CONDITIONS = ['workerd', 'worker', 'browser']
const COMPATIBILITY_DATE = '2026-04-01'

/**
 * Bundles a Worker and starts it; it stops when the test ends.
 *
 * @param {{ after(fn: () => any): void }} test
 * @param {string} entry the Worker's file
 * @param {object} [options] more of Miniflare's options, such as `r2Buckets`
 * @returns {Promise<any>} the Miniflare: `dispatchFetch`, `getR2Bucket`
 */
export async function startWorker(test, entry, options = {}) {
  const { Miniflare } = await tool('miniflare')
  const modules = await bundleWorker(test, entry)
  const miniflare = new Miniflare({
    modules,
    modulesRoot: '/',
    compatibilityDate: COMPATIBILITY_DATE,
    host: '127.0.0.1',
    port: 0,
    cf: false,
    ...options,
  })
  test.after(() => miniflare.dispose())
  await miniflare.ready
  return miniflare
}

/** The modules of a Worker, as Miniflare takes them: the script first. */
export async function bundleWorker(test, entry) {
  const esbuild = await tool('esbuild')
  const folder = temporaryFolder(test)
  const { outputFiles } = await esbuild.build({
    entryPoints: { worker: entry },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    outdir: folder,
    conditions: CONDITIONS,
    loader: { '.wasm': 'copy' },
    logLevel: 'warning',
    external: ['cloudflare:*', 'node:*'],
  })
  const module = ({ path, contents }) => ({
    type: path.endsWith('.wasm') ? 'CompiledWasm' : 'ESModule',
    path: join('/', basename(path)),
    contents,
  })
  const isScript = ({ path }) => path.endsWith('worker.js')
  return [...outputFiles.filter(isScript), ...outputFiles.filter((file) => !isScript(file))].map(
    module,
  )
}
