// Browsers and their workers: the outbox on the package of this runtime.
import { Encoder, init, parseObjectKey, upload } from './index.js'
import { outboxes } from './src/outbox.js'

export const openOutbox = outboxes({ Encoder, init, parseObjectKey, upload })
export { ColdpressError, grantsFrom } from './index.js'
