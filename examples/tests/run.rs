//! Runs every example, and holds README.md's server code against the one that it stands in.
// A test's own check is its panic.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// The programs of `src/bin`. Each asserts what it promises.
const PROGRAMS: &[(&str, &str)] = &[
    ("grant_upload", env!("CARGO_BIN_EXE_grant_upload")),
    ("rows", env!("CARGO_BIN_EXE_rows")),
    ("sans_io", env!("CARGO_BIN_EXE_sans_io")),
    ("stream", env!("CARGO_BIN_EXE_stream")),
    ("wal_archive", env!("CARGO_BIN_EXE_wal_archive")),
];

#[test]
fn every_example_runs_and_keeps_its_promises() {
    for (name, program) in PROGRAMS {
        // An example that looked for credentials in the environment would find none, and fail.
        let output = Command::new(program).env_clear().output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {stderr}");
        assert!(stderr.is_empty() && !output.stdout.is_empty(), "{name}: {output:?}");
    }
}

#[test]
fn no_example_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin");
    let mut found: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let run: Vec<&str> = PROGRAMS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, run, "add a new example to PROGRAMS");
    let page = include_str!("../README.md");
    for name in run {
        assert!(page.contains(&format!("src/bin/{name}.rs")), "examples/README.md lacks {name}");
    }
}

#[test]
fn the_server_code_of_the_readme_is_that_of_the_example() {
    let example = marked(include_str!("../src/bin/rows.rs"));
    assert!(example.contains("ColdStorage::new"), "{example}");
    assert_eq!(first_rust_block(include_str!("../../README.md")), example);
}

/// The lines between the marks of an example, less their indentation.
fn marked(source: &str) -> String {
    let (mut text, mut is_inside) = (String::new(), false);
    for line in source.lines() {
        match line.trim() {
            "// README" => is_inside = true,
            "// END" => is_inside = false,
            _ if is_inside => {
                text.push_str(line.strip_prefix("    ").unwrap_or(line));
                text.push('\n');
            }
            _ => {}
        }
    }
    text
}

/// The first block of Rust of a page.
fn first_rust_block(page: &str) -> String {
    let (_, behind) = page.split_once("```rust").expect("a block of Rust");
    let (_, code) = behind.split_once('\n').unwrap();
    code.split_once("```").unwrap().0.to_owned()
}
