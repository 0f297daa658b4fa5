/** The page before the first press: a drawing, and what a press does. */
import { h, svg } from '../dom.js'

export function idle() {
  return h('div', { class: 'idle', 'data-testid': 'idle' },
    drawing(),
    h(
      'ol',
      { class: 'promises' },
      promise(
        'Typed',
        'Coldpress looks at all rows to choose a type, never only at the first. A ' +
          'value that does not fit its column is kept beside it, and not lost.',
      ),
      promise(
        'Small',
        'Each column gets the encoding that suits it, and then a codec. You see ' +
          'the size with each codec beside plain and gzip’d JSON.',
      ),
      promise(
        'Checked',
        'The page reads the finished file back and compares it, row by row, with ' +
          'your rows.',
      ),
    ),
  )
}

const promise = (title, text) => h('li', {}, h('h2', {}, title), h('p', {}, text))

const WIDTH = 760
const KEYS = [44, 30, 52, 36, 26]
// The widths of the values of each row. A 0 is a field that the row does not have.
const VALUES = [
  [128, 48, 70, 30, 42], [66, 60, 70, 30, 36], [100, 40, 0, 30, 42], [152, 56, 70, 30, 0],
  [54, 44, 70, 30, 38], [112, 62, 0, 30, 42], [88, 50, 70, 30, 36]
]

// Above the plate: rows with keys and values of any width. Below it: only the values, by column.
function drawing() {
  return svg(
    'svg',
    {
      class: 'drawing',
      viewBox: `0 0 ${WIDTH} 372`,
      role: 'img',
      'aria-label': 'Rows of JSON pressed flat: their values, gathered by column',
    },
    VALUES.map(rowOfJson),
    svg('rect', { class: 'plate', x: 0, y: 186, width: WIDTH, height: 26, rx: 2 }),
    svg('path', { class: 'shaft', d: `M${WIDTH / 2 - 9} 166h18v20h-18z` }),
    columns(),
    svg('path', { class: 'base', d: `M0 368h${WIDTH}` }))
}

function rowOfJson(values, row) {
  const y = 4 + row * 23
  let x = 0
  const blocks = []
  values.forEach((width, column) => {
    if (!width) return
    blocks.push(svg('rect', { class: 'field-name', x, y: y + 4, width: KEYS[column], height: 4 }))
    x += KEYS[column] + 6
    blocks.push(
      svg('rect', { class: `slab layer-${column + 1}`, x: x + 0.75, y, width, height: 12 }),
    )
    x += width + 16
  })
  return blocks
}

function columns() {
  const widest = KEYS.map((_key, column) => Math.max(...VALUES.map(values => values[column])))
  const room = (WIDTH - widest.reduce((sum, width) => sum + width, 0) * 1.3) / (widest.length - 1)
  let x = 0
  return widest.map((width, column) => {
    const at = x
    x += width * 1.3 + room
    const strips = VALUES.filter(values => values[column])
    return strips.map((values, index) =>
      svg('rect', {
        class: `slab layer-${column + 1}`,
        x: at + 0.75,
        y: 366 - (index + 1) * 13,
        width: values[column] * 1.3 - 1.5,
        height: 13,
      })
    )
  })
}
