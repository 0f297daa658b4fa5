// Tabs of Firefox on one outbox die at random, and the others store every row once.
import { FIREFOX_DEATHS, FirefoxTabs } from './outbox/firefox.mjs'
import { INSECURE, testDeaths } from './outbox/rounds.mjs'

const prefs = { 'network.dns.localDomains': INSECURE }

testDeaths('Firefox', () => FirefoxTabs.start({ prefs }), FIREFOX_DEATHS)
