//! Lets a crate's own unit tests run as WebAssembly, unchanged.
//!
//! `#[macro_use(test)] extern crate coldpress_wasm_test;` makes `#[test]`, in the whole crate, what
//! the runner of wasm-bindgen collects. `cargo xtask test wasm-tests` shows that none is left out.

#[cfg(target_arch = "wasm32")]
pub use wasm_bindgen_test::wasm_bindgen_test as test;
