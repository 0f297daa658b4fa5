// One round of one contestant that runs in Node: rows to zstd Parquet, on the processor that it was started on.
//
// Usage: node peers.mjs CONTESTANT --rows N --sample FILE --input FILE --output FILE
//
// Prints a JSON object: the processor seconds of the work alone (user and system, all threads: V8's
// compiler and collector too), and the contestant's version. A first run of a few thousand rows, which
// loads and compiles what is loaded lazily, comes before the clock starts.
//
// `-objects` is handed an array of JavaScript objects, made before the clock starts, and leaves the file
// in memory. `-ndjson` reads a file and writes one, both counted.

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'

const ZSTD_LEVEL = 1 // Coldpress's own default, and parquet-wasm's

/** Each contestant: loads itself, and gives what it does with objects and with bytes of NDJSON. */
const CONTESTANTS = {
  async coldpress() {
    const { encode } = await import('coldpress')
    const options = { codec: 'zstd', collection: 'telemetry' }
    return {
      objects: async rows => (await encode(rows, options)).bytes,
      ndjson: async text => (await encode(text, options)).bytes,
    }
  },

  async 'hyparquet-writer'() {
    const { ByteWriter, parquetWrite } = await import('hyparquet-writer')
    const zstd = await import('@bokuweb/zstd-wasm')
    await zstd.init()
    const compressors = { ZSTD: bytes => zstd.compress(bytes, ZSTD_LEVEL) }
    const objects = rows => {
      const columnData = columns(rows).map(([name, type, data]) => ({ name, type: HYPARQUET_TYPES[type], data, nullable: false }))
      const writer = new ByteWriter()
      parquetWrite({ writer, columnData, codec: 'ZSTD', compressors })
      return new Uint8Array(writer.getBuffer())
    }
    return { objects, ndjson: text => objects(parsed(text)) }
  },

  async 'parquet-wasm'() {
    const parquet = createRequire(import.meta.url)('parquet-wasm/node')
    const arrow = await import('apache-arrow')
    const properties = () => new parquet.WriterPropertiesBuilder().setCompression(parquet.Compression.ZSTD).build()
    const objects = rows => {
      const vectors = Object.fromEntries(columns(rows).map(([name, type, data]) => [name, arrowVector(arrow, type, data)]))
      const stream = arrow.tableToIPC(new arrow.Table(vectors), 'stream')
      return parquet.writeParquet(parquet.Table.fromIPCStream(stream), properties())
    }
    return { objects, ndjson: text => objects(parsed(text)) }
  },

  async 'duckdb-node'() {
    const { DuckDBInstance } = await import('@duckdb/node-api')
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
    const connection = await instance.connect()
    return {
      objects: async (rows, output) => {
        await connection.run('CREATE OR REPLACE TABLE t (_id VARCHAR, ts BIGINT, device VARCHAR, temp DOUBLE, humidity DOUBLE, ok BOOLEAN, msg VARCHAR)')
        const appender = await connection.createAppender('t')
        for (const row of rows) {
          appender.appendVarchar(row._id)
          appender.appendBigInt(BigInt(row.ts))
          appender.appendVarchar(row.device)
          appender.appendDouble(row.temp)
          appender.appendDouble(row.humidity)
          appender.appendBoolean(row.ok)
          appender.appendVarchar(row.msg)
          appender.endRow()
        }
        appender.closeSync()
        await connection.run(`COPY t TO '${output}' (FORMAT parquet, COMPRESSION zstd)`)
      },
      // It reads the file itself, as its users have it do.
      ndjsonFile: (input, output) =>
        connection.run(`COPY (SELECT * FROM read_ndjson('${input}')) TO '${output}' (FORMAT parquet, COMPRESSION zstd)`),
    }
  },
}

const HYPARQUET_TYPES = { text: 'STRING', integer: 'INT64', double: 'DOUBLE', boolean: 'BOOLEAN' }

/** Rows turned by hand into the typed columns that a peer asks its callers for. */
function columns(rows) {
  const texts = name => rows.map(row => row[name])
  return [
    ['_id', 'text', texts('_id')],
    ['ts', 'integer', BigInt64Array.from(rows, row => BigInt(row.ts))],
    ['device', 'text', texts('device')],
    ['temp', 'double', Float64Array.from(rows, row => row.temp)],
    ['humidity', 'double', Float64Array.from(rows, row => row.humidity)],
    ['ok', 'boolean', rows.map(row => row.ok)],
    ['msg', 'text', texts('msg')],
  ]
}

function arrowVector(arrow, type, data) {
  if (ArrayBuffer.isView(data)) return arrow.makeVector(data)
  return arrow.vectorFromArray(data, type === 'text' ? new arrow.Utf8() : new arrow.Bool())
}

function parsed(ndjson) {
  return new TextDecoder().decode(ndjson).split('\n').filter(line => line !== '').map(line => JSON.parse(line))
}

/** Runs the work once on `input`; returns the processor seconds of it. */
async function run(work, source, input, output, rowsMax) {
  const rows = source === 'objects' ? parsed(readFileSync(input)).slice(0, rowsMax) : undefined
  const start = process.cpuUsage()
  if (source === 'ndjson' && work.ndjsonFile) await work.ndjsonFile(input, output)
  else {
    const file = source === 'objects' ? await work.objects(rows, output) : await work.ndjson(readFileSync(input))
    if (source === 'ndjson') writeFileSync(output, file)
    else {
      const { user, system } = process.cpuUsage(start)
      if (file) writeFileSync(output, file)
      return (user + system) / 1e6
    }
  }
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

function versionOf(name) {
  const folder = { 'duckdb-node': '@duckdb/node-api' }[name] ?? name
  return JSON.parse(readFileSync(new URL(`./node_modules/${folder}/package.json`, import.meta.url))).version
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(['rows', 'sample', 'input', 'output'].map(name => [name, { type: 'string' }])),
})
const [, name, source] = positionals[0].match(/^(.+)-(objects|ndjson)$/)
const work = await CONTESTANTS[name.replace(/^coldpress-web$/, 'coldpress')]()
await run(work, source, values.sample, values.output, Infinity)
const cpu_s = await run(work, source, values.input, values.output, Number(values.rows))
console.log(JSON.stringify({ cpu_s, version: versionOf(name.replace(/^coldpress-web$/, 'coldpress')) }))
