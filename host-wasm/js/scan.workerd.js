// For Cloudflare Workers: imports the module, because a Worker may not compile one itself.
import { glue as glueOfAll } from './glue/scan-all.js'
import { glue } from './glue/scan.js'
import module from './glue/scan.wasm'
import { Engine, SCAN } from './src/engine.js'
import { importedCodecs } from './src/module.js'
import { scanApi } from './src/scan-api.js'

const api = scanApi(
  new Engine(glue, async () => module, SCAN),
  new Engine(glueOfAll, importedCodecs, SCAN),
)

export const { init, open, scanCollection } = api
export { ColdpressError } from './src/error.js'
