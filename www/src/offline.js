/** Registers the service worker and says when the page no longer needs the network. */
export async function startOffline(status) {
  if (!('serviceWorker' in navigator)) return
  try {
    await navigator.serviceWorker.register('./sw.js', { updateViaCache: 'none' })
    await navigator.serviceWorker.ready
    status.textContent = 'Works offline'
  } catch {
    // Private windows and plain http do not allow it: the page works online only.
  }
}
