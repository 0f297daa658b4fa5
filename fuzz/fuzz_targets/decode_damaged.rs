//! `coldpress_fuzz::targets::decode_damaged` under libFuzzer.
//!
//! libFuzzer aborts on every panic, caught ones too. Core catches those of the parquet crate as
//! its last line of defence, so here a panic counts only where it gets out of the target.
#![no_main]

use std::panic::{catch_unwind, set_hook};
use std::sync::Mutex;

use libfuzzer_sys::fuzz_target;

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

fuzz_target!(
    init: set_hook(Box::new(|panic| {
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = panic.to_string();
        }
    })),
    |data: &[u8]| {
        if catch_unwind(|| coldpress_fuzz::targets::decode_damaged(data)).is_err() {
            let last = LAST_PANIC.lock().map(|last| last.clone()).unwrap_or_default();
            eprintln!("uncaught: {last}");
            std::process::abort();
        }
    }
);
