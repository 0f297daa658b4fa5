//! `coldpress_fuzz::targets::filter_parse` under libFuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| coldpress_fuzz::targets::filter_parse(data));
