// For browsers, their workers, Deno and Bun: fetches the module, which lies beside this file.
import { glue } from './glue/scan.js'
import { Engine } from './src/engine.js'
import { fetched } from './src/module.js'
import { scanApi } from './src/scan-api.js'

const load = () => fetched(new URL('./glue/scan.wasm', import.meta.url))

export const { init, open, scanCollection } = scanApi(new Engine(glue, load))
export { ColdpressError } from './src/error.js'
