/** Puts the parts of the page together. */
import { part } from './dom.js'
import { ask } from './engine.js'
import { startOffline } from './offline.js'
import { press, stop } from './run.js'
import { set, watch } from './state.js'
import { startTheme } from './theme.js'
import { startInput } from './view/input.js'
import { startResults } from './view/results.js'
import { startSettings } from './view/settings.js'

startTheme(part('theme'))

const settings = startSettings()

const input = startInput({
  onSource(source) {
    settings.suggest(collectionFor(source))
    let options
    try {
      options = settings.options()
    } catch (error) {
      return set({ source, phase: 'error', error })
    }
    showResults()
    press(source, options)
  },
  onStop: stop
})

startResults({ onSelectLine: line => input.select(line) })

watch(['phase'], ({ phase, result }) => {
  input.busy(phase === 'busy', phase === 'done')
  if (phase === 'done') settings.offer(result.report.schema)
})

startOffline(part('offline-state'))

// What fails here fails again, and is shown, when something is pressed.
ask('warm').catch(() => {})

/** `movies.ndjson.gz` are rows of the collection `movies`. */
function collectionFor(source) {
  const name = source.kind === 'sample' ? source.name : source.kind === 'file' ? source.file.name : source.what ?? 'rows'
  return name.replace(/\.(gz|json|ndjson|jsonl)\b/gi, '') || 'rows'
}

// Where the columns stand one below the other, results would begin out of sight.
function showResults() {
  const results = document.getElementById('results')
  if (results.getBoundingClientRect().top > innerHeight * 0.6) results.scrollIntoView({ block: 'start' })
}
