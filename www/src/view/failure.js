/** An error of the encoder, with the line of the input that it is about. */
import { h } from '../dom.js'
import { count } from '../format.js'

const TITLES = {
  Row: 'A row could not go in',
  Settings: 'A setting is not right',
  Key: 'These make no key',
  Limit: 'That is more than fits',
  Worker: 'The encoder stopped'
}

export function failure({ error, source }, onSelectLine) {
  const { code, line, context } = error
  return h('section', { class: 'failure', 'data-testid': 'error', 'data-code': code, 'aria-labelledby': 'failure-title' },
    h('h2', { id: 'failure-title' }, TITLES[code] ?? 'Nothing was made'),
    h('p', { class: 'message', 'data-testid': 'error-message' }, error.message),
    context && excerpt(context, line),
    line && source?.kind === 'text' && h('p', {}, h('button', { type: 'button', class: 'button', 'data-testid': 'go-to-line', on: { click: () => onSelectLine(line) } }, `Go to line ${count(line)}`)),
    h('p', { class: 'note' }, 'No file was made, so nothing is half done. Mend it and press again.'))
}

function marked({ text, mark }) {
  if (mark === undefined) return text || ' '
  return [text.slice(0, mark), h('mark', {}, text[mark]), text.slice(mark + 1)]
}

function excerpt(context, line) {
  return h('div', { class: 'excerpt', role: 'region', tabindex: 0, 'aria-label': 'The input there', 'data-testid': 'error-line' },
    h('ol', {}, context.map(each => h('li', { class: each.line === line ? 'faulty' : null, 'aria-current': each.line === line ? 'true' : null },
      h('span', { class: 'line-number' }, count(each.line)), h('code', {}, marked(each))))))
}
