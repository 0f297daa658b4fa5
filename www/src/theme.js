/** The three-way switch of colours; `theme-early.js` reads what is kept here. */
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
      // Not kept then; it holds for this visit.
    }
  })
}
