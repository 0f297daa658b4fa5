/**
 * Bar charts in SVG. A chart is drawn in CSS pixels, so that its text and lines are never scaled.
 */
import { stayingInPlace } from './attention.js'
import { svg } from '../dom.js'

/**
 * @typedef {{label: string, value: number, text: string, kind?: string, layers?: {name: string,
 *   value: number, layer: number}[], note?: string}} Bar
 */

/**
 * @param {{title: string, bars: Bar[], most?: number}} what
 * @param {number} width in CSS pixels
 */
export function barChart({ title, bars, most }, width) {
  const narrow = width < 480
  const labels = narrow ? 0 : 88
  const rowHeight = narrow ? 46 : 34
  const barHeight = 20
  const textRoom = narrow ? 0 : 172
  const room = width - labels - textRoom - 2
  const full = most ?? Math.max(...bars.map(bar => bar.value), 1)
  const length = value => Math.max(1.5, value / full * room)
  const height = bars.length * rowHeight + 2
  const drawn = bars.map((bar, index) => {
    const y = index * rowHeight + 1
    const barY = narrow ? y + 20 : y + (rowHeight - barHeight) / 2
    const labelY = narrow ? y + 14 : barY + 15
    return svg('g', { class: `bar ${bar.kind ?? ''}` },
      svg('text', { class: 'label', x: 0, y: labelY }, bar.label),
      bar.value > 0 && layers(bar, labels + 1, barY, barHeight, length),
      narrow
        ? svg('text', { class: 'value', x: width - 1, y: labelY, 'text-anchor': 'end' }, bar.text)
        : svg('text', {
          class: 'value',
          x: labels + (bar.value > 0 ? length(bar.value) : 0) + 10,
          y: labelY,
        }, bar.text),
    )
  })
  return svg('svg', {
    class: 'chart',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-label': title,
  }, drawn)
}

function layers(bar, x, y, height, length) {
  if (!bar.layers) return svg('rect', { class: 'body', x, y, width: length(bar.value), height })
  let at = x
  return bar.layers.map(({ name, value, layer }) => {
    const width = length(bar.value) * value / bar.value
    const rect = svg(
      'rect',
      { class: `body layer-${layer}`, x: at, y, width, height },
      svg('title', {}, `${bar.label}, ${name}`),
    )
    at += width
    return rect
  })
}

/**
 * Draws the chart of an element again whenever the width of the element changes.
 *
 * @param {HTMLElement} frame
 * @param {(width: number) => SVGElement} draw
 */
export function fitted(frame, draw) {
  let last = 0
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width)
    if (!width || width === last) return
    last = width
    stayingInPlace(() => frame.replaceChildren(draw(width)))
  }).observe(frame)
  return frame
}
