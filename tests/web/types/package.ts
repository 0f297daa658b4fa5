// What the types promise, checked by tsc: each `@ts-expect-error` must be an error, and nothing
// else.
import {
  ColdpressError, Encoder, decode, encode, init, inspect, objectKey, parseObjectKey, upload,
} from 'coldpress'
import type {
  DecodedRowOf, EncodedFile, EncodeOptions, GetGrant, RowOf, Schema, UploadResult,
} from 'coldpress'
import { encode as encodeOnly } from 'coldpress/encode'
import { open, scanCollection } from 'coldpress/scan'
import { openOutbox } from 'coldpress/outbox'

const schema = {
  columns: [
    { name: 'at', type: 'timestamp', unit: 'ms' },
    { name: 'n', type: 'int64' },
    { name: 'price', type: 'decimal', precision: 10, scale: 2, form: 'text:2' },
    { name: 'raw', type: 'binary' },
    { name: 'tags', type: 'list', element: { type: 'string' } },
    {
      name: 'place',
      type: 'struct',
      fields: [{ name: 'lat', type: 'float64' }, {
        name: 'names',
        type: 'list',
        element: { type: 'struct', fields: [{ name: 'lang', type: 'string' }] },
      }],
    },
    { name: 'any', type: 'json' },
  ],
} as const satisfies Schema

type Reading = RowOf<typeof schema>
const good: Reading = {
  _id: 1n,
  at: new Date(),
  n: 5n,
  price: '1.50',
  raw: new Uint8Array(),
  tags: ['a', null],
  any: [1, { x: null }],
  place: { lat: 1, names: [{ lang: 'no' }, null] },
}
const empty: Reading = {}
const nulls: Reading = { at: null, place: { lat: null } }

// @ts-expect-error - a string is no int64
const wrongNumber: Reading = { n: '5' }
// @ts-expect-error - no such column
const unknownColumn: Reading = { m: 1 }
// @ts-expect-error - within a struct within a list
const deep: Reading = { place: { names: [{ lang: 5 }] } }
// @ts-expect-error - elements are strings
const element: Reading = { tags: [1] }

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
  : false
const decoded: DecodedRowOf<typeof schema> = {}
const isString: Equal<typeof decoded.raw, string | undefined> = true
const isTags: Equal<typeof decoded.tags, (string | null)[] | undefined> = true

interface Person { name: string; born?: number }
const people: Person[] = []
const personal = {
  columns: [{ name: 'name', type: 'string' }, { name: 'born', type: 'int16' }],
} as const
declare const options: EncodeOptions
declare const grants: GetGrant

async function facts(error: ColdpressError) {
  const isAbsent: boolean = error.code === 'NotFound'
  const key: string | undefined = error.key
  const wait: number | undefined = error.retryAfterMs
  const origins: string[] | undefined = error.rule?.AllowedOrigins
  const lsn: bigint | undefined = error.lsns?.min
  const again: UploadResult | undefined = await error.retry?.()
  await error.retry?.({ signal: AbortSignal.timeout(1), onProgress: ({ phase, retry }) => {
    if (phase === 'waiting') console.log(retry?.attempt, retry?.atMs, retry?.reason)
  } })
  return { isAbsent, key, wait, origins, lsn, again }
}

