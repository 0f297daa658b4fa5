// For browsers, their workers, Deno and Bun: fetches the module, which lies beside this file.
import { glue as brotliGlue } from './glue/brotli.js'
import { glue } from './glue/coldpress.js'
import { fullApi } from './src/api.js'
import { Engine } from './src/engine.js'
import { fetched } from './src/module.js'

const api = fullApi(
  new Engine(glue, () => fetched(new URL('./glue/coldpress.wasm', import.meta.url))),
  new Engine(brotliGlue, () => fetched(new URL('./glue/brotli.wasm', import.meta.url))),
)

export const {
  init, encode, Encoder, decode, inspect, objectKey, parseObjectKey, upload, grantsFrom,
} = api
export { ColdpressError } from './src/error.js'
