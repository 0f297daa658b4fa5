// For Node: reads the module, which lies beside this file.
import { glue as brotliGlue } from './glue/brotli.js'
import { glue } from './glue/encode.js'
import { encoderApi } from './src/encoder-api.js'
import { Engine } from './src/engine.js'
import { readModule } from './src/read.js'

const api = encoderApi(
  new Engine(glue, () => readModule(new URL('./glue/encode.wasm', import.meta.url))),
  new Engine(brotliGlue, () => readModule(new URL('./glue/brotli.wasm', import.meta.url))),
)

export const { init, encode, Encoder, objectKey, parseObjectKey } = api
export { ColdpressError } from './src/error.js'
