/** A chart of the sizes by codec, a second one by column, and the figures of both in a table. */
import { h } from '../dom.js'
import { bytes, duration, leafName, ratio } from '../format.js'
import { compareCodecs } from '../run.js'
import { barChart, fitted } from './chart.js'
import { scroller } from './scroller.js'

const ORDER = ['none', 'snappy', 'lz4', 'gzip', 'zstd', 'brotli']
const LAYERS = 5

export function sizesSection({ result, codecs, comparing }) {
  const known = new Map(codecs.map(entry => [entry.codec.split(':')[0], entry]))
  const failed = codecs.find(entry => entry.codec === 'error')
  const waiting = !comparing && !codecs.length
  return h(
    'section',
    {
      class: 'block',
      id: 'sizes',
      'data-testid': 'sizes',
      'aria-labelledby': 'sizes-title',
      'aria-busy': String(comparing),
    },
    h('h2', { id: 'sizes-title' }, 'Size by codec'),
    waiting &&
      h(
        'p',
        { class: 'note' },
        'The other codecs have not been tried. ',
        h('button', {
          type: 'button',
          class: 'button small',
          'data-testid': 'compare',
          on: { click: compareCodecs },
        }, 'Try each codec'),
      ),
    failed && h('p', { class: 'note bad' }, failed.error.message),
    totals(result, known, comparing),
    known.has('none') && byColumn(known))
}

function totals(result, known, comparing) {
  const chosen = result.options.codec.split(':')[0]
  const bars = [{
    label: 'JSON',
    value: result.jsonBytes,
    text: bytes(result.jsonBytes),
    kind: 'json',
  }]
  bars.push(bar('gzip’d JSON', known.get('json.gz'), 'json packed'))
  for (const codec of ORDER) {
    const entry = known.get(codec) ??
      (codec === chosen
        ? { codec: result.options.codec, bytes: result.bytes, ms: result.ms }
        : undefined)
    bars.push(bar(entry?.codec ?? codec, entry, codec === chosen ? 'parquet chosen' : 'parquet'))
  }
  function bar(label, entry, kind) {
    const text = entry
      ? `${bytes(entry.bytes)} · ${ratio(result.jsonBytes, entry.bytes).replace(' smaller', '')}`
      : comparing
      ? 'pressing…'
      : '–'
    return { label, value: entry?.bytes ?? 0, text, kind }
  }
  const title = `Size by codec: ${bars.map(({ label, text }) => `${label} ${text}`).join('; ')}`
  return h(
    'figure',
    { class: 'plot' },
    fitted(
      h('div', {
        class: 'frame',
        'data-testid': 'chart-codecs',
        'data-complete': String(ORDER.every(codec => known.has(codec))),
      }),
      width => barChart({ title, bars }, width),
    ),
    h(
      'figcaption',
      {},
      `All bars have the same scale. Your codec is marked: ${result.options.codec}.`,
    ),
  )
}

function byColumn(known) {
  const reference = known.get('zstd') ?? known.get('none')
  const ranked = [...reference.columns].sort((a, b) => b.bytes - a.bytes).map(column => column.path)
  const named = ranked.slice(0, LAYERS)
  const rest = ranked.length - named.length
  const bars = ORDER.filter(codec => known.has(codec)).map(codec => {
    const { columns, bytes: whole, codec: label } = known.get(codec)
    const size = new Map(columns.map(column => [column.path, column.bytes]))
    const layers = named.map((path, index) => ({
      name: `${leafName(path)} ${bytes(size.get(path) ?? 0)}`,
      value: size.get(path) ?? 0,
      layer: index + 1,
    }))
    const left = whole - layers.reduce((sum, layer) => sum + layer.value, 0)
    layers.push({ name: `the rest ${bytes(left)}`, value: left, layer: LAYERS + 1 })
    return { label, value: whole, text: bytes(whole), layers }
  })
  const restName = rest > 0 ? `${rest} more, indexes, footer` : 'indexes, footer'
  return h('figure', { class: 'plot', 'data-testid': 'chart-columns' },
    h('h3', {}, 'The same files by column, enlarged'),
    h(
      'ul',
      { class: 'key' },
      [...named.map(leafName), restName].map((name, index) =>
        h('li', {}, h('span', { class: `swatch layer-${index + 1}`, 'aria-hidden': 'true' }), name)
      ),
    ),
    fitted(h('div', { class: 'frame' }), width =>
      barChart(
        { title: 'Parquet by codec and column; the figures are in the table below', bars },
        width,
      )),
    h(
      'details',
      { class: 'fold' },
      h('summary', { 'data-testid': 'sizes-table-toggle' }, 'These figures as a table'),
      table(known, ranked),
    ),
  )
}

function table(known, ranked) {
  const codecs = ORDER.filter(codec => known.has(codec)).map(codec => known.get(codec))
  const size = (entry, path) => entry.columns.find(column => column.path === path)?.bytes ?? 0
  const row = (name, values) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, name),
      values.map(value => h('td', { class: 'figure' }, value)),
    )
  const heads = codecs.map(({ codec }) => h('th', { scope: 'col', class: 'figure' }, codec))
  return scroller('Bytes by column and codec', h('table', { 'data-testid': 'sizes-table' },
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Column'), heads)),
    h('tbody', {}, ranked.map(path =>
      row(leafName(path), codecs.map(entry => bytes(size(entry, path)))))),
    h('tfoot', {},
      row('Whole file', codecs.map(entry => bytes(entry.bytes))),
      row('Encoding took', codecs.map(entry => duration(entry.ms))))))
}
