// For browsers and their workers.
import { Encoder, init, parseObjectKey, upload } from './index.js'
import { outboxes } from './src/outbox.js'

export const openOutbox = outboxes({ Encoder, init, parseObjectKey, upload })
export { ColdpressError, grantsFrom } from './index.js'
