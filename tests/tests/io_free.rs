//! The dependency rule: core knows no host. What it calls itself is clippy's part, see
//! `core/clippy.toml`; that its wasm imports nothing is `wasm.rs`'s.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::process::Command;

use coldpress_tests::tools;

/// Crates that do IO, or ask the system for randomness or time.
const BANNED: [&str; 16] = [
    "async-std",
    "curl",
    "fs2",
    "getrandom",
    "hyper",
    "iana-time-zone",
    "js-sys",
    "mio",
    "object_store",
    "rand",
    "reqwest",
    "rustix",
    "socket2",
    "tokio",
    "ureq",
    "wasm-bindgen",
];

#[test]
fn core_depends_on_nothing_that_does_io() {
    let crates = crates_of_core(&["--target", "wasm32-unknown-unknown"]);
    assert!(crates.iter().any(|name| name == "parquet"), "is this core's tree? {crates:?}");
    let banned: Vec<_> = crates.iter().filter(|name| BANNED.contains(&name.as_str())).collect();
    assert!(banned.is_empty(), "core must know no host, and depends on {banned:?}");
}

/// Parquet's own dependencies bring these where there is a system: ahash asks for seeds of its hash
/// maps, whose order never reaches a file, and chrono could tell the local zone, which nobody asks.
#[test]
fn natively_parquet_adds_seeds_and_a_time_zone_and_no_more() {
    let crates = crates_of_core(&[]);
    let banned: Vec<_> = crates.iter().filter(|name| BANNED.contains(&name.as_str())).collect();
    assert_eq!(banned, ["getrandom", "iana-time-zone"]);
}

fn crates_of_core(arguments: &[&str]) -> Vec<String> {
    let mut arguments = arguments.to_vec();
    arguments.extend(["--prefix", "none", "--format", "{p}"]);
    let tree = cargo_tree(&arguments);
    let mut crates: Vec<String> = tree
        .lines()
        // NAME vVERSION, and more where it is a path or was shown before.
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    crates.sort();
    crates.dedup();
    crates
}

fn cargo_tree(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(tools::root())
        .args([
            "tree",
            "--package",
            "coldpress-core",
            "--edges",
            "normal,no-proc-macro",
            "--locked",
        ])
        .args(arguments);
    String::from_utf8(tools::run(&mut command).unwrap().stdout).unwrap()
}
