// Every kind of JavaScript value in a row: what it becomes, or its error. The table is the
// README's.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import vm from 'node:vm'
import { unpacked } from './lib/tools.mjs'

const { ColdpressError, decode, encode } = await import(
  pathToFileURL(join(unpacked(), 'node.js')).href
)

const back = async (rows, options) => decode(await encode(rows, options), { as: 'rows' })

/** The column type and the value that come of one value. */
async function outcome(value, options) {
  const file = await encode([{ v: value }], options)
  const [row] = await decode(file)
  return [file.schema.columns.find(column => column.name === 'v')?.type, row.v]
}

class Point {
  constructor(x, y) {
    Object.assign(this, { x, y })
  }
}

const KEPT = [
  ['a string', 'é😀', 'string', 'é😀'],
  ['the empty string', '', 'string', ''],
  ['true', true, 'boolean', true],
  ['a whole number', 5, 'int64', 5],
  ['a whole number past 31 bits', -4294967296, 'int64', -4294967296],
  ['the greatest safe integer', Number.MAX_SAFE_INTEGER, 'int64', Number.MAX_SAFE_INTEGER],
  ['the least safe integer', Number.MIN_SAFE_INTEGER, 'int64', Number.MIN_SAFE_INTEGER],
  ['a number past them', 2 ** 60, 'float64', 2 ** 60],
  ['a fraction', 0.1, 'float64', 0.1],
  ['the least number', 5e-324, 'float64', 5e-324],
  ['the greatest number', Number.MAX_VALUE, 'float64', Number.MAX_VALUE],
  ['-0', -0, 'float64', -0],
  ['a small BigInt', 5n, 'int64', 5],
  ['the greatest int64', 2n ** 63n - 1n, 'int64', 2n ** 63n - 1n],
  ['the least int64', -(2n ** 63n), 'int64', -(2n ** 63n)],
  ['a BigInt within 64 bits', 2n ** 64n - 1n, 'decimal', 2n ** 64n - 1n],
  ['a Date', new Date('2024-02-29T12:00:00.5Z'), 'timestamp', '2024-02-29T12:00:00.500Z'],
  ['a Date past the year 9999', new Date(8.64e15), 'string', '+275760-09-13T00:00:00.000Z'],
  ['a Uint8Array', Uint8Array.of(0xfb, 0xff, 0), 'string', '+/8A'],
  ['a Buffer', Buffer.from('hi'), 'string', 'aGk='],
  ['an ArrayBuffer', Uint8Array.of(1).buffer, 'string', 'AQ=='],
  [
    'a long Uint8Array',
    new Uint8Array(100_000),
    'string',
    Buffer.alloc(100_000).toString('base64'),
  ],
  ['a Float64Array', Float64Array.of(1.5, 2), 'list', [1.5, 2]],
  ['a Float32Array', Float32Array.of(0.5), 'list', [0.5]],
  ['an Int16Array', Int16Array.of(-1), 'list', [-1]],
  ['a BigInt64Array', BigInt64Array.of(2n ** 62n), 'list', [2n ** 62n]],
  ['a Map', new Map([['b', 1], ['a', new Map()]]), 'struct', { b: 1, a: {} }],
  ['a Set', new Set(['x', 'y']), 'list', ['x', 'y']],
  ['toJSON', { toJSON: key => `from ${key}` }, 'string', 'from v'],
  ['a URL', new URL('https://example.org/'), 'string', 'https://example.org/'],
  ['an array with toJSON', Object.assign([1], { toJSON: () => 'list' }), 'string', 'list'],
  ['a boxed number', Object(7), 'int64', 7],
  ['a boxed string', Object('s'), 'string', 's'],
  ['a boxed BigInt', Object(7n), 'int64', 7],
  ['an instance of a class', new Point(1, 2), 'struct', { x: 1, y: 2 }],
  ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), 'struct', {
    a: 1,
  }],
  [
    'an object of another realm',
    vm.runInNewContext('({ a: new Date(0), b: new Map([["k", [1]]]) })'),
    'struct',
    { a: '1970-01-01T00:00:00.000Z', b: { k: [1] } },
  ],
  ['an array', [1, 2], 'list', [1, 2]],
  ['undefined in an array', [1, undefined], 'list', [1, null]],
  // eslint-disable-next-line no-sparse-arrays
  ['a hole', [, 1], 'list', [null, 1]],
  ['undefined in an object', { a: undefined, b: 1 }, 'struct', { b: 1 }],
  ['a getter', { get a() { return 1 } }, 'struct', { a: 1 }],
  ['a proxy', new Proxy({ a: 1 }, {}), 'struct', { a: 1 }],
]

