// Firefox commits what a transaction holds if its page is left while the transaction waits. So a
// transaction of the outbox makes all its writes in one task: while it waits, it holds none of them
// or all. This holds every transaction of the modelled IndexedDB to that rule.

import assert from 'node:assert/strict'
import { after } from 'node:test'

const READS = ['get', 'getAll', 'getKey', 'getAllKeys', 'openCursor', 'openKeyCursor']
const WRITES = ['add', 'put', 'delete', 'clear']

/**
 * Makes the file of tests fail if a transaction goes on after a wait in which it held writes.
 *
 * @param {typeof IDBObjectStore} IDBObjectStore
 */
export function holdToOneBurst({ prototype }) {
  /** Transactions that have waited since their first write. */
  const waited = new WeakSet()
  const torn = new Set()
  for (const name of [...READS, ...WRITES]) {
    const real = prototype[name]
    prototype[name] = function (...given) {
      const { transaction } = this
      if (waited.has(transaction)) torn.add(`${this.name}.${name}`)
      const request = real.apply(this, given)
      if (WRITES.includes(name)) request.addEventListener('success', () => waited.add(transaction))
      return request
    }
  }
  after(() => {
    const message = 'a page that is left before one of these calls would keep half of a step'
    assert.deepEqual([...torn], [], message)
  })
}
