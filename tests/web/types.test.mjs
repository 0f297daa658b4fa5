// The package's types, by tsc: types/package.ts holds what must compile, and what must not.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { root, temporaryFolder, toolFile, unpacked } from './lib/tools.mjs'

for (const [name, flags] of Object.entries({
  'as Node resolves': [],
  'as bundlers resolve': ['--module', 'esnext', '--moduleResolution', 'bundler'],
})) {
  test(`types, ${name}`, async t => {
    const folder = temporaryFolder(t)
    cpSync(join(root, 'tests/web/types'), folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(unpacked(), join(folder, 'node_modules/coldpress'))
    const tsc = toolFile('typescript/lib/tsc.js')
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', folder, '--preserveSymlinks', ...flags]).catch(error => error)
    assert.equal(stdout, '')
  })
}

test('JavaScript, by its JSDoc', async t => {
  const folder = temporaryFolder(t)
  const compilerOptions = {
    noEmit: true, allowJs: true, checkJs: true, strict: true, noImplicitAny: false, useUnknownInCatchVariables: false,
    target: 'es2024', lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable', 'esnext'], types: [], module: 'nodenext',
  }
  const files = ['encode.js', 'src/decode.js'].map(name => join(unpacked(), name))
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const tsc = toolFile('typescript/lib/tsc.js')
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch(error => error)
  assert.equal(stdout, '')
})
