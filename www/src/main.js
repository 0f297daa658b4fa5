/** Puts the parts of the page together. */
import { part } from './dom.js'
import { ask } from './worker-client.js'
import { startOffline } from './offline.js'
import { press, refuse } from './run.js'
import { watch } from './state.js'
import { startTheme } from './theme.js'
import { startInput } from './view/input.js'
import { startResults } from './view/results.js'
import { startScan } from './view/scan/panel.js'
import { startSettings } from './view/settings.js'
import { startTabs } from './view/tabs.js'

startTheme(part('theme'))

const tabs = startTabs()
const scan = startScan()
const settings = startSettings()

const input = startInput({
  // What is dropped goes to the tab that is shown.
  onDrop: file => tabs.current() === 'read' && (scan.openFile(file), true),
  onSource(source) {
    settings.suggest(collectionFor(source))
    let options
    try {
      options = settings.options()
    } catch (error) {
      return refuse(source, error)
    }
    press(source, options)
  }
})

startResults({
  onSelectLine: line => input.select(line),
  onSelectSetting: error => settings.select(error)
})

watch(['phase'], ({ phase, result }) => {
  const again = result?.kind === 'read' ? 'Open again' : 'Press again'
  input.label({ busy: 'Pressing…', done: again }[phase] ?? 'Press')
  if (phase === 'done') settings.offer(result.report.schema)
})

startOffline(part('offline-state'))

// An error here comes again at the first press, and is shown then.
ask('warm').catch(() => {})

/** The collection of a file is its name: `movies` for `movies.ndjson.gz`. */
function collectionFor(source) {
  const name = source.name ?? source.file?.name ?? source.what ?? 'rows'
  return name.replace(/\.(gz|json|ndjson|jsonl|parquet)\b/gi, '') || 'rows'
}
