/** The summary of the result: sizes before and after, the check, the speed, the download. */
import { h, say } from '../dom.js'
import { ask } from '../worker-client.js'
import { bytes, count, counted, duration, json, ratio, shortened, significant } from '../format.js'
import { readBack } from '../run.js'

export function summary(state) {
  const { result } = state
  const isRead = result.kind === 'read'
  const repeated = result.duplicateKeys > 0 && `${counted(result.duplicateKeys, 'field')} came ` +
    'twice in one object. The last value of each was kept.'
  return h('section', { class: 'summary', id: 'summary', 'data-testid': 'summary' },
    isRead ? openedHeading(result) : pressedHeading(result),
    check(state),
    h('dl', { class: 'figures number' },
      (isRead ? openedFigures : pressedFigures)(result).map(([name, value]) =>
        h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
    repeated && h('p', { class: 'note' }, repeated),
    h('div', { class: 'deeds' }, isRead
      ? asRows(result)
      : [download(result), h('a', { class: 'button', href: '#upload' }, 'Upload')]))
}

function pressedHeading({ jsonBytes, bytes: size }) {
  return change([bytes(jsonBytes), 'of JSON'], 'became',
    [bytes(size), `Parquet, ${ratio(jsonBytes, size)}`])
}

function openedHeading({ bytes: size, rows }) {
  return change([bytes(size), 'of Parquet'], 'hold', [count(rows), rows === 1 ? 'row' : 'rows'])
}

function change([was, wasNote], verb, [is, isNote]) {
  return h('h2', { class: 'before-after', tabindex: -1, 'data-testid': 'headline' },
    h('span', { class: 'was' }, was, ' ', h('small', {}, wasNote)), ' ',
    h('span', { class: 'is' },
      h('span', { class: 'arrow', 'aria-hidden': 'true' }, '→ '),
      h('span', { class: 'unseen' }, `${verb} `),
      h('span', { class: 'inked' }, is), ' ', h('small', {}, isNote)))
}

function pressedFigures(result) {
  const seconds = result.ms / 1000
  return [
    ['Rows', count(result.rows)],
    ['Columns', count(result.report.columns.length)],
    ['Encoding took', duration(result.ms)],
    ['JSON a second', `${significant(result.jsonBytes / 1e6 / seconds)} MB`],
    ['Rows a second', count(Math.round(result.rows / seconds))],
    ['Wall time', duration(result.wallMs)]
  ]
}

function openedFigures({ report, rawBytes }) {
  const codecs = [...new Set(report.columns.map(column => column.codec.toLowerCase()))]
  return [
    ['Columns', count(report.columns.length)],
    ['Row groups', count(report.groups.length)],
    ['Codec', codecs.join(', ')],
    ['Unpacked', bytes(rawBytes)],
    ['Collection', report.metadata['coldpress.collection'] ?? '–']
  ]
}

/** The line that says whether the rows were read back and are equal to the source. */
export function check({ result, verified }) {
  const isRead = result.kind === 'read'
  if (!verified) {
    return line('waiting', '?', 'Not read back yet, because all of these many rows would be in ' +
      'memory. ', h('button', {
      class: 'button small', type: 'button', 'data-testid': 'read-back', on: { click: readBack }
    }, isRead ? 'Read the rows' : 'Read back and compare'))
  }
  if (verified.running) {
    return line('running', '…', verified.rows
      ? `Reading back: ${counted(verified.rows, 'row')} equal so far`
      : isRead ? 'Reading the rows…' : 'Reading the file back…')
  }
  if (verified.error) {
    return line('bad', '!', `The file could not be read back: ${verified.error.message}`)
  }
  if (isRead) {
    return line('good', '✓', `${verified.checked === 1 ? 'Its' : 'All'} ` +
      `${counted(verified.checked, 'row')} could be read.`)
  }
  if (!verified.found) {
    return line('good', '✓',
      `All ${counted(verified.checked, 'row')} read back from these bytes equal your rows.`)
  }
  const { row, line: at, path, was, is } = verified.found
  const where = `Row ${count(row)}${at ? ` (line ${count(at)})` : ''}`
  return line('bad', '!', `${where} came back different${path && ` at ${path}`}: `,
    h('code', {}, shortened(json(was), 80)), ' went in, ',
    h('code', {}, shortened(json(is), 80)), ' came out. Please report it.')
}

function line(kind, mark, ...text) {
  return h('p', { class: `check ${kind}`, 'data-testid': 'check', 'data-check': kind },
    h('span', { class: 'mark', 'aria-hidden': 'true' }, mark), h('span', {}, text))
}

function download(result) {
  const name = `${result.options.collection}-${result.key.split('/').pop()}`
  const link = h('a', {
    class: 'button primary', download: name, href: URL.createObjectURL(result.blob),
    'data-testid': 'download'
  }, 'Download the file')
  // Without this, the object URL would keep the file in memory as long as the page is open.
  freed(link.href)
  return link
}

// The text is many times larger than the file, so it is made only on demand.
function asRows(result) {
  const name = `${result.name.replace(/\.parquet$/i, '')}.ndjson`
  const words = h('p', { class: 'problem', 'data-testid': 'rows-problem', hidden: true })
  const make = async () => {
    words.hidden = true
    try {
      const href = URL.createObjectURL(await ask('ndjson'))
      freed(href)
      h('a', { download: name, href }).click()
      say(`${name} is made.`)
    } catch (error) {
      words.textContent = error.message
      words.hidden = false
      say(error.message)
    }
  }
  return [h('button', {
    type: 'button', class: 'button primary', 'data-testid': 'download-rows', on: { click: make }
  }, 'Download the rows as NDJSON'), words]
}

const freed = (() => {
  let last
  return href => {
    if (last) URL.revokeObjectURL(last)
    last = href
  }
})()
