// For browsers, their workers, Deno and Bun: fetches the module, which lies beside this file.
import { glue as glueOfAll } from './glue/scan-all.js'
import { glue } from './glue/scan.js'
import { Engine, SCAN } from './src/engine.js'
import { fetched } from './src/module.js'
import { scanApi } from './src/scan-api.js'

const api = scanApi(
  new Engine(glue, () => fetched(new URL('./glue/scan.wasm', import.meta.url)), SCAN),
  new Engine(glueOfAll, () => fetched(new URL('./glue/scan-all.wasm', import.meta.url)), SCAN),
)

export const { init, open, scanCollection } = api
export { ColdpressError } from './src/error.js'
