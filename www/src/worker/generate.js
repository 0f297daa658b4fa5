/**
 * Generates rows, the same ones each time: telemetry of devices, and orders with lists in lists.
 * They come as slices of NDJSON: 200,000 rows in one string would double the memory.
 */

/**
 * @param {string} what 'telemetry' or 'orders'
 * @param {number} rows
 * @returns {string[]} slices of NDJSON
 */
export function generate(what, rows) {
  const row = { telemetry, orders }[what]
  if (!row) throw new Error(`No rows are named "${what}"; choose telemetry or orders.`)
  const random = mulberry32(0xc01d)
  const slices = []
  let slice = []
  for (let number = 0; number < rows; number++) {
    slice.push(JSON.stringify(row(number, random)))
    if (slice.length === 2000 || number === rows - 1) {
      slices.push(slice.join('\n') + '\n')
      slice = []
    }
  }
  return slices
}

function telemetry(number, random) {
  const device = Math.floor(random() * 1000)
  const temp = 18 + (device % 20) * 0.4 + random() * 3
  return {
    id: (Math.floor(random() * 2 ** 32)).toString(16).padStart(8, '0') +
      number.toString(16).padStart(8, '0'),
    ts: 1_763_900_000_000 + number * 250 + Math.floor(random() * 40),
    device: `sensor-${String(device).padStart(4, '0')}`,
    temp: round(temp, 2),
    humidity: round(35 + random() * 40, 1),
    ok: random() > 0.02,
    // A few devices send a number instead of text. Coldpress rescues these values.
    msg: number % 4001 === 4000
      ? 503
      : `reading ${number % 97} of batch ${Math.floor(number / 97)} ${pick(STATES, random)}`,
  }
}

function orders(number, random) {
  const items = Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({
    sku: `${pick(GOODS, random)}-${100 + Math.floor(random() * 60)}`,
    quantity: 1 + Math.floor(random() * 5),
    price: round(2 + random() * 90, 2),
    tags: TAGS.filter(() => random() < 0.3)
  }))
  const order = {
    order: 70_000 + number,
    placed: new Date(1_763_900_000_000 + number * 61_000).toISOString(),
    customer: { name: `${pick(FIRST, random)} ${pick(LAST, random)}`, city: pick(CITIES, random) },
    items,
    total: round(items.reduce((sum, item) => sum + item.quantity * item.price, 0), 2)
  }
  if (random() < 0.1) order.voucher = `COLD${Math.floor(random() * 40)}`
  if (number % 997 === 996) order.items[0].price = 'free'
  return order
}

const round = (value, digits) => Number(value.toFixed(digits))
const pick = (list, random) => list[Math.floor(random() * list.length)]

// A seeded generator (mulberry32's constants), so that two runs can be compared.
function mulberry32(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const STATES = ['nominal', 'nominal', 'nominal', 'drifting', 'calibrating']
const GOODS = ['oil', 'press', 'paper', 'ink', 'felt', 'board']
const TAGS = ['gift', 'fragile', 'cold', 'bulk']
const FIRST = ['Ada', 'Bruno', 'Chidi', 'Dana', 'Emi', 'Farid', 'Grete', 'Hugo']
const LAST = ['Okafor', 'Lindqvist', 'Moreau', 'Tanaka', 'Weiss', 'Alvarez']
const CITIES = ['Lagos', 'Malmö', 'Lyon', '札幌', 'Zürich', 'Cádiz']
