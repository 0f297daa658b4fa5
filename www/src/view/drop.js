/** Files that are dropped on the page, or pasted into it. */
import { part } from '../dom.js'
import { count } from '../format.js'

/** @param {{onFile: (file: File) => void, onRefuse: (words: string) => void}} on */
export function startDrop({ onFile, onRefuse }) {
  const veil = part('drop-veil')
  // The browser reports the element that is entered before the one that is left. So the window is
  // left when the element is left that was entered last.
  let entered
  const carries = transfer => [...transfer?.types ?? []].includes('Files')
  const take = transfer => {
    const words = objection(transfer)
    if (words) onRefuse(words)
    else onFile(transfer.files[0])
  }

  addEventListener('dragenter', event => {
    if (!carries(event.dataTransfer)) return
    entered = event.target
    veil.hidden = false
  })
  addEventListener('dragleave', event => {
    if (event.target === entered) veil.hidden = true
  })
  addEventListener('dragover', event => {
    if (carries(event.dataTransfer)) event.preventDefault()
  })
  addEventListener('drop', event => {
    if (!carries(event.dataTransfer)) return
    event.preventDefault()
    veil.hidden = true
    take(event.dataTransfer)
  })
  addEventListener('paste', event => {
    // A spreadsheet adds pictures to its text: this is a text.
    const transfer = event.clipboardData
    if (!carries(transfer) || transfer.types.includes('text/plain')) return
    event.preventDefault()
    take(transfer)
  })
}

/**
 * The reason to refuse what was dropped. Only one file is right.
 *
 * @param {DataTransfer} transfer read at once: it is empty after the event
 * @returns {string | undefined}
 */
function objection({ files, items }) {
  const folder = [...items].map(item => item.webkitGetAsEntry?.()).find(entry => entry?.isDirectory)
  if (folder) return `“${folder.name}” is a folder. Drop one of the files in it.`
  if (!files.length) return 'That is no file. Save it on this machine first, then drop it.'
  if (files.length === 1) return undefined
  const others = files.length - 2
  const more = others ? ` and ${count(others)} more` : ''
  const names = `“${files[0].name}”, “${files[1].name}”${more}`
  return `One file at a time: these were ${names}. Drop one of them.`
}
