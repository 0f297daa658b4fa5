// Node has no IndexedDB of its own: pass one, as tests do.
import { Encoder, init, parseObjectKey, upload } from './node.js'
import { outboxes } from './src/outbox.js'

export const openOutbox = outboxes({ Encoder, init, parseObjectKey, upload })
export { ColdpressError, grantsFrom } from './node.js'
