// JSON without rounding: numbers stay the literals they were, objects are Maps, so that any name is one.

export class Literal {
  constructor(text) {
    this.text = text
  }

  // The exact value, as sign, digits and the power of ten of the last one.
  get normal() {
    const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(this.text)
    const digits = (whole + fraction).replace(/^0+/, '')
    const short = digits.replace(/0+$/, '')
    if (short === '') return '0'
    return `${sign}${short}e${Number(exponent) - fraction.length + digits.length - short.length}`
  }
}

const TOKEN = /\s*([[\]{},:]|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y

export function parseJson(text) {
  TOKEN.lastIndex = 0
  const next = () => {
    const match = TOKEN.exec(text)
    if (!match) throw new Error(`no JSON: ${text.slice(0, 80)}`)
    return match[1]
  }
  const value = (token) => {
    if (token === '{') return members(new Map())
    if (token === '[') return elements([])
    if (token[0] === '"') return JSON.parse(token)
    if (token === 'true' || token === 'false') return token === 'true'
    return token === 'null' ? null : new Literal(token)
  }
  const members = (map) => {
    for (let token = next(); token !== '}'; ) {
      const name = JSON.parse(token)
      next()
      map.set(name, value(next()))
      token = next()
      if (token === ',') token = next()
    }
    return map
  }
  const elements = (array) => {
    for (let token = next(); token !== ']'; ) {
      array.push(value(token))
      token = next()
      if (token === ',') token = next()
    }
    return array
  }
  return value(next())
}

// Equal JSON, where an absent field is a null one and numbers are equal by value.
export function sameJson(a, b) {
  if (a instanceof Literal && b instanceof Literal) return a.normal === b.normal
  if (a instanceof Map && b instanceof Map) {
    const names = new Set([...a.keys(), ...b.keys()])
    return [...names].every((name) => sameJson(a.get(name) ?? null, b.get(name) ?? null))
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((element, at) => sameJson(element, b[at]))
  }
  return a === b
}
