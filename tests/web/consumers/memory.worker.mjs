// Streams the NDJSON of a request through the encoder, and answers with the file. The memory that
// it took is in a header.
import { Encoder } from 'coldpress/encode'

const memories = []
const instantiate = WebAssembly.instantiate
WebAssembly.instantiate = async (...args) => {
  const instance = await instantiate(...args)
  memories.push(instance.exports.memory)
  return instance
}

export default {
  async fetch(request) {
    const encoder = new Encoder({ collection: 'readings' })
    for await (const chunk of request.body) await encoder.push(chunk)
    const linear = () => memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0)
    const before = linear()
    const file = await encoder.finish()
    const most = Math.max(before, linear())
    return new Response(file.bytes, {
      headers: {
        'x-key': file.key,
        'x-rows': `${file.rows}`,
        'x-linear-bytes': `${most}`,
        'x-instances': `${memories.length}`,
      },
    })
  },
}
