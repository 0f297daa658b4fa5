// For Cloudflare Workers: imports the module, because a Worker may not compile one itself.
import { glue as brotliGlue } from './glue/brotli.js'
import { glue } from './glue/encode.js'
import module from './glue/encode.wasm'
import { encoderApi } from './src/encoder-api.js'
import { Engine } from './src/engine.js'
import { importedBrotli } from './src/module.js'

const api = encoderApi(new Engine(glue, async () => module), new Engine(brotliGlue, importedBrotli))

export const { init, encode, Encoder, objectKey, parseObjectKey } = api
export { ColdpressError } from './src/error.js'
