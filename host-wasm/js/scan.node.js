// For Node: reads the module, which lies beside this file.
import { glue as glueOfAll } from './glue/scan-all.js'
import { glue } from './glue/scan.js'
import { Engine, SCAN } from './src/engine.js'
import { readModule } from './src/read.js'
import { scanApi } from './src/scan-api.js'

const api = scanApi(
  new Engine(glue, () => readModule(new URL('./glue/scan.wasm', import.meta.url)), SCAN),
  new Engine(glueOfAll, () => readModule(new URL('./glue/scan-all.wasm', import.meta.url)), SCAN),
)

export const { init, open, scanCollection } = api
export { ColdpressError } from './src/error.js'
