// The sizes of the parts of a wasm module, by the names of its functions.
import { functionsOf, sectionsOf } from '../../../host-wasm/module.mjs'

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
  const parts = {}
  const add = (part, size) => { parts[part] = (parts[part] ?? 0) + size }
  for (const { name, start, end } of functionsOf(sections)) add(partOf(name), end - start)
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
