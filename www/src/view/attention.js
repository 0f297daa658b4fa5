/** Where the reader looks: what a button brought about must be in sight, and have the focus. */

// What sticks to the top of the page (the parts of a result) must cover nothing.
const ABOVE = 64
const BELOW = 16

/**
 * Scrolls no further than it takes to see all of the elements; where there is no room for all,
 * the first is seen.
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
 * Gives a heading the focus and brings it, with what belongs to it, into sight.
 *
 * @param {HTMLElement} heading with `tabindex="-1"`
 * @param {...Element} others what is to be seen with it
 */
export function attend(heading, ...others) {
  heading.focus({ preventScroll: true })
  intoView(heading, ...others)
}

/**
 * Gives a heading the focus, and lets the place that it is in begin the screen, unless that stands
 * high already.
 *
 * @param {HTMLElement} heading with `tabindex="-1"`
 * @param {Element} place
 */
export function attendAtTop(heading, place) {
  heading.focus({ preventScroll: true })
  const { top } = place.getBoundingClientRect()
  if (top < 0 || top > innerHeight * 0.3) jump(top - BELOW)
}

// At once: what comes next may be shown before a smooth scroll has ended, and be measured wrongly.
const jump = top => scrollBy({ top, behavior: 'instant' })

/**
 * Whether the focus may be moved: it is nowhere, or within the part that changes.
 * Who has gone on to something else meanwhile is not called back.
 *
 * @param {Element} within
 */
export function isFree(within) {
  const { activeElement } = document
  return !activeElement || activeElement === document.body || within.contains(activeElement)
}

/**
 * What has the focus stays where it is on the screen, whatever comes to stand above it.
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
