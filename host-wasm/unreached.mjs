// Takes out of a module what no linker can see that nobody calls. wasm-opt then drops what only
// that called.
//
// - Exports of zstd-sys. It exports the functions of C that it writes in Rust (malloc, qsort) to
//   nobody: C calls them by their names. What C does not call, such as qsort, is alive by its
//   export alone.
// - What zstd's encoder needs for dictionaries alone. It has each of its match finders four times:
//   for input alone (noDict), for two kinds of dictionary (dictMatchState, dedicatedDictSearch),
//   and for input that lies in two places (extDict). It chooses one by a table of functions. We
//   compress a page by one call (ZSTD_compress2), from one place, without a dictionary: so it only
//   ever chooses the first. zstd has no macro that leaves the others out, and they are a sixth of
//   the encoder. Each gets the body `unreachable`: were one called all the same, an error would
//   follow, and not wrong bytes. tests/web/levels.test.mjs compresses at every level.
import { Reader, functionsOf, sectionsOf } from './module.mjs'

const EXPORTS_OF_ZSTD = /^rust_zstd_wasm_shim_/
const FOR_DICTIONARIES = /^ZSTD_\w+_(?:dictMatchState|dedicatedDictSearch|extDict)(?:_|$)/

const [EXPORTS, CODE] = [7, 10]
/** The size of the function, no locals, `unreachable`, `end`. */
const UNREACHABLE = Uint8Array.of(3, 0, 0x00, 0x0b)

/**
 * @param {Uint8Array} bytes a module that still has the names of its functions
 * @returns {Uint8Array} the module without them
 */
export function withoutUnreached(bytes) {
  const sections = sectionsOf(bytes)
  const parts = sections.map((section) => {
    if (section.id === EXPORTS) return exportsWithoutZstd(section.body)
    if (section.id === CODE) return codeWithoutDictionaries(section.body, functionsOf(sections))
    return bytes.subarray(section.start, section.end)
  })
  return Buffer.concat([bytes.subarray(0, sections[0].start), ...parts])
}

/** A module without the encoder has no match finders at all. */
const ENCODER = /^ZSTD_compress2$/

function exportsWithoutZstd(body) {
  const reader = new Reader(body)
  const [kept, count] = [[], reader.number()]
  for (let at = 0; at < count; at += 1) {
    const start = reader.at
    const name = reader.text()
    reader.byte()
    reader.number()
    if (!EXPORTS_OF_ZSTD.test(name)) kept.push(body.subarray(start, reader.at))
  }
  found(kept.length < count, 'exports')
  return section(EXPORTS, kept)
}

function codeWithoutDictionaries(body, functions) {
  const has = pattern => functions.some(({ name }) => pattern.test(name))
  found(has(FOR_DICTIONARIES) || !has(ENCODER), 'functions for dictionaries')
  return section(CODE, functions.map(({ name, start, end }) => {
    return FOR_DICTIONARIES.test(name) ? UNREACHABLE : body.subarray(start, end)
  }))
}

function found(any, what) {
  if (any) return
  throw new Error(`zstd-sys has no ${what} by the known names; adapt host-wasm/unreached.mjs`)
}

/** A section that is a list. */
function section(id, items) {
  const body = Buffer.concat([number(items.length), ...items])
  return Buffer.concat([Uint8Array.of(id), number(body.length), body])
}

/** An unsigned LEB128. */
function number(value) {
  const bytes = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return Uint8Array.from([...bytes, value])
}
