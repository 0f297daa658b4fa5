/** Controls with a label, a hint, and words about what is wrong with them. */
import { h, say } from '../dom.js'
import { intoView } from './attention.js'

/**
 * @param {string} label
 * @param {HTMLElement} control its `id` names the label, the hint and the problem
 * @param {{hint?: any, full?: boolean}} [options] full: over all columns of the form
 */
export function field(label, control, { hint, full } = {}) {
  const { id } = control
  control.dataset.testid = id
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`)
  return h('div', { class: full ? 'field full' : 'field' },
    h('label', { for: id }, label),
    control,
    h('p', { class: 'problem', id: `${id}-problem`, 'data-testid': `${id}-problem`, hidden: true }),
    hint && h('p', { class: 'hint', id: `${id}-hint` }, hint))
}

/**
 * Says beside a control what is wrong with it, and leads there.
 *
 * @param {HTMLElement} control
 * @param {string} words what is wrong, and what to do
 */
export function complain(control, words) {
  const problem = document.getElementById(`${control.id}-problem`)
  problem.textContent = words
  problem.hidden = false
  control.setAttribute('aria-invalid', 'true')
  describe(control, problem.id, true)
  // What is folded away cannot have the focus.
  const fold = control.closest('details')
  if (fold) fold.open = true
  say(words)
  control.focus({ preventScroll: true })
  intoView(control.labels?.[0] ?? control, control, problem)
}

/** Takes back what `complain` said of a control. */
export function settle(control) {
  const problem = document.getElementById(`${control.id}-problem`)
  if (problem.hidden) return
  problem.hidden = true
  control.removeAttribute('aria-invalid')
  describe(control, problem.id, false)
}

function describe(control, id, on) {
  const others = (control.getAttribute('aria-describedby') ?? '').split(' ')
    .filter(each => each && each !== id)
  control.setAttribute('aria-describedby', (on ? [id, ...others] : others).join(' '))
}
