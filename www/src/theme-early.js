// A classic script runs before the first paint. A module would show the wrong colours for a moment.
try {
  const theme = localStorage.getItem('coldpress.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // The page may not use storage: the colours of the system stay.
}
