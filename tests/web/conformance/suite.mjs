// The checks that must give the same result in every host: this file runs in Node, Deno, Bun,
// Chromium, Firefox and workerd. It knows no file system, no test runner and no network; all of
// that is passed in.

export const CODECS = ['none', 'snappy', 'lz4', 'zstd', 'gzip', 'brotli']
const GOLDEN = ['flat', 'mixed', 'names', 'nested', 'numbers']
/** What tests/src/roundtrip.rs writes golden files for. */
const TARGET = { tenant: 7, collection: 'law' }

/** The files the suite reads, by where they lie in the work tree. */
export const FILES = [
  ...GOLDEN.map((name) => `tests/golden/${name}.ndjson`),
  'examples/movies.ndjson', 'tests/golden/sha256.txt', 'tests/keys.json',
]

/**
 * Runs all of it.
 *
 * @param {object} host
 * @param {any} host.coldpress the package's exports
 * @param {(path: string) => Promise<string>} host.read the text of one of `FILES`
 * @returns {Promise<{ passed: string[], failed: { name: string, message: string }[] }>}
 */
export async function runSuite({ coldpress, read }) {
  const passed = []
  const failed = []
  const check = async (name, body) => {
    try {
      await body()
      passed.push(name)
    } catch (error) {
      failed.push({ name, message: String(error?.stack ?? error) })
    }
  }
  await goldenBytes(coldpress, read, check)
  await rowsComeBack(coldpress, read, check)
  await keysAgree(coldpress, JSON.parse(await read('tests/keys.json')), check)
  return { passed, failed }
}

/** The number of checks: a run with fewer checks has failed. */
export const CHECKS = 5 + (GOLDEN.length + 3) * (CODECS.length + 2) + 3 * CODECS.length + 25

async function goldenBytes({ encode, Encoder }, read, check) {
  const wanted = shas(await read('tests/golden/sha256.txt'))
  const movies = await read('examples/movies.ndjson')
  const inputs = new Map([['movies', movies], ['movies-large', movies.repeat(3)], [
    'telemetry-large',
    telemetry(),
  ]])
  for (const name of GOLDEN) inputs.set(name, await read(`tests/golden/${name}.ndjson`))
  for (const [name, text] of inputs) {
    for (const codec of CODECS) {
      await check(`golden ${name}.${codec}`, async () => {
        const file = await encode(text, { ...TARGET, codec })
        equal(await file.sha256(), wanted.get(`${name}.${codec}`), 'sha256')
      })
    }
    for (const encodings of ['compact', 'legacy']) {
      await check(`golden ${name}.zstd.${encodings}`, async () => {
        const file = await encode(text, { ...TARGET, encodings })
        equal(await file.sha256(), wanted.get(`${name}.zstd.${encodings}`), 'sha256')
      })
    }
  }
  for (const codec of CODECS) {
    await check(`golden movies.${codec}, from objects`, async () => {
      const file = await encode(parsed(movies), { ...TARGET, codec })
      equal(await file.sha256(), wanted.get(`movies.${codec}`), 'sha256')
    })
    await check(`golden telemetry-large.${codec}, in slices`, async () => {
      const encoder = new Encoder({ ...TARGET, codec })
      const bytes = new TextEncoder().encode(inputs.get('telemetry-large'))
      for (let at = 0; at < bytes.length; at += 100_003) {
        await encoder.push(bytes.subarray(at, at + 100_003))
      }
      equal(
        await (await encoder.finish()).sha256(),
        wanted.get(`telemetry-large.${codec}`),
        'sha256',
      )
    })
  }
}

