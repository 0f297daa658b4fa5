// Runs the suite where there are files: node node.mjs WORK_TREE, and so Deno and Bun. Prints one
// line of JSON.
import { readFile } from 'node:fs/promises'
import process from 'node:process'

import * as coldpress from 'coldpress'

import { runSuite } from './suite.mjs'

const tree = process.argv[2]
const result = await runSuite({ coldpress, read: (path) => readFile(`${tree}/${path}`, 'utf8') })
console.log(JSON.stringify(result))
