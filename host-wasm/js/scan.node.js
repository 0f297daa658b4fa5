// For Node: reads the module, which lies beside this file.
import { glue } from './glue/scan.js'
import { Engine } from './src/engine.js'
import { readModule } from './src/read.js'
import { scanApi } from './src/scan-api.js'

const load = () => readModule(new URL('./glue/scan.wasm', import.meta.url))

export const { init, open, scanCollection } = scanApi(new Engine(glue, load))
export { ColdpressError } from './src/error.js'
