// The sizes of the parts of a wasm module, by the names of its functions.

const PARTS = [
  ['brotli encoder', /^(alloc_no_stdlib|brotli)(::|\b)(?!_decompressor)/],
  ['brotli decoder', /^brotli_decompressor::/],
  [
    'zstd encoder (C)',
    /^(ZSTD_(?!d|D|getFrame|isFrame|find|next|insertBlock|initD|createD|freeD)|HUF_(?!de|read|sel)|FSE_(?!de|build[DR]|read)|HIST_|COVER_|ZSTDMT)/,
  ],
  ['zstd decoder (C)', /^(ZSTD_|HUF_|FSE_|XXH|ZBUFF|ERR_)/],
  ['zstd binding', /^(zstd|zstd_safe|zstd_sys)::/],
  ['gzip', /^(flate2|zlib_rs|libz_rs_sys|crc32fast|miniz_oxide)::/],
  ['snappy', /^snap::/],
  ['lz4', /^(lz4_flex|twox_hash)::|^coldpress_core::codec::lz4/],
  ['coldpress: encode', /^coldpress_core::(encode|build|resolve|codec)/],
  ['coldpress: decode', /^coldpress_core::decode/],
  ['coldpress: upload', /^coldpress_core::(upload|grant)/],
  ['coldpress: json, key, schema', /^coldpress_core::/],
  [
    'coldpress: binding',
    /^(coldpress_wasm::|coldpress_|wasm_bindgen|js_sys|__wbindgen|__wbg|tape|raw|rawencoder|fault)/i,
  ],
  ['parquet: writing', /^parquet::(column::writer|encodings::encoding|file::writer|bloom|arrow)/],
  [
    'parquet: reading',
    /^parquet::(column::reader|encodings::decoding|file::reader|file::serialized_reader|record)/,
  ],
  ['parquet: thrift, metadata, rest', /^parquet::/],
  ['serde', /^(serde|serde_json|serde_core|itoa|zmij)::/],
  [
    'Rust standard library',
    /^(core|alloc|std|compiler_builtins|dlmalloc|hashbrown|memchr|bytes|rustc_demangle|__rust|rust_|__rdl|rdl)(::|_|\b)|^(memcpy|memmove|memset|memcmp|bcmp|malloc|free|calloc)/,
  ],
]

/**
 * @param {Uint8Array} bytes a module that has its name section
 * @returns {Record<string, number>} bytes of code and data by part
 */
export function partsOf(bytes) {
  const sections = sectionsOf(bytes)
  const imported = importedFunctions(sections.find(({ id }) => id === 2)?.body)
  const names = functionNames(sections.find(({ id, name }) => id === 0 && name === 'name')?.body)
  const parts = {}
  const add = (part, size) => { parts[part] = (parts[part] ?? 0) + size }
  const code = new Reader(sections.find(({ id }) => id === 10)?.body ?? new Uint8Array([0]))
  const count = code.number()
  for (let at = 0; at < count; at += 1) {
    const before = code.at
    const size = code.number()
    code.at += size
    add(partOf(names.get(imported + at) ?? ''), code.at - before)
  }
  for (const { id, size } of sections) {
    if (id === 11) add('data', size)
    // An optimised module has no names.
    else if (id !== 0 && id !== 10) add('tables, types', size)
  }
  return parts
}

/** The part that a function of this demangled name belongs to. */
export function partOf(name) {
  // `<parquet::X as core::Y>::z` and `core::ptr::drop_in_place<parquet::X>` are parquet's.
  const inner = /^(?:core::ptr::drop_in_place)?<+&?(?:mut |dyn )*\[?([a-z_][\w:]*)/.exec(name)?.[1]
  const crate = inner?.includes('::') ? inner : name
  return PARTS.find(([, pattern]) => pattern.test(crate))?.[0] ?? 'other'
}

function sectionsOf(bytes) {
  const reader = new Reader(bytes)
  reader.at = 8
  const sections = []
  while (reader.at < bytes.length) {
    const id = reader.byte()
    const size = reader.number()
    const end = reader.at + size
    const name = id === 0 ? reader.text() : undefined
    sections.push({ id, name, size, body: bytes.subarray(reader.at, end) })
    reader.at = end
  }
  return sections
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
  if (!body) throw new Error('the module has no names; build it with strip = "debuginfo" or none')
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

class Reader {
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
