// Answers the queries where there are files: node node.mjs GRANTS.json, and so Deno and Bun. Prints
// one line of JSON.
import { readFile } from 'node:fs/promises'
import process from 'node:process'

import * as scan from 'coldpress/scan'

import { answersOf } from './queries.mjs'

const grants = JSON.parse(await readFile(process.argv[2], 'utf8'))
console.log(JSON.stringify(await answersOf(scan, grants)))
