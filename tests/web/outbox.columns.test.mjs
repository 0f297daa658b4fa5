// The objects of an outbox keep the types of their columns.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { IDBFactory, Life, Store } from './outbox/model.mjs'
import { World } from './outbox/world.mjs'

const options = { batchAgeMs: 3_600_000 }

test('each object keeps the columns of the last one, also in another life of the page', async () => {
  const [store, indexedDB] = [new Store(), new IDBFactory()]
  const stored = async (row) => {
    const life = new Life(store)
    const outbox = await life.open({ indexedDB, ...options })
    await outbox.append(row)
    await outbox.flush()
    await outbox.close()
    return life.encoded.at(-1)
  }
  const first = await stored({ n: 0 })
  assert.deepEqual([first.schema, first.newFields], [undefined, undefined])
  const second = await stored({ n: 1, more: 'x' })
  assert.deepEqual([JSON.parse(second.schema).columns, second.newFields], [first.columns, 'column'])
  const third = await stored({ n: 'text' })
  assert.deepEqual(JSON.parse(third.schema).columns, second.columns)
  assert.deepEqual(third.columns.map(({ type }) => type), ['number', 'string'])
})

test('newSchema and a given schema choose the columns themselves', async () => {
  for (const [more, wanted] of [[{ newSchema: true }, undefined], [{ schema: '{"columns":[]}' }]]) {
    const life = new Life(new Store())
    const outbox = await life.open({ indexedDB: new IDBFactory(), ...options, ...more })
    for (const n of [0, 1]) {
      await outbox.append({ n })
      await outbox.flush()
    }
    assert.deepEqual(life.encoded.map(({ newFields }) => newFields), [wanted, wanted])
    await outbox.close()
  }
  const wrong = new Life(new Store()).open({ indexedDB: new IDBFactory(), newSchema: 'yes' })
  await assert.rejects(wrong, { code: 'Misuse', message: /newSchema: yes/ })
})

test('a file that keeps the columns of an older one is encoded again', async () => {
  const world = new World({ options })
  const page = await world.page()
  await page.outbox.append(world.rows(1))
  const { encode } = page.life.pack
  let once = true
  page.life.pack.encode = async (texts, given) => {
    const file = await encode(texts, given)
    // Another page seals a file of other columns while this one encodes.
    if (given.lsns && once) {
      once = false
      await world.remember(page, '{"columns":[{"name":"n","type":"string"}]}')
    }
    return file
  }
  await page.outbox.flush()
  assert.deepEqual(page.life.encoded.map(({ columns }) => columns[0].type), ['number', 'string'])
  await world.close()
})
