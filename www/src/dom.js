/** Functions that make elements. */

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `on` holds listeners; null and false are skipped
 * @param {...any} children nodes, texts, or lists of them; null and false are skipped
 * @returns {HTMLElement}
 */
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props, children)
}

/** The same for SVG. */
export function svg(tag, props, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children)
}

/** The element with this `data-testid`. The page and its tests use the same names. */
export function part(name, root = document) {
  return /** @type {HTMLElement} */ (root.querySelector(`[data-testid="${name}"]`))
}

/** Tells a screen reader what other readers see elsewhere on the page. */
export function say(words) {
  const voice = part('announce')
  // A screen reader speaks only changes. So the same words get a space at the end.
  voice.textContent = voice.textContent === words ? `${words}\u00a0` : words
}

function listen(element, listeners) {
  for (const [type, listener] of Object.entries(listeners)) {
    element.addEventListener(type, listener)
  }
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value == null || value === false) continue
    if (name === 'on') listen(element, value)
    else if (name === 'width%') element.style.width = `${value}%`
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.flat(Infinity).filter(child => child != null && child !== false))
  return element
}
