/** Scrolls the result of a button into view, and gives it the focus. */

// The list of parts sticks to the top of the page. Nothing may be hidden behind it.
const ABOVE = 64
const BELOW = 16

/**
 * Scrolls just enough to show all of the elements. If there is no room for all, it shows the first.
 *
 * @param {...Element} elements
 */
export function intoView(...elements) {
  const boxes = elements.map(element => element.getBoundingClientRect())
  const top = Math.min(...boxes.map(box => box.top)) - ABOVE
  const bottom = Math.max(...boxes.map(box => box.bottom)) + BELOW
  if (top < 0 || bottom - top > innerHeight) jump(top)
  else if (bottom > innerHeight) jump(bottom - innerHeight)
}

/**
 * Gives a heading the focus, and scrolls it into view together with other elements.
 *
 * @param {HTMLElement} heading with `tabindex="-1"`
 * @param {...Element} others
 */
export function attend(heading, ...others) {
  heading.focus({ preventScroll: true })
  intoView(heading, ...others)
}

/**
 * Gives a heading the focus, and scrolls its place to the top of the window, unless the place is
 * near the top already.
 *
 * @param {HTMLElement} heading with `tabindex="-1"`
 * @param {Element} place
 */
export function attendAtTop(heading, place) {
  heading.focus({ preventScroll: true })
  const { top } = place.getBoundingClientRect()
  if (top < 0 || top > innerHeight * 0.3) jump(top - BELOW)
}

// Without animation: positions that are measured during a smooth scroll would be wrong.
const jump = top => scrollBy({ top, behavior: 'instant' })

/**
 * Whether the focus may be moved: nothing has it, or something in the part that changes. If the
 * reader has moved on to another part, the focus stays there.
 *
 * @param {Element} within
 */
export function isFree(within) {
  const { activeElement } = document
  return !activeElement || activeElement === document.body || within.contains(activeElement)
}

/**
 * Makes a change, and keeps the element with the focus at its place in the window.
 *
 * @param {() => void} change
 */
export function stayingInPlace(change) {
  const { activeElement, body } = document
  if (!activeElement || activeElement === body) return change()
  const top = () => activeElement.getBoundingClientRect().top
  const before = top()
  change()
  if (activeElement.isConnected) scrollBy({ top: top() - before, behavior: 'instant' })
}
