// A classic script, before the first paint: a module would show the other colours for a moment.
try {
  const theme = localStorage.getItem('coldpress.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is closed to this page: the system's colours then.
}
