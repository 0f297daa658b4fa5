//! Acceptance 2: the fuzz targets' committed corpus, replayed on stable with every run of the tests.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

#[allow(unused_imports)] // for the targets, which name them by `crate::`
use coldpress_tests::{json, law, scanning};

#[path = "../../fuzz/src/targets.rs"]
mod targets;

/// libFuzzer runs with `-timeout=10` on optimised code.
const SLOW: Duration = Duration::from_secs(60);

#[test]
fn ndjson_roundtrip_corpus() {
    replay("ndjson_roundtrip", targets::ndjson_roundtrip);
}

#[test]
fn decode_damaged_corpus() {
    replay("decode_damaged", targets::decode_damaged);
}

#[test]
fn key_parse_corpus() {
    replay("key_parse", targets::key_parse);
}

#[test]
fn filter_parse_corpus() {
    replay("filter_parse", targets::filter_parse);
}

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut failed = Vec::new();
    let mut replayed = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        let start = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| run(&input))).is_err() {
            failed.push(format!("{} panicked", path.display()));
        } else if start.elapsed() > SLOW {
            failed.push(format!("{} took {:?}", path.display(), start.elapsed()));
        }
        replayed += 1;
    }
    assert!(replayed >= 20, "the corpus of {target} is missing: {replayed} inputs");
    assert!(failed.is_empty(), "{} of {replayed} failed:\n{}", failed.len(), failed.join("\n"));
}
