/** The two tabs of the page. The address keeps which one is shown. */
import { part } from '../dom.js'

/** What the veil says over a page on which a file is held. */
const DROPS = { press: 'Drop to press', read: 'Drop to read' }

/**
 * @returns {{current: () => string, show: (name: string) => void}}
 */
export function startTabs() {
  const list = part('tabs')
  const tabs = [...list.querySelectorAll('[role="tab"]')]
  const nameOf = tab => tab.dataset.tab
  let current = 'press'

  const show = name => {
    current = name
    for (const tab of tabs) {
      const chosen = nameOf(tab) === name
      tab.setAttribute('aria-selected', String(chosen))
      tab.tabIndex = chosen ? 0 : -1
      document.getElementById(tab.getAttribute('aria-controls')).hidden = !chosen
    }
    part('drop-veil').firstElementChild.textContent = DROPS[name]
    part('skip').href = name === 'read' ? '#read-results' : '#results'
  }
  const choose = tab => {
    show(nameOf(tab))
    const plain = location.pathname + location.search
    history.replaceState(null, '', nameOf(tab) === 'read' ? '#read' : plain)
  }

  list.addEventListener('click', ({ target }) => {
    const tab = target.closest('[role="tab"]')
    if (tab) choose(tab)
  })
  list.addEventListener('keydown', event => {
    const at = tabs.indexOf(event.target)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key]
    if (at < 0 || to === undefined) return
    event.preventDefault()
    const tab = tabs[(to + tabs.length) % tabs.length]
    choose(tab)
    tab.focus()
  })
  show(location.hash === '#read' ? 'read' : 'press')
  addEventListener('hashchange', () => {
    if (location.hash === '#read') show('read')
  })
  return { current: () => current, show }
}