async function rowsComeBack({ encode, decode, inspect }, read, check) {
  const movies = parsed(await read('examples/movies.ndjson'))
  for (const codec of CODECS) {
    await check(`decode(encode(movies)) in ${codec}`, async () => {
      const file = await encode(movies, { codec })
      const report = await inspect(file)
      equal(report.rows, movies.length, 'rows')
      equal(json(await decode(file.bytes)), json(movies), 'rows')
    })
  }
  const rows = [
    { a: 1, b: [1, 2, null], c: { d: 'x', e: [] } },
    { a: 'text', b: 'text', c: 5 },
    { a: 2.5 },
    { b: [[]], c: null },
    {},
    { a: 9007199254740993n, c: { d: '\u{1f980} \0' } },
    { _rescued_data: 'mine' },
  ]
  await check('what fits no column comes back', async () => {
    const file = await encode(rows)
    equal(json(await decode(file)), json(rows), 'rows')
    if (!(file.rescued.length > 0)) throw new Error('nothing was rescued, and something had to be')
  })
  await check('columns are chosen', async () => {
    const back = await decode(await encode(rows), { columns: ['c'] })
    equal(json(back), json(rows.map(({ c }) => (c === undefined ? {} : { c }))), 'rows')
  })
  await check('a field that is JSON no more is an error that says where', async () => {
    await refused(() => encode('{"a":1}\n{"a":1,}\n'), { code: 'Row', line: 2 })
  })
  await check('a row that cannot be is an error that says which', async () => {
    await refused(() => encode([{ a: 1 }, 5]), { code: 'Row', row: 1 })
  })
  await check('a damaged file is an error', async () => {
    const { bytes } = await encode(rows)
    await refused(() => decode(bytes.slice(0, bytes.length - 1)), { code: 'Corrupt' })
  })
}

async function keysAgree({ objectKey, parseObjectKey }, { good, unbuildable, unreadable }, check) {
  for (const { prefix, tenant, collection, min, max, padded, key } of good) {
    await check(`key ${key}`, async () => {
      equal(
        await objectKey({
          prefix,
          tenant,
          collection,
          lsns: { min, max },
          lsnWidth: padded ? 20 : 0,
        }),
        key,
        'key',
      )
      const read = await parseObjectKey(key, { prefix })
      const found = [read.tenant, read.collection, read.lsns.min, read.lsns.max].map(String)
      equal(json(found), json([tenant, collection, min, max]), 'parts')
    })
  }
  for (const { prefix, collection, min, max } of unbuildable) {
    await check(
      `no key of ${json({ prefix, collection, min, max })}`,
      () =>
        refused(() => objectKey({ prefix, tenant: 0, collection, lsns: { min, max } }), {
          code: 'Key',
        }),
    )
  }
  for (const { prefix, key } of unreadable) {
    await check(
      `no key is ${json(key)}`,
      () => refused(() => parseObjectKey(key, { prefix }), { code: 'Key' }),
    )
  }
}

/** The same text as `telemetry` in tests/tests/golden.rs. */
export function telemetry(count = 20_000) {
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 8
  }
  const lines = []
  for (let row = 0; row < count; row += 1) {
    const [a, b, c] = [next(), next(), next()]
    const ts = 1_700_000_000_000 + row * 250 + (a % 97)
    const temp = `${c % 60}.${String(b % 100).padStart(2, '0')}`
    lines.push(
      `{"_id":"r${String(row).padStart(6, '0')}","ts":${ts},"device":"device-${
        b % 1000
      }","temp":${temp},` +
        `"ok":${a % 3 === 0},"msg":"reading ${c} of ${b}"}\n`,
    )
  }
  return lines.join('')
}

function shas(text) {
  return new Map(text.trim().split('\n').map((line) => {
    const [sha, name] = line.split('  ')
    return [name, sha]
  }))
}

function parsed(ndjson) {
  return ndjson.trim().split('\n').map((line) => JSON.parse(line))
}

/**
 * A text that is the same for equal values: fields in order of their names, whole numbers of
 * either kind alike.
 */
function json(value) {
  return JSON.stringify(value, (_, part) => {
    if (typeof part === 'bigint') {
      return Number.isSafeInteger(Number(part)) ? Number(part) : `${part}n`
    }
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

function equal(found, wanted, what) {
  if (found === wanted) return
  const cut = (
    text,
  ) => (String(text).length > 300 ? `${String(text).slice(0, 300)}…` : String(text))
  throw new Error(`${what}: ${cut(found)}, and it must be ${cut(wanted)}`)
}

async function refused(attempt, wanted) {
  let result
  try {
    result = await attempt()
  } catch (error) {
    for (const [name, value] of Object.entries(wanted)) {
      equal(error[name], value, `${name} of «${error.name}: ${error.message}»`)
    }
    return
  }
  throw new Error(`it was taken, and gave ${json(result)}`)
}
