// Reads a WebAssembly module: its sections, and the names of its functions.

/**
 * The sections in their order. `start` and `end` are where the whole section lies in `bytes`;
 * `body` is what follows its size, and its name if it has one (id 0).
 *
 * @typedef {{ id: number, name?: string, size: number, start: number, end: number,
 *   body: Uint8Array }} Section
 * @param {Uint8Array} bytes
 * @returns {Section[]}
 */
export function sectionsOf(bytes) {
  const reader = new Reader(bytes)
  reader.at = 8
  const sections = []
  while (reader.at < bytes.length) {
    const start = reader.at
    const id = reader.byte()
    const size = reader.number()
    const end = reader.at + size
    const name = id === 0 ? reader.text() : undefined
    sections.push({ id, name, size, start, end, body: bytes.subarray(reader.at, end) })
    reader.at = end
  }
  return sections
}

/**
 * The functions that the module itself has, in their order. `start` and `end` are where size and
 * code lie in the body of the code section.
 *
 * @param {Section[]} sections of a module that still has its name section
 * @returns {{ name: string, start: number, end: number }[]}
 */
export function functionsOf(sections) {
  const imported = importedFunctions(bodyOf(sections, ({ id }) => id === 2))
  const names = functionNames(bodyOf(sections, ({ id, name }) => id === 0 && name === 'name'))
  const code = new Reader(bodyOf(sections, ({ id }) => id === 10) ?? new Uint8Array([0]))
  const functions = []
  for (let left = code.number(); left > 0; left -= 1) {
    const start = code.at
    const size = code.number()
    code.at += size
    functions.push({ name: names.get(imported + functions.length) ?? '', start, end: code.at })
  }
  return functions
}

function bodyOf(sections, wanted) {
  return sections.find(wanted)?.body
}

function importedFunctions(body) {
  if (!body) return 0
  const reader = new Reader(body)
  const count = reader.number()
  let functions = 0
  for (let at = 0; at < count; at += 1) {
    reader.text()
    reader.text()
    const kind = reader.byte()
    if (kind === 0) functions += 1
    if (kind === 0) reader.number()
    else if (kind === 3) reader.at += 2
    else throw new Error(`this reader knows no import of kind ${kind}`)
  }
  return functions
}

function functionNames(body) {
  if (!body) {
    throw new Error('the module has no names; build it with strip = "debuginfo" or none')
  }
  const reader = new Reader(body)
  const names = new Map()
  while (reader.at < body.length) {
    const id = reader.byte()
    const end = reader.number() + reader.at
    if (id === 1) {
      const count = reader.number()
      for (let at = 0; at < count; at += 1) names.set(reader.number(), reader.text())
    }
    reader.at = end
  }
  return names
}

/** Reads bytes from the first to the last. */
export class Reader {
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }

  byte() {
    return this.bytes[this.at++]
  }

  /** An unsigned LEB128. */
  number() {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte()
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }

  text() {
    const length = this.number()
    this.at += length
    return new TextDecoder().decode(this.bytes.subarray(this.at - length, this.at))
  }
}
