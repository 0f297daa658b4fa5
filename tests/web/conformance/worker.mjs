// Runs the suite in workerd. GET /?tree=URL answers with the result.
import * as coldpress from 'coldpress'
import brotli from 'coldpress/brotli.wasm'

import { FILES, runSuite } from './suite.mjs'

export default {
  async fetch(request) {
    const tree = new URL(request.url).searchParams.get('tree')
    await coldpress.init(undefined, { brotli })
    const load = async (path) => {
      const response = await fetch(`${tree}/${path}`)
      if (!response.ok) throw new Error(`${path} answers ${response.status}`)
      return [path, await response.text()]
    }
    try {
      // Reads all files first: while the suite computes, an open connection would time out.
      const files = new Map(await Promise.all(FILES.map(load)))
      return Response.json(await runSuite({ coldpress, read: async (path) => files.get(path) }))
    } catch (error) {
      return Response.json({
        passed: [],
        failed: [{ name: 'the suite itself', message: String(error?.stack ?? error) }],
      })
    }
  },
}
