// The test's end of the connection to a tab. It sends commands, gets results, and notices that a
// page is gone.
import { once } from 'node:events'
import { createServer } from 'node:http'

import { HANG_MS } from '../lib/patience.mjs'
import { bodyOf } from '../lib/server.mjs'

/** Each tab has a server of its own: browsers allow one origin a few connections only. */
export class Wire {
  #server = createServer((request, response) => void this.#take(request, response))
  /** @type {import('node:http').ServerResponse | undefined} the page waits for a command */
  #idle
  #outcome
  #end = () => {}
  /** Resolves when the page is gone. */
  gone = new Promise((resolve) => (this.#end = resolve))
  isGone = false

  static async open() {
    const wire = new Wire()
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    wire.url = `http://127.0.0.1:${wire.#server.address().port}`
    wire.ready = new Promise((resolve) => (wire.#outcome = { resolve, reject() {} }))
    return wire
  }

  /**
   * Sends a command to the page. Returns undefined if the page is gone before the result comes.
   *
   * @param {string} command one of pages/tab.js
   * @param {object} [given]
   * @returns {Promise<any>}
   */
  send(command, given = {}) {
    if (this.isGone) return Promise.resolve(undefined)
    let timer
    const outcome = new Promise((resolve, reject) => {
      this.#outcome = { resolve, reject }
      timer = setTimeout(() => reject(new Error(`${command} took over ${HANG_MS} ms`)), HANG_MS)
    })
    this.#idle.end(JSON.stringify({ command, given }))
    this.#idle = undefined
    return Promise.race([outcome, this.gone]).finally(() => clearTimeout(timer))
  }

  /** The page is gone, as the browser says. */
  cut() {
    this.isGone = true
    this.#end()
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #take(request, response) {
    const outcome = JSON.parse(await bodyOf(request))
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('content-type', 'application/json')
    response.once('close', () => response.writableFinished || this.cut())
    this.#idle = response
    const { resolve, reject } = this.#outcome
    if (outcome.error) reject(Object.assign(new Error(outcome.error.message), outcome.error))
    else resolve(outcome.done)
  }
}