for (const [name, value, type, expected] of KEPT) {
  test(`kept: ${name}`, async () => {
    const [column, found] = await outcome(value)
    assert.equal(column, type)
    assert.deepStrictEqual(found, expected)
  })
}

const REFUSED = [
  ['NaN', NaN, /^row 0, column v: NaN /],
  ['Infinity', [1, Infinity], /^row 0, column v\[1\]: Infinity /, 'v[1]'],
  ['-Infinity in a typed array', Float64Array.of(0, -Infinity), /v\[1\]: -Infinity/, 'v[1]'],
  ['a boxed NaN', Object(NaN), /NaN/],
  ['an invalid Date', new Date(NaN), /Date is invalid/],
  ['a function', () => {}, /a function is no value/],
  ['a symbol', { s: Symbol('x') }, /v\.s: a symbol/, 'v.s'],
  [
    'a Map with other keys',
    new Map([[1, 2]]),
    /a Map's keys must be strings .*, and one is a number$/,
  ],
  ['a Map with objects as keys', new Map([[{}, 2]]), /, and one is an object$/],
  ['a Map with undefined as a key', new Map([[undefined, 2]]), /, and one is undefined$/],
  ['a RegExp', /x/, /a RegExp has no form in JSON/],
  ['a Promise', Promise.resolve(1), /a Promise .* await it/],
  ['an Error', new Error('x'), /an Error has no form/],
  ['a DataView', new DataView(new ArrayBuffer(1)), /a DataView has no form/],
  ['a WeakMap', new WeakMap(), /a WeakMap has no form/],
  [
    'a getter that throws',
    {
      get a() {
        throw new RangeError('boo')
      },
    },
    /v\.a: reading it threw RangeError: boo/,
    'v.a',
  ],
  ['a toJSON that throws', {
    toJSON() {
      throw new Error('no')
    },
  }, /reading it threw Error: no/],
  [
    'a proxy that throws',
    new Proxy({}, {
      ownKeys() {
        throw new Error('no keys')
      },
    }),
    /no keys/,
  ],
  ['half a pair', 'a\ud800', /half a surrogate pair/],
  ['the other half', ['é', '\udc00b'], /v\[1\]: the string holds half/, 'v[1]'],
  ['halves of two strings', ['x\ud83d', '\ude00'], /v\[0\]: the string holds half/, 'v[0]'],
  ['half a pair in a name', { 'a\udc00': 1 }, /half a surrogate pair/, 'v.a\udc00'],
  ['half a pair in a name, at its end', { 'a\ud800': 1 }, /half a surrogate pair/, 'v.a\ud800'],
]

for (const [name, value, message, column = 'v'] of REFUSED) {
  test(`refused: ${name}`, async () => {
    const rows = [{ v: value }]
    for (const [before, row] of [[[], 0], [[{ é: 'ü' }, { v: [] }], 2]]) {
      await assert.rejects(encode([...before, ...rows]), error => {
        assert.ok(error instanceof ColdpressError)
        assert.match(error.message.replace(/^row 2/, 'row 0'), message)
        assert.deepEqual([error.code, error.row, error.column], ['Row', row, column])
        return true
      })
    }
  })
}

test('a row that contains itself', async () => {
  const row = { a: [{}] }
  row.a[0].b = row
  await assert.rejects(encode([row]), { code: 'Row', column: 'a[0].b', message: /contains itself/ })
  const shared = { x: 1 }
  assert.deepEqual(await back([{ a: shared, b: [shared, shared] }]), [{
    a: { x: 1 },
    b: [{ x: 1 }, { x: 1 }],
  }])
})

test('nesting: up to the limit, and not deeper', async () => {
  const nested = depth => {
    let value = 1
    for (let i = 0; i < depth; i += 1) value = { a: value }
    return value
  }
  assert.deepEqual(await back([nested(900)]), [nested(900)])
  await assert.rejects(encode([nested(1001)]), { code: 'Limit', message: /nests deeper than 1000/ })
  const long = await encode([{ top: [nested(1001)] }]).catch((error) => error)
  assert.equal(long.column, 'top[0].a.a.a … a.a.a.a.a')
  assert.ok(
    long.message.startsWith('row 0, column top[0].a.a.a … a.a.a.a.a: it nests'),
    long.message,
  )
  assert.ok(long.message.length < 150)
  const endless = { toJSON: () => ({ toJSON: endless.toJSON }) }
  await assert.rejects(encode([{ v: endless }]), { code: 'Limit' })
})

