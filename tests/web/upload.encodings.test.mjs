// The encodings of a file: those that the caller chose, or those that the grant names, or
// the default.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { coldpress, only, started } from './upload/started.mjs'

const { inspect } = coldpress
const ROWS = Array.from({ length: 2_000 }, (_, n) => (
  { n, angle: Math.sin(n), text: `reading ${n * 7919}` }
))

/** The same grants, which name the encodings of the file. */
const naming = (grants, encodings) => async (request, options) =>
  ({ ...(await grants(request, options)), encodings })

test('a grant chooses the encodings if the caller did not', async (t) => {
  const { store, grants, send } = await started(t)
  const asking = naming(grants, 'legacy')
  const request = { collection: 'events', min_lsn: '1', max_lsn: '2000' }
  const fixed = await asking(request, { signal: undefined })
  const legacy = ['PLAIN', 'RLE', 'RLE_DICTIONARY']
  for (const [grant, options, expected] of [
    [asking, {}, legacy],
    [fixed, {}, legacy],
    [grants, { encodings: 'legacy' }, legacy],
    [asking, { encodings: 'compact' }, ['BYTE_STREAM_SPLIT', 'DELTA_BINARY_PACKED']],
    [grants, {}, ['DELTA_BINARY_PACKED', 'PLAIN']],
  ]) {
    store.objects.clear()
    await send(ROWS, { grant, ...options })
    const found = await encodingsOf(only(store.objects)[1].body)
    if (expected === legacy) assert.deepEqual(found.filter((name) => !legacy.includes(name)), [])
    else assert.deepEqual(expected.filter((name) => !found.includes(name)), [])
  }
})

test('a wrong set of encodings is named', async (t) => {
  const { store, grants, send } = await started(t)
  for (
    const [grant, options] of [[naming(grants, 'newest'), {}], [grants, { encodings: 'newest' }]]
  ) {
    await assert.rejects(send(ROWS, { grant, ...options }), (error) => {
      assert.equal(error.code, 'Settings')
      assert.match(error.message, /"newest" is not a set of encodings; choose "portable", "compact" or "legacy"/)
      return true
    })
  }
  assert.equal(store.objects.size, 0)
})

async function encodingsOf(bytes) {
  const { row_groups: groups } = await inspect(bytes)
  return groups.flatMap((group) => group.columns.flatMap((column) => column.encodings))
}
