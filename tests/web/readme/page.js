// Runs examples in a page.

/** Sets what an example takes as given. */
globalThis.give = (things) =>
  Object.assign(globalThis, things, { controller: new AbortController() })

/** Runs a module once more: a module of another query is another module. */
let runs = 0
globalThis.run = (path) => import(`${path}?${(runs += 1)}`)

globalThis.ready = true
