/** An error of the encoder, with the lines of the input around it. */
import { h } from '../dom.js'
import { count } from '../format.js'

const TITLES = {
  Row: 'A row could not go in',
  Empty: 'There are no rows in it',
  Format: 'That is not JSON',
  File: 'The file could not be read',
  Corrupt: 'This file cannot be read here',
  Settings: 'A setting is wrong',
  Key: 'Tenant or collection is wrong',
  Limit: 'Something is too large',
  Worker: 'The encoder stopped'
}
// These errors are about a file that was opened, not about a press.
const READING = ['Corrupt']

export function failure({ error, source }, { onSelectLine, onSelectSetting }) {
  const { code, line, context, command, setting } = error
  const go = (testid, words, click) => h('p', {}, h('button', {
    type: 'button', class: 'button', 'data-testid': testid, on: { click }
  }, words))
  return h('section', { class: 'failure', 'data-testid': 'error', 'data-code': code },
    h('h2', { tabindex: -1 }, TITLES[code] ?? 'Nothing was made'),
    h('p', { class: 'message', 'data-testid': 'error-message' }, error.message),
    command && h('pre', { class: 'well' }, h('code', {}, command)),
    context && excerpt(context, line),
    line && source?.kind === 'text' &&
      go('go-to-line', `Go to line ${count(line)}`, () => onSelectLine(line)),
    setting && go('go-to-setting', 'Go to the setting', () => onSelectSetting(error)),
    !READING.includes(code) && h('p', { class: 'note' },
      'No file was made. Correct the problem, and press again.'))
}

function marked({ text, mark }) {
  if (mark === undefined) return text || ' '
  return [text.slice(0, mark), h('mark', {}, text[mark]), text.slice(mark + 1)]
}

function excerpt(context, line) {
  const attributes = {
    class: 'excerpt', role: 'region', tabindex: 0, 'aria-label': 'The input around the error',
    'data-testid': 'error-line'
  }
  return h('div', attributes, h('ol', {}, context.map(each => {
    const isFaulty = each.line === line
    return h('li', { class: isFaulty ? 'faulty' : null, 'aria-current': isFaulty ? 'true' : null },
      h('span', { class: 'line-number' }, count(each.line)), h('code', {}, marked(each)))
  })))
}
