// For Node, which has no IndexedDB: pass one, as tests do.
import { Encoder, init, parseObjectKey, upload } from './node.js'
import { outboxes } from './src/outbox.js'

export const openOutbox = outboxes({ Encoder, init, parseObjectKey, upload })
export { ColdpressError, grantsFrom } from './node.js'
