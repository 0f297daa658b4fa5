// What every consumer does with the package: it encodes the golden rows with a codec of each of the
// two modules.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { root } from '../lib/tools.mjs'

const text = readFileSync(join(root, 'tests/golden/flat.ndjson'), 'utf8')
const shas = Object.fromEntries(
  readFileSync(join(root, 'tests/golden/sha256.txt'), 'utf8').trim().split('\n').map((line) =>
    line.split('  ').reverse()
  ),
)

/** Source code that follows a recipe's import of `encode`: an expression for the two hashes. */
export const HASHES = `(async () => {
  const rows = ${JSON.stringify(text)}
  const target = { tenant: 7, collection: 'law' }
  const hash = async (codec) => (await encode(rows, { ...target, codec })).sha256()
  return { zstd: await hash('zstd'), brotli: await hash('brotli') }
})()`

/** Compares the hashes of a consumer with the golden ones. */
export function assertGolden({ zstd, brotli }) {
  assert.deepEqual({ zstd, brotli }, { zstd: shas['flat.zstd'], brotli: shas['flat.brotli'] })
}

/** Source code that posts the result of a page or worker, or its failure. */
export const POST = `
const work = ${HASHES}
work.catch((error) => ({ error: String(error?.stack ?? error) }))
  .then((found) => fetch('/result', { method: 'POST', body: JSON.stringify(found) }))
`

export const PAGE =
  '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Consumer</title>' +
  '<link rel="icon" href="data:,">\n<script type="module" src="./app.js"></script></html>\n'