async function uses() {
  const file: EncodedFile = await encode([good, empty, nulls], { schema, policy: 'strict' })
  // Interfaces are rows too. tsc accepts rows whose types it cannot know.
  await encode(people, { schema: personal, policy: 'strict' })
  await encode(people, { schema: '{"columns":[]}', policy: 'strict' })
  await encode(people, { schema: schema as Schema, policy: 'strict' })
  await encode(new Set([good]), { schema, policy: 'strict' })
  await encode('{"n":1}', { schema, policy: 'strict', lsns: 'time' })
  await encode(people, options)
  await encode([{ n: 'x' }], {
    schema,
    policy: 'rescue',
    codec: 'zstd:9',
    lsns: { min: 1, max: '2' },
    tenant: 7n,
    lsnWidth: 20,
  })
  await encode('{"a":1}')
  await encode(new Blob([]))
  await encode(await fetch('/rows.ndjson'))
  await encode((await fetch('/rows.ndjson')).body!)
  await encode((async function* () { yield { a: 1 } })())
  await encode(new Set([{ a: 1 }]))
  // @ts-expect-error - numbers are no rows
  await encode([1])
  // @ts-expect-error - nor is one object
  await encode({ a: 1 })
  // @ts-expect-error - no such codec
  await encode([], { codec: 'lzo' })
  // @ts-expect-error - no such option
  await encode([], { compression: 'zstd' })

  const bytes: Uint8Array<ArrayBuffer> = file.bytes
  const sum: string = await file.sha256()
  await fetch('/put', { method: 'PUT', body: file.blob() })

  const encoder: Encoder<typeof schema> = new Encoder({
    schema,
    policy: 'strict',
    collection: 'readings',
  })
  await encoder.push([good])
  await encoder.push('{"n":1}')
  await new Encoder<typeof schema>({ schema, policy: 'strict' }).push([good, empty])
  await new Encoder({ schema }).push(people)
  await new Encoder(options).push(people)
  await upload(grants, [good], {
    schema,
    policy: 'strict',
    collection: 'readings',
    lsns: { min: 1 },
  })
  await upload(grants, people, { collection: 'people', lsns: 'time' })
  await upload(grants, file)
  const rows: number = encoder.rows
  await encoder.finish()

  const plain = await decode(file)
  const value: import('coldpress').Value | undefined = plain[0]?.a
  const typed = await decode<typeof schema>(file.stream(), { columns: ['n'] })
  const n: number | bigint | undefined = typed[0]!.n
  const dated = await decode(file, { dates: true })
  const instant: import('coldpress').DatedValue | undefined = dated[0]?.a
  const typedAndDated = await decode<typeof schema>(file, { dates: true })
  const at: Date | string | number | bigint | undefined = typedAndDated[0]!.at
  // @ts-expect-error - without `dates` there are none
  const noDate: Date | undefined = typed[0]!.at
  // @ts-expect-error - text has no Dates
  await decode(bytes, { as: 'ndjson', dates: true })
  await encode([{ at: '2026-01-02' }], { textTypes: 'string' })
  await encode([{ n: 1 }], { schema: { columns: [] }, newFields: 'column', numbers: 'float64' })
  // @ts-expect-error - no such choice
  await encode([{ n: 1 }], { newFields: 'columns' })
  const otherForms: number[] = file.rescued.map(({ otherForm }) => otherForm)
  const warnings: string[] = file.warnings
  const forms: import('coldpress').Form[] =
    ['number', 'text:3', 'text:trimmed', 'text:6+00:00', 'text:trimmed-05:30']
  // @ts-expect-error - no such form
  const noForm: import('coldpress').Form = 'text:all'
  const text: string = await decode(bytes, { as: 'ndjson', ids: true })
  const encodings: string[] = (await inspect(bytes)).row_groups[0]!.columns[0]!.encodings

  const key = await objectKey({ collection: 'c', lsns: { min: 1, max: 2n } })
  // @ts-expect-error - a key needs LSNs
  await objectKey({ collection: 'c' })
  const parsed = await parseObjectKey(key)
  if (parsed.kind === 'data') parsed.lsns.min satisfies bigint
  else parsed.segment satisfies string

  try {
    await init(new URL('/coldpress.wasm', location.href), { brotli: '/brotli.wasm' })
    await encodeOnly([{ a: 1 }])
  } catch (error) {
    if (error instanceof ColdpressError && error.code === 'Row') {
      console.log(error.row, error.column)
    }
    if (error instanceof ColdpressError) return facts(error)
  }
  return {
    sum, rows, value, n, text, encodings, instant, at, noDate, otherForms, warnings, forms, noForm,
  }
}

openOutbox satisfies (
  options: never,
) => Promise<{ flush(): Promise<{ objects: number; rows: number }> }>

async function scans(grant: import('coldpress/scan').ReadGrant) {
  const file = await open('https://cold.example/x.parquet', { byteLength: 5, headers: { a: 'b' } })
  for await (const row of file.rows({ where: 'n = 1', limit: 5 })) row['n'] satisfies unknown
  for await (const text of file.rows({ as: 'ndjson' })) text satisfies string
  for await (const { at } of file.rows({ dates: true, where: { '=': ['n', 5n] } })) {
    at satisfies import('coldpress/scan').DatedValue | undefined
  }
  await open(async ({ signal }) => (signal.aborted ? JSON.stringify(grant) : grant))
  await open({ byteLength: 5, slice: (start: number, end: number) => new ArrayBuffer(end - start) })
  // @ts-expect-error - no such option
  file.rows({ filter: 'n = 1' })
  // @ts-expect-error - no such comparison
  file.rows({ where: { '==': ['n', 5] } })
  const rows = scanCollection([grant, JSON.stringify(grant)], { lsns: [1, 5n], readAhead: 2 })
  const server = { server: 'https://grants.example', token: async () => 'x', collection: 'c' }
  for await (const row of scanCollection(server, { id: '7' })) row satisfies object
  const layout = await file.layout()
  return [rows.stats.files.read, file.stats.rowGroups.pruned.statistics, layout.row_groups[0]?.columns[0]?.offset]
}

export { decoded, deep, scans, element, isString, isTags, unknownColumn, uses, wrongNumber }
