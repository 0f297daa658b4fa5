// What must not compile. Above each wrong line stands where tsc must point, and what it must say of it:
// `// error at PLACE: WORDS`, where PLACE is the text that tsc points to.
import { ColdpressError, Encoder, encode, objectKey, upload } from 'coldpress'
import type { GetGrant, RowOf, UploadProgress } from 'coldpress'

const schema = {
  columns: [
    { name: 'at', type: 'timestamp', unit: 'ms' },
    { name: 'n', type: 'int64' },
    { name: 'tags', type: 'list', element: { type: 'string' } },
    { name: 'place', type: 'struct', fields: [{ name: 'lat', type: 'float64' }] },
  ],
} as const
const strict = { schema, policy: 'strict' } as const
interface Reading { at: Date; n: string }
declare const readings: Reading[]
declare const stream: AsyncIterable<Reading>
declare const grants: GetGrant
declare const error: ColdpressError
declare const progress: UploadProgress

// encode
// error at n: Type 'string' is not assignable to type 'number | bigint | null | undefined'
await encode([{ at: new Date(), n: 'x' }], { schema, policy: 'strict' })
// error at lat: Type 'string' is not assignable to type 'number'
await encode([{ place: { lat: 'north' } }], { schema, policy: 'strict' })
// error at m: 'm' does not exist in type
await encode([{ m: 1 }], { schema, policy: 'strict' })
// error at n: Type 'string' is not assignable to type 'number'
await encode([{ n: 'x' }], { schema: { columns: [{ name: 'n', type: 'int8' }] }, policy: 'strict' })
// error at readings: Types of property 'n' are incompatible
await encode(readings, strict)
// error at stream: Types of property 'n' are incompatible
await encode(stream, strict)
// error at 1: Type 'number' is not assignable to type 'object | JsonText'
await encode([1])
// error at codec: Type '"lzo"' is not assignable to type
await encode([], { codec: 'lzo' })
// error at compression: 'compression' does not exist in type
await encode([], { compression: 'zstd' })
// error at type: Type '"int9"' is not assignable to type
await encode([], { schema: { columns: [{ name: 'n', type: 'int9' }] }, policy: 'strict' })
// error at lsns: Type '"now"' is not assignable to type
await encode([], { lsns: 'now' })

// Encoder
// error at n: Type 'string' is not assignable to type 'number | bigint | null | undefined'
await new Encoder({ schema, policy: 'strict' }).push([{ n: 'x' }])
// error at readings: Types of property 'n' are incompatible
await new Encoder({ schema, policy: 'strict' }).push(readings)
// error at m: 'm' does not exist in type
await new Encoder<typeof schema>({ schema, policy: 'strict' }).push([{ m: 1 }])
// error at tags: Type 'number' is not assignable to type
await new Encoder({ schema, policy: 'strict' }).push([{ tags: 7 }])

// upload
// error at n: Type 'string' is not assignable to type 'number | bigint | null | undefined'
await upload(grants, [{ n: 'x' }], { schema, policy: 'strict', collection: 'c' })
// error at readings: Types of property 'n' are incompatible
await upload(grants, readings, { ...strict, collection: 'c' })
// error at retrys: 'retrys' does not exist in type
await upload(grants, [], { collection: 'c', retrys: 3 })

// Rows, errors, progress
// error at n: Type 'string' is not assignable to type 'number | bigint | null | undefined'
const row: RowOf<typeof schema> = { n: '5' }
// error at error.code: no overlap
if (error.code === 'Rows') console.log(row)
// error at collection: 'collection' does not exist in type 'RetryOptions'
await error.retry?.({ collection: 'other' })
// error at error.retry: Cannot invoke an object which is possibly 'undefined'
await error.retry()
// error at key: Cannot assign to 'key'
error.key = 'x'
// error at progress.phase: no overlap
if (progress.phase === 'offline') console.log(progress.retry)
// error at {: Property 'lsns' is missing
await objectKey({ collection: 'c' })
// error at lsns: Property 'max' is missing
await objectKey({ collection: 'c', lsns: { min: 1 } })
