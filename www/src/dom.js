/** Elements, written as calls. */

/**
 * @param {string} tag
 * @param {Record<string, any>} [props] attributes; `on` holds listeners; null and false leave an attribute out
 * @param {...any} children nodes, texts, lists of them; null and false are left out
 * @returns {HTMLElement}
 */
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props, children)
}

/** The same for SVG. */
export function svg(tag, props, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children)
}

/** The one element with that `data-testid`: page and tests name parts alike. */
export function part(name, root = document) {
  return /** @type {HTMLElement} */ (root.querySelector(`[data-testid="${name}"]`))
}

/** Tells a screen reader something that is seen elsewhere. */
export function say(words) {
  const voice = part('announce')
  // The same words twice would be no change, and so not be spoken again.
  voice.textContent = voice.textContent === words ? `${words}\u00a0` : words
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value == null || value === false) continue
    if (name === 'on') for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener)
    else if (name === 'width%') element.style.width = `${value}%`
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.flat(Infinity).filter(child => child != null && child !== false))
  return element
}
