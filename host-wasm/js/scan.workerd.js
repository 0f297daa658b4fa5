// For Cloudflare Workers: imports the module, because a Worker may not compile one itself.
import { glue } from './glue/scan.js'
import module from './glue/scan.wasm'
import { Engine } from './src/engine.js'
import { scanApi } from './src/scan-api.js'

export const { init, open, scanCollection } = scanApi(new Engine(glue, async () => module))
export { ColdpressError } from './src/error.js'
