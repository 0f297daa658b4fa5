// Makes a factory of wasm-bindgen's glue: node glue.mjs IN.js OUT.js
//
// The glue keeps one instance in module variables, for ever. The package needs more: an instance that stopped
// at a panic is replaced by a new one, one whose memory has grown large is let go, and the encoder with
// brotli stands beside the other. So the whole glue goes into a function, and its loader, which knows only
// URLs, stays behind. The version of wasm-bindgen is pinned, and what is cut here is checked.
import { readFileSync, writeFileSync } from 'node:fs'

const [from, to] = process.argv.slice(2)
const glue = readFileSync(from, 'utf8')

const cut = glue.indexOf('async function __wbg_load(')
const finalizer = 'new FinalizationRegistry(ptr => wasm.'
for (const [found, what] of [
  [cut >= 0, '__wbg_load'],
  [glue.includes('function __wbg_get_imports('), '__wbg_get_imports'],
  [glue.includes('let wasmModule, wasmInstance, wasm;'), 'its variables'],
  [glue.includes(finalizer), 'its finalizers'],
  [!/^import /m.test(glue), 'no import of another module'],
]) {
  if (!found) throw new Error(`${from} is not as wasm-bindgen 0.2.130 makes it: ${what} not found; adapt glue.mjs`)
}

const names = [...glue.matchAll(/^export (?:class|function) (\w+)/gm)].map(match => match[1])
const body = glue
  .slice(0, cut)
  .replace(/^export /gm, '')
  // wasm-bindgen's documentation is for those who call it directly; nobody but src/ does.
  .replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '')
  .replaceAll(finalizer, 'new FinalizationRegistry(ptr => wasm && wasm.')
  .trimEnd()

writeFileSync(to, `// Generated from wasm-bindgen's glue by host-wasm/glue.mjs.
/* eslint-disable */
// @ts-nocheck
export function glue() {
${body}

// An instance of this module; with \`stop\`, nothing holds it any more, and its memory is free.
const start = async module => {
  const instance = await WebAssembly.instantiate(module, __wbg_get_imports());
  __wbg_finalize_init(instance, module);
};
const stop = () => { wasm = wasmModule = wasmInstance = undefined; cachedDataViewMemory0 = ${caches(glue)} = null; };
const memoryBytes = () => wasm.memory.buffer.byteLength;

return { start, stop, memoryBytes, ${names.join(', ')} };
}
`)

function caches(text) {
  return [...text.matchAll(/^let (cached\w+Memory0) = null/gm)].map(match => match[1]).join(' = ')
}
