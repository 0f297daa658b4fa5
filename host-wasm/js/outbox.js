// Browsers and their workers: the outbox on the package of this runtime.
import { Encoder, parseObjectKey, upload } from './index.js'
import { outboxes } from './src/outbox.js'

export const openOutbox = outboxes({ Encoder, parseObjectKey, upload })
export { ColdpressError, grantsFrom } from './index.js'
