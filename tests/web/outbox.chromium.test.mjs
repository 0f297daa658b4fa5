// Tabs of Chromium on one outbox die at random, and the others store every row once.
import { CHROMIUM_DEATHS, ChromiumTabs } from './outbox/chromium.mjs'
import { INSECURE, testDeaths } from './outbox/rounds.mjs'

const args = [`--host-resolver-rules=MAP ${INSECURE} 127.0.0.1`]

testDeaths('Chromium', () => ChromiumTabs.start({ args }), CHROMIUM_DEATHS)
