/** What came of it, in one look: before and after, the check, the speed, the download. */
import { h } from '../dom.js'
import { bytes, count, counted, duration, json, ratio, shortened, significant } from '../format.js'
import { readBack } from '../run.js'

export function summary({ result, verified }) {
  const seconds = result.ms / 1000
  return h('section', { class: 'summary', id: 'summary', 'data-testid': 'summary', 'aria-labelledby': 'summary-title' },
    h('h2', { class: 'unseen', id: 'summary-title' }, 'Result'),
    h('p', { class: 'before-after' },
      h('span', { class: 'was' }, bytes(result.jsonBytes), ' ', h('small', {}, 'of JSON')),
      h('span', { class: 'arrow', 'aria-hidden': 'true' }, '→'),
      h('span', { class: 'unseen' }, 'became'),
      h('span', { class: 'is' }, h('span', { class: 'inked' }, bytes(result.bytes)), ' ', h('small', {}, `Parquet, ${ratio(result.jsonBytes, result.bytes)}`))),
    check(verified),
    h('dl', { class: 'figures number' },
      figure('Rows', count(result.rows)),
      figure('Columns', count(result.report.columns.length)),
      figure('Encoding took', duration(result.ms)),
      figure('JSON a second', `${significant(result.jsonBytes / 1e6 / seconds)} MB`),
      figure('Rows a second', count(Math.round(result.rows / seconds))),
      figure('Wall time', duration(result.wallMs))),
    result.duplicateKeys > 0 && h('p', { class: 'note' }, `${counted(result.duplicateKeys, 'field')} stood twice in one object; the last of each was kept.`),
    h('div', { class: 'deeds' }, download(result), h('a', { class: 'button', href: '#upload' }, 'Upload')))
}

const figure = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value))

function check(verified) {
  const line = (kind, mark, ...text) => h('p', { class: `check ${kind}`, 'data-testid': 'check', 'data-check': kind },
    h('span', { class: 'mark', 'aria-hidden': 'true' }, mark), h('span', {}, text))
  if (!verified) {
    return line('waiting', '?', 'Not read back yet: there are many rows, and all of them would stand in memory. ',
      h('button', { class: 'button small', type: 'button', 'data-testid': 'read-back', on: { click: readBack } }, 'Read back and compare'))
  }
  if (verified.running) {
    return line('running', '…', verified.rows ? `Reading back: ${counted(verified.rows, 'row')} equal so far` : 'Reading the file back…')
  }
  if (verified.error) return line('bad', '!', `The file could not be read back: ${verified.error.message}`)
  if (!verified.found) return line('good', '✓', `All ${counted(verified.checked, 'row')} read back from these bytes equal what went in.`)
  const { row, line: at, path, was, is } = verified.found
  return line('bad', '!', `Row ${count(row)}${at ? ` (line ${count(at)})` : ''} came back different${path && ` at ${path}`}: `,
    h('code', {}, shortened(json(was), 80)), ' went in, ', h('code', {}, shortened(json(is), 80)), ' came out. Please report it.')
}

function download(result) {
  const name = `${result.options.collection}-${result.key.split('/').pop()}`
  const link = h('a', { class: 'button primary', download: name, href: URL.createObjectURL(result.blob), 'data-testid': 'download' }, 'Download the file')
  // Bound to this element's life: an object URL would otherwise keep the file for as long as the page.
  freed(link)
  return link
}

const freed = (() => {
  let last
  return link => {
    if (last) URL.revokeObjectURL(last)
    last = link.href
  }
})()
