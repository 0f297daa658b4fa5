/**
 * The file, drawn to scale: a bar for each row group, with a part for each column, and one for the
 * footer. What has been fetched is coloured.
 */
import { h, svg } from '../../dom.js'
import { bytes, count, counted, leafName, significant } from '../../format.js'

const WIDTH = 720
/** On a phone the bars would be as thin as lines. */
const NARROW = { media: '(max-width: 34rem)', width: 360 }
const BAR = 22
const GAP = 8
const LABEL = 56
/** More row groups than these are not drawn. */
const GROUPS_MAX = 24

/**
 * @param {{groups: object[], fetched: {start: number, end: number}[], stats: object}} file
 */
export function layoutSection({ groups, fetched, stats }) {
  const size = stats.bytesInFile
  const bars = barsOf(groups, size)
  const shown = [...bars.slice(0, -1).slice(0, GROUPS_MAX), bars.at(-1)]
  const longest = Math.max(...bars.map(({ start, end }) => end - start), 1)
  const width = matchMedia(NARROW.media).matches ? NARROW.width : WIDTH
  const scale = (width - LABEL) / longest
  const height = shown.length * (BAR + GAP)
  const moved = sumOf(fetched)
  const words = `${bytes(moved)} of ${bytes(size)} (${share(moved, size)}) have been fetched.`
  return h('section', {
    class: 'block',
    id: 'scan-layout',
    'data-testid': 'scan-layout',
    'aria-labelledby': 'scan-layout-title'
  },
  h('h2', { id: 'scan-layout-title' }, 'Layout'),
  h('p', { class: 'note' }, 'Each bar is a row group, to scale, and each part of it a column. ',
    h('strong', { 'data-testid': 'scan-moved' }, words)),
  h('figure', { class: 'plot' },
    h('div', { class: 'frame' },
      svg('svg', {
        class: 'chart strips', viewBox: `0 0 ${width} ${height}`, role: 'img',
        'aria-label': `${counted(groups.length, 'row group')}. ${words}`
      }, shown.map((bar, at) => barOf(bar, at * (BAR + GAP), scale, fetched)))),
    h('figcaption', {},
      h('ul', { class: 'key' },
        h('li', {}, h('span', { class: 'swatch fetched' }), 'fetched'),
        h('li', {}, h('span', { class: 'swatch' }), 'not fetched'),
        groups.length > GROUPS_MAX &&
          h('li', {}, `${count(groups.length - GROUPS_MAX)} more row groups are not drawn`)))))
}

/** The row groups in the order of their bytes, and what lies behind the last one. */
function barsOf(groups, size) {
  const bars = groups.map((group, at) => {
    const parts = group.columns.map(chunk => ({
      name: leafName(chunk.column),
      encodings: chunk.encodings,
      start: chunk.offset,
      end: chunk.offset + chunk.compressed_bytes
    }))
    const start = Math.min(...parts.map(part => part.start))
    const end = Math.max(...parts.map(part => part.end))
    const short = count(at + 1)
    return { label: `Group ${short}`, short, note: counted(group.rows, 'row'), start, end, parts }
  })
  const start = Math.max(0, ...bars.map(bar => bar.end))
  const footer = { name: 'indexes, filters and footer', encodings: [], start, end: size }
  const last = { label: 'Footer', short: 'Footer', note: '', start, end: size, parts: [footer] }
  return [...bars, last]
}

function barOf({ label, short, note, start, parts }, y, scale, fetched) {
  const x = at => LABEL + (at - start) * scale
  const rect = (from, to, props, ...children) => svg('rect', {
    x: x(from).toFixed(2), y: y + 1, width: Math.max((to - from) * scale, 0.5).toFixed(2),
    height: BAR - 2, ...props
  }, ...children)
  return svg('g', {},
    svg('text', { x: 0, y: y + BAR / 2 + 5, class: 'value' }, short),
    parts.map(part => {
      const inside = fetched.map(range => ({
        start: Math.max(range.start, part.start), end: Math.min(range.end, part.end)
      })).filter(range => range.end > range.start)
      const words = [
        `${label}, ${part.name}: ${bytes(part.end - part.start)}`,
        note,
        part.encodings.join(', '),
        inside.length ? `${bytes(sumOf(inside))} fetched` : 'not fetched'
      ]
      return svg('g', { class: 'part' },
        rect(part.start, part.end, { class: 'whole' }),
        inside.map(range => rect(range.start, range.end, { class: 'fetched' })),
        rect(part.start, part.end, { class: 'outline' },
          svg('title', {}, words.filter(Boolean).join(' · '))))
    }))
}

/** How much of a whole, for people. */
export function share(part, whole) {
  if (!whole) return '–'
  const percent = 100 * part / whole
  return percent > 0 && percent < 0.1 ? '< 0.1 %' : `${significant(percent)} %`
}

const sumOf = ranges => ranges.reduce((sum, { start, end }) => sum + end - start, 0)
