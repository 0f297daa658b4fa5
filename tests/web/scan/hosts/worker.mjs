// Answers the queries in a Worker, which gets the grants as the body of a request.
import * as scan from 'coldpress/scan'

import { answersOf } from './queries.mjs'

export default {
  async fetch(request) {
    try {
      return Response.json(await answersOf(scan, await request.json()))
    } catch (error) {
      return Response.json({ failed: String(error?.stack ?? error) })
    }
  },
}
