// Fifty queries, which every host must answer alike: on the films of three files with columns of
// different types, rescued values, nulls, names that need quotes, instants, days and large numbers.

/** The rows of the file of this number. */
export function rowsOf(number, count = 4_000) {
  return Array.from({ length: count }, (_, at) => {
    const n = number * count + at
    const row = {
      _id: `film-${n}`, n, year: 1920 + (n * 7919) % 100, title: `${['The', 'A', 'Das'][n % 3]} Film ${n % 700}`,
      genre: ['Drama', 'Comedy', 'Noir', null][n % 4], score: (n % 97) / 8,
      at: `20${String(10 + n % 15)}-01-02T03:04:${String(n % 60).padStart(2, '0')}.000Z`,
      day: `2026-0${1 + n % 9}-${String(1 + n % 28).padStart(2, '0')}`,
      size: { height: n % 50, deep: { x: n % 2 === 0 } }, tags: n % 5 === 0 ? ['a', `t${n % 3}`] : [],
      'first name': n % 10 === 0 ? 'Ada' : 'Grace', big: n % 1000 === 3 ? 9007199254740993n + BigInt(n) : n,
    }
    // Of the second file, some values fit no column.
    if (number === 1 && n % 50 === 0) Object.assign(row, { year: `about ${row.year}`, size: 'unknown' })
    if (number === 2) delete row.score
    if (number === 2) row.extra = n % 7
    if (n % 333 === 0) Object.assign(row, { genre: 'Ümläut \u{1f980}', title: '#marked', score: null })
    return row
  })
}

/**
 * With a filter in its JSON form, `text` is the same filter for the native command.
 *
 * @type {{ where?: string | object, text?: string, columns?: string[], id?: string, limit?: number, lsns?: [number, number] }[]}
 */
export const QUERIES = [
  {},
  { limit: 10 },
  { limit: 0 },
  { limit: 4_500, columns: ['n'] },
  { columns: ['title'] },
  { columns: ['size.height', 'n'], limit: 5_000 },
  { columns: ['size', '"first name"'], limit: 100 },
  { columns: ['nothing'], limit: 3 },
  { columns: ['_id', 'n'], limit: 20 },
  { columns: ['extra'] },
  { id: 'film-0' },
  { id: 'film-7777' },
  { id: 'film-11999', columns: ['title', 'year'] },
  { id: 'nobody' },
  { where: 'n = 4711' },
  { where: 'n != 4711', limit: 7_000, columns: ['n'] },
  { where: 'n >= 3990 and n < 4010' },
  { where: 'n < 0' },
  { where: 'year >= 2005 and genre in ("Drama", "Comedy") and title like "The %"' },
  { where: 'year >= 2005 and genre in ("Drama", "Comedy") and title like "The %"', columns: ['n'], limit: 50 },
  { where: 'genre is null', columns: ['n'] },
  { where: 'genre is not null and not (genre = "Noir")', columns: ['n', 'genre'], limit: 900 },
  { where: 'genre = "Ümläut \u{1f980}"' },
  { where: 'title = "#marked"', columns: ['title'] },
  { where: 'score > 12' },
  { where: 'score is null and n > 7990', columns: ['n', 'score'], limit: 40 },
  { where: 'score = 1.5 or score = 2.5', columns: ['score'] },
  { where: 'year = "about 1999"' },
  { where: 'year like "about %"', columns: ['year', 'size'] },
  { where: 'year < 1922', columns: ['n', 'year'] },
  { where: 'not year < 2019', columns: ['n', 'year'] },
  { where: 'size.height = 49', columns: ['size.height'] },
  { where: 'size.height > 40 and size.deep.x = true', columns: ['n'], limit: 99 },
  { where: 'size = "unknown"', columns: ['n'] },
  { where: 'size is null' },
  { where: 'tags is not null and n < 12', columns: ['tags'] },
  { where: '"first name" = \'Ada\' and n < 100' },
  { where: '`first name` = "Grace" and n >= 11990', columns: ['`first name`', 'n'] },
  { where: "at >= timestamp '2024-01-01T00:00:00Z'", columns: ['at'], limit: 300 },
  { where: "at = timestamp '2010-01-02T04:04:00+01:00'", columns: ['at', 'n'] },
  { where: "day >= date '2026-09-20'", columns: ['day'] },
  { where: "day = '2026-03-03'", columns: ['day', 'n'] },
  { where: 'big = 9007199254740996', columns: ['big'] },
  { where: 'big > 9007199254740992', columns: ['n', 'big'] },
  { where: 'extra >= 5', columns: ['extra', 'n'], limit: 77 },
  { where: 'extra is null and n >= 7998 and n < 8002', columns: ['n'] },
  { where: { and: [{ '>=': ['n', 5000] }, { in: ['genre', ['Noir']] }, { like: ['title', 'Das %'] }] },
    columns: ['n'], text: 'n >= 5000 and genre in ("Noir") and title like "Das %"' },
  { where: { or: [{ '=': [['first name'], 'Nobody'] }, { '<': ['n', 3] }] },
    text: '"first name" = "Nobody" or n < 3' },
  { lsns: [4_001, 8_000], where: 'n < 4005', columns: ['n'] },
  { lsns: [8_001, 99_999], limit: 5, columns: ['n', 'extra'] },
]

/**
 * The rows of all queries as text, by `coldpress/scan` and read grants.
 *
 * @param {any} scan the package's exports
 * @param {object[]} grants
 * @returns {Promise<{ answers: string[], stats: object }>}
 */
export async function answersOf(scan, grants) {
  const answers = []
  let [requests, bytesMoved] = [0, 0]
  for (const { text: _, ...query } of QUERIES) {
    const rows = scan.scanCollection(grants, { ...query, as: 'ndjson' })
    let text = ''
    for await (const piece of rows) text += piece
    answers.push(text)
    requests += rows.stats.requests
    bytesMoved += rows.stats.bytesMoved
  }
  return { answers, stats: { requests, bytesMoved } }
}
