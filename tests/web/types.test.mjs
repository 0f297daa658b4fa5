// Checks the types of the package with tsc. types/package.ts must compile; each marked line of
// types/wrong.ts must not.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { root, temporaryFolder, toolFile, unpacked } from './lib/tools.mjs'

const TYPES = join(root, 'tests/web/types')

for (const [name, flags] of Object.entries({
  'as Node resolves': [],
  'as bundlers resolve': ['--module', 'esnext', '--moduleResolution', 'bundler'],
})) {
  test(`types, ${name}`, async t => {
    assert.equal(await compiled(project(t, 'package.ts'), flags), '')
  })
}

test('what must not compile: tsc points to the field, and says what is wrong with it', async t => {
  const lines = readFileSync(join(TYPES, 'wrong.ts'), 'utf8').split('\n')
  const expected = lines.flatMap((text, at) => {
    const [, place, words] = /^\/\/ error at (\S+): (.+)$/.exec(text) ?? []
    return place ? [{ line: at + 2, place, words }] : []
  })
  assert.ok(expected.length >= 20)
  const errors = errorsIn(await compiled(project(t, 'wrong.ts')))
  const of = ({ line, column }) => lines[line - 1].slice(column - 1)
  for (const { line, place, words } of expected) {
    const error = errors.get(line)
    assert.ok(error, `wrong.ts:${line} compiles: ${lines[line - 1]}`)
    const { message } = error
    assert.ok(message.includes(words), `wrong.ts:${line}: ${message}\nis not about: ${words}`)
    const found = of(error)
    assert.ok(found.startsWith(place), `wrong.ts:${line} points to: ${found}\nnot to: ${place}`)
    errors.delete(line)
  }
  assert.deepEqual([...errors.values()], [])
})

test('JavaScript, by its JSDoc', async t => {
  const folder = temporaryFolder(t)
  const compilerOptions = {
    noEmit: true, allowJs: true, checkJs: true, strict: true, noImplicitAny: false,
    useUnknownInCatchVariables: false, types: [], module: 'nodenext',
    target: 'es2024', lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable', 'esnext'],
  }
  const files = ['encode.js', 'scan.js', 'src/decode.js', 'src/upload.js'].map(name => join(unpacked(), name))
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  assert.equal(await compiled(folder), '')
})

/** A folder with the types' programs, of which tsc is to compile one, and the package. */
function project(t, file) {
  const folder = temporaryFolder(t)
  cpSync(TYPES, folder, { recursive: true })
  const settings = JSON.parse(readFileSync(join(TYPES, 'tsconfig.json'), 'utf8'))
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...settings, files: [file] }))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(unpacked(), join(folder, 'node_modules/coldpress'))
  return folder
}

/** The output of tsc; empty without errors. */
function compiled(folder, flags = []) {
  const tsc = toolFile('typescript/lib/tsc.js')
  const args = [tsc, '-p', folder, '--preserveSymlinks', '--pretty', 'false', ...flags]
  return new Promise(resolve => {
    execFile(process.execPath, args, { maxBuffer: 1 << 24 }, (error, stdout) => {
      resolve(error && !stdout ? String(error) : stdout)
    })
  })
}

/** The errors that tsc printed, by line; each with all that it said. */
function errorsIn(printed) {
  const found = new Map()
  let error
  for (const text of printed.split('\n')) {
    const [, line, column, message] = /wrong\.ts\((\d+),(\d+)\): error (.*)$/.exec(text) ?? []
    if (line) {
      error = { line: Number(line), column: Number(column), message }
      found.set(error.line, error)
    } else if (error) {
      error.message += `\n${text}`
    }
  }
  return found
}
