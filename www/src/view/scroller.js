/** A table that may be wider than its place: shows on which side there is more of it. */
import { h } from '../dom.js'

/**
 * @param {string} label what the table is, for those who do not see it
 * @param {HTMLElement} table
 * @param {{tall?: boolean}} [options] tall: scrolls up and down as well
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
    // Widths on the screen may have fractions.
    frame.classList.toggle('more-left', left > 1)
    frame.classList.toggle('more-right', right > 1)
    // It keeps its place while the table is scrolled to its end: nothing may jump.
    hint.hidden = left <= 1 && right <= 1
  }
  view.addEventListener('scroll', look, { passive: true })
  const watcher = new ResizeObserver(look)
  watcher.observe(view)
  watcher.observe(table)
  return frame
}
