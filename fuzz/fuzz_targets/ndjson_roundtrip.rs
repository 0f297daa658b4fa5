//! `coldpress_fuzz::targets::ndjson_roundtrip` under libFuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| coldpress_fuzz::targets::ndjson_roundtrip(data));
