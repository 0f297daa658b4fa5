// For Cloudflare Workers: imports the module, because a Worker may not compile one itself.
import { glue as brotliGlue } from './glue/brotli.js'
import { glue } from './glue/coldpress.js'
import module from './glue/coldpress.wasm'
import { fullApi } from './src/api.js'
import { Engine } from './src/engine.js'
import { importedBrotli } from './src/module.js'

const api = fullApi(new Engine(glue, async () => module), new Engine(brotliGlue, importedBrotli))

export const {
  init, encode, Encoder, decode, inspect, objectKey, parseObjectKey, upload, grantsFrom,
} = api
export { ColdpressError } from './src/error.js'
