/** Form controls with a label, a hint and an error message. */
import { h, say } from '../dom.js'
import { intoView } from './attention.js'

/**
 * @param {string} label
 * @param {HTMLElement} control its `id` is part of the ids of its hint and its problem
 * @param {{hint?: any, full?: boolean}} [options] full: as wide as the form
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
 * Shows an error message beside a control, and moves the focus to the control.
 *
 * @param {HTMLElement} control
 * @param {string} words what is wrong, and what to do
 */
export function showProblem(control, words) {
  const problem = document.getElementById(`${control.id}-problem`)
  problem.textContent = words
  problem.hidden = false
  control.setAttribute('aria-invalid', 'true')
  describe(control, problem.id, true)
  // A control in a closed fold cannot have the focus.
  const fold = control.closest('details')
  if (fold) fold.open = true
  say(words)
  control.focus({ preventScroll: true })
  intoView(control.labels?.[0] ?? control, control, problem)
}

/** Removes the error message of a control. */
export function clearProblem(control) {
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
