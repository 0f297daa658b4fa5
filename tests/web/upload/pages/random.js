// Rows for large files, the same ones each time.

/** Rows of about `bytes` bytes in all that no codec makes smaller; the same ones each time. */
export function randomRows(bytes) {
  let state = 1
  const word = () => (state = (state * 48271) % 0x7fffffff).toString(36)
  const text = () => Array.from({ length: 24 }, word).join('')
  return Array.from({ length: Math.ceil(bytes / 140) }, (_, n) => ({ n, text: text() }))
}

