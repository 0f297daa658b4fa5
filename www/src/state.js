/** The state of the page, and the functions that watch it. */

/**
 * @typedef {object} State
 * @property {'empty' | 'busy' | 'done' | 'error'} phase
 * @property {import('./worker/source.js').Source | null} source
 * @property {object | null} progress
 * @property {object | null} result of the worker's `press`; `kind` is `pressed` or `read`
 * @property {object | null} verified the result of `verify`, or `{error}`
 * @property {object[]} codecs results of `compare` so far
 * @property {boolean} comparing
 * @property {Error | null} error
 * @property {boolean} stopped whether the reader stopped the last press
 */

/** @returns {State} */
const empty = () => ({
  phase: 'empty', source: null, progress: null, result: null, verified: null, codecs: [],
  comparing: false, error: null, stopped: false
})

/** @type {State} */
export const state = empty()

const watchers = []

/** Calls `then` whenever one of `keys` is set. */
export function watch(keys, then) {
  watchers.push({ keys, then })
}

/** @param {Partial<State>} changes */
export function set(changes) {
  Object.assign(state, changes)
  for (const { keys, then } of watchers) {
    if (keys.some(key => key in changes)) then(state)
  }
}
