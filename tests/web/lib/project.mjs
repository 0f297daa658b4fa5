// Projects of users of the package: fresh folders in which npm has installed the tarball.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { run } from './command.mjs'
import { tarball, temporaryFolder, toolFile } from './tools.mjs'

/**
 * A new project with the tarball installed, and nothing else.
 *
 * @param {{ after(fn: () => void): void }} test
 * @param {Record<string, string>} [files] name → text
 * @returns {Promise<string>} its folder
 */
export async function newProject(test, files = {}) {
  const folder = temporaryFolder(test)
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify({ name: 'consumer', private: true, type: 'module' })}\n`,
  )
  await run('npm', [
    'install',
    '--offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    tarball(),
  ], { cwd: folder })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** The program of Deno. (An install script, which we do not run, would make the usual wrapper.) */
export function denoProgram() {
  return toolFile(
    `@deno/${process.platform}-${process.arch}${process.platform === 'linux' ? '-glibc' : ''}/deno`,
  )
}

/** Bun's program itself, for the same reason. */
export function bunProgram() {
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch
  return toolFile(`@oven/bun-${process.platform}-${arch}/bin/bun`)
}
