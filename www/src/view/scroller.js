/** A table that may be wider than its place. It shows on which side there is more. */
import { h } from '../dom.js'

/**
 * @param {string} label the name of the table for screen readers
 * @param {HTMLElement} table
 * @param {{tall?: boolean}} [options] tall: the table also scrolls up and down
 */
export function scroller(label, table, { tall } = {}) {
  const view = h('div', {
    class: tall ? 'scroll tall' : 'scroll', tabindex: 0, role: 'region', 'aria-label': label
  }, table)
  const hint = h('p', { class: 'scroll-hint', 'aria-hidden': 'true', hidden: true },
    'More to the side ', h('span', { class: 'way' }, '→'))
  const frame = h('div', { class: 'scroller' }, hint, view)
  const look = () => {
    const left = view.scrollLeft
    const right = view.scrollWidth - view.clientWidth - left
    // Widths may have fractions of a pixel.
    frame.classList.toggle('more-left', left > 1)
    frame.classList.toggle('more-right', right > 1)
    // The hint stays while the table scrolls to its end, so that nothing jumps.
    hint.hidden = left <= 1 && right <= 1
  }
  view.addEventListener('scroll', look, { passive: true })
  const watcher = new ResizeObserver(look)
  watcher.observe(view)
  watcher.observe(table)
  return frame
}
