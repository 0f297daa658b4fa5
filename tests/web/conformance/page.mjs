// Runs the suite in a page, and posts the result to the server of the page.
import * as coldpress from './coldpress/index.js'

import { runSuite } from './suite.mjs'

async function read(path) {
  const response = await fetch(`/tree/${path}`)
  if (!response.ok) throw new Error(`/tree/${path} answers ${response.status}`)
  return response.text()
}

let result
try {
  result = await runSuite({ coldpress, read })
} catch (error) {
  result = {
    passed: [],
    failed: [{ name: 'the suite itself', message: String(error?.stack ?? error) }],
  }
}
await fetch('/result', {
  method: 'POST',
  body: JSON.stringify({ ...result, agent: navigator.userAgent }),
})
