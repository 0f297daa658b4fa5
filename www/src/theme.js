/** The switch of colours, with three positions. `theme-early.js` reads what it stores. */
export function startTheme(fieldset) {
  const root = document.documentElement
  const radio = fieldset.querySelector(`input[value="${root.dataset.theme ?? 'auto'}"]`)
  radio.checked = true
  fieldset.addEventListener('change', ({ target }) => {
    if (target.value === 'auto') delete root.dataset.theme
    else root.dataset.theme = target.value
    try {
      if (target.value === 'auto') localStorage.removeItem('coldpress.theme')
      else localStorage.setItem('coldpress.theme', target.value)
    } catch {
      // It cannot be stored, so it holds for this visit only.
    }
  })
}