test('names: numeric ones first, as in JavaScript; __proto__ is an ordinary one', async () => {
  const row = JSON.parse(
    '{"b":1,"2":"two","1":"one","__proto__":{"x":1},"constructor":2,"":3,"a.b":4}',
  )
  const [found] = await back([row])
  assert.deepEqual(Object.keys(found), ['1', '2', 'b', '__proto__', 'constructor', 'a.b', ''])
  assert.deepStrictEqual(found, row)
  assert.equal(Object.getPrototypeOf(found), Object.prototype)
  const [big] = await back(
    [JSON.parse('{"__proto__":{"n":1}}'), { n: 2n ** 60n }].map((row) => ({
      w: row,
      n: 2n ** 60n,
    })),
  )
  assert.equal(Object.getOwnPropertyDescriptor(big.w, '__proto__').value.n, 1)
})

test('symbol keys, inherited and hidden properties are no fields', async () => {
  const row = Object.create({ inherited: 1 }, {
    hidden: { value: 1, enumerable: false },
    a: { value: 1, enumerable: true },
  })
  row[Symbol('s')] = 1
  assert.deepEqual(await back([row]), [{ a: 1 }])
})

test('BigInts past 64 bits are kept to the last digit', async () => {
  const rows = [{ v: 2n ** 64n }, { v: 10n ** 40n }, { v: 1n }]
  assert.deepEqual(await back(rows), [rows[0], rows[1], { v: 1 }])
})

test('marks of big numbers never touch strings', async () => {
  const rows = [{ n: 2n ** 60n, a: '#1', b: ['##', '#', ''], '#c': { d: '#x' } }]
  assert.deepEqual(await back(rows), rows)
})

test('as NDJSON numbers have exactly their value, though not always their digits', async () => {
  const back = async (number) => {
    const text = await decode(await encode(`{"a":${number}}`), { as: 'ndjson' })
    return /^\{"a":(.*)\}\n$/.exec(text)[1]
  }
  const precise = ['1e400', '12345678901234567890123', '3.14159265358979323846', '1e-400']
  for (const number of ['100', '-7', '0.1', '1.5', ...precise]) {
    assert.equal(await back(number), number)
  }
  for (const number of ['1e2', '1E+2', '1.50', '0.00000010', '-0', '18.0']) {
    const found = await back(number)
    assert.ok(Object.is(Number(found), Number(number)), `${number} became ${found}`)
  }
  assert.match(await back('1e2'), /^100(\.0)?$/)
})

test('a null and an absent field stay apart, unless nulls mean absent fields', async () => {
  const rows = [{ a: null, b: 1, o: { p: null, q: 1 } }, { b: 2, o: {} }, { a: null, o: null }]
  assert.deepEqual(await back([{ a: null, b: 1, c: undefined }]), [{ a: null, b: 1 }])
  assert.deepEqual(await back(rows), rows)
  const absent = [{ b: 1, o: { q: 1 } }, { b: 2, o: {} }, {}]
  assert.deepEqual(await back(rows, { nulls: 'absent' }), absent)
})

test('with a schema, values have its types', async () => {
  const schema = {
    columns: [
      { name: 'at', type: 'timestamp', unit: 'ms' },
      { name: 'raw', type: 'binary' },
      { name: 'small', type: 'int8' },
      { name: 'price', type: 'decimal', precision: 10, scale: 2 },
    ],
  }
  const rows = [{ at: new Date(1), raw: Uint8Array.of(1, 2), small: -3, price: '1.50' }]
  const file = await encode(rows, { schema, policy: 'strict' })
  assert.deepEqual(file.schema.columns.map((column) => column.type), [
    'timestamp',
    'binary',
    'int8',
    'decimal',
  ])
  assert.deepEqual(await decode(file), [{
    at: '1970-01-01T00:00:00.001Z',
    raw: 'AQI=',
    small: -3,
    price: '1.50',
  }])
  await assert.rejects(encode([{ small: 1 }, { small: 300 }], { schema, policy: 'strict' }), {
    code: 'Row',
    row: 1,
  })
})

test('objects and their JSON text give the same bytes', async () => {
  const rows = [
    { _id: 'a', n: 1, f: 1.5, s: 'é', b: true, l: [1, 2], o: { x: null, y: [{ z: 'q' }] } },
    { n: -7, f: 1e300, s: '', b: false, l: [], o: {}, extra: { deep: [[1], [2]] } },
    { n: 'stray', f: -0.25, u: 2 ** 40 },
  ]
  const text = rows.map(row => JSON.stringify(row)).join('\n')
  for (const codec of ['none', 'snappy', 'lz4', 'zstd', 'gzip:9']) {
    const [objects, json] = [await encode(rows, { codec }), await encode(text, { codec })]
    assert.equal(await objects.sha256(), await json.sha256(), codec)
  }
})
