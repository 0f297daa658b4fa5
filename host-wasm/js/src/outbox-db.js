// The database of an outbox: opens it, runs transactions, and translates errors.

import { ColdpressError } from './error.js'

/** @typedef {(name: 'rows' | 'batches' | 'files' | 'meta') => IDBObjectStore} Stores */

const STORES = ['rows', 'batches', 'files', 'meta']

// One migration for each version of the database. A migration is never changed; a new one follows.
/** @type {((db: IDBDatabase) => void)[]} */
const MIGRATIONS = [
  (db) => {
    db.createObjectStore('rows', { keyPath: 'seq', autoIncrement: true })
    db.createObjectStore('batches', { keyPath: 'id', autoIncrement: true })
    db.createObjectStore('files')
    db.createObjectStore('meta')
  },
]

/**
 * @param {string} name
 * @param {IDBFactory} indexedDB
 * @param {(error: ColdpressError) => void} onLost called if something else closes the database
 */
export async function openDatabase(name, indexedDB, onLost) {
  const what = `the outbox ${JSON.stringify(name)}`
  const request = indexedDB.open(`coldpress-outbox/${name}`, MIGRATIONS.length)
  request.onupgradeneeded = ({ oldVersion }) =>
    MIGRATIONS.slice(oldVersion).forEach((migrate) => migrate(request.result))
  /** @type {IDBDatabase} */
  const db = await new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(databaseError(request.error, what))
  })
  return new Database(db, what, onLost)
}

export class Database {
  /**
   * @param {IDBDatabase} db
   * @param {string} what
   * @param {(error: ColdpressError) => void} onLost
   */
  constructor(db, what, onLost) {
    this.db = db
    this.what = what
    /** @param {string} why */
    const lost = (why) => {
      db.close()
      onLost(new ColdpressError('Misuse', `${what} was closed: ${why}; open it again`))
    }
    db.onversionchange = () => lost('another page deletes or upgrades its database')
    db.onclose = () => lost('the browser took its database away')
  }

  close() {
    this.db.close()
  }

  /**
   * @template T
   * @param {(store: Stores) => T | Promise<T>} work awaits only requests of this transaction
   * @returns {Promise<T>}
   */
  read(work) {
    return this.#run('readonly', work)
  }

  /**
   * When this resolves, all that `work` wrote is on disk. If it rejects, nothing is.
   *
   * @template T
   * @param {(store: Stores) => T | Promise<T>} work awaits only requests of this transaction
   * @returns {Promise<T>}
   */
  write(work) {
    return this.#run('readwrite', work)
  }

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: Stores) => T | Promise<T>} work
   * @returns {Promise<T>}
   */
  async #run(mode, work) {
    let transaction
    try {
      transaction = this.db.transaction(STORES, mode, { durability: 'strict' })
    } catch (error) {
      throw databaseError(error, this.what)
    }
    const { objectStore } = transaction
    const ended = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve
      transaction.onabort = () => reject(transaction.error)
    })
    let result
    try {
      result = await work((name) => objectStore.call(transaction, name))
    } catch (error) {
      try {
        transaction.abort()
      } catch {
        // An error of one of its own requests has aborted it already.
      }
      await ended.catch(() => {})
      throw databaseError(error, this.what)
    }
    await ended.catch((error) => {
      throw databaseError(error, this.what)
    })
    return result
  }
}

/**
 * The result of one request.
 *
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
export function resultOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/**
 * @param {any} error
 * @param {string} what
 */
function databaseError(error, what) {
  if (error instanceof ColdpressError) return error
  const said = error?.message ? `${error.name}: ${error.message}` : String(error?.name ?? error)
  switch (error?.name) {
    case 'QuotaExceededError':
      return new ColdpressError(
        'Quota',
        `${what} cannot store more: this site has used up the space that the browser gives it. `
          + 'Nothing of this call was stored. Upload the rows that wait (flush), or free space',
        { cause: error },
      )
    case 'VersionError':
      return new ColdpressError(
        'Misuse',
        `${what} was written by a newer version of coldpress; load that version`,
        { cause: error },
      )
    case 'InvalidStateError':
      return new ColdpressError('Misuse', `${what} is closed; open it again`, { cause: error })
    default:
      return new ColdpressError(
        'Unavailable',
        `${what} cannot be opened or used in IndexedDB (${said})`,
        { cause: error },
      )
  }
}
