//! The dependency rule: core knows no host. What it calls itself is clippy's part, see
//! `core/clippy.toml`; that its wasm imports nothing is `wasm.rs`'s.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use std::fs;
use std::path::{Path, PathBuf};
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

/// What a store answers is judged by `core/src/put/answers.rs` and nowhere else: no status in a
/// match, no S3 code in quotes, no reading of an error's text, no pause that is not the backoff's.
///
/// The grant server and the development store are left out: they answer themselves, and say these
/// things.
#[test]
fn one_table_decides_what_an_answer_means() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for folder in [
        "core/src",
        "host-native/src",
        "host-native/cli/src",
        "host-native/listen/src",
        "host-native/sql/src",
        "host-wasm/src",
    ] {
        rust_files(&root.join(folder), &mut files);
    }
    let (mut looked_at, mut found) = (0, Vec::new());
    for file in files {
        let name = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        let is_test = name.ends_with("tests.rs");
        if is_test || name == "core/src/put/answers.rs" || name.contains("/cli/src/dev/") {
            continue;
        }
        looked_at += 1;
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if let Some(what) = judges_an_answer(&name, line) {
                found.push(format!("{name}:{}: {what}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(looked_at > 100, "only {looked_at} files: is this the tree?");
    assert!(
        found.is_empty(),
        "ask the table (coldpress_core::judge) instead:\n{}",
        found.join("\n")
    );
}

#[test]
fn a_second_place_that_decides_would_be_found() {
    for line in [
        "    matches!(answer.status, 408 | 429 | 500 | 502..=504)",
        "        200..=299 | 404 => Ok(()),",
        "        Some(401 | 403) => ErrorKind::Denied,",
        "        None if part.status == 404 => Ok(part),",
        "        if answer.status / 100 == 2 {",
        "    error.to_string().contains(\"501 Not Implemented\")",
        "    const STATUS: &str = \"status code: \";",
        "    if said.ends_with(\"(code: NoSuchKey)\") {",
        "        Some(\"SlowDown\" | \"InternalError\") => true,",
        "    tokio::time::sleep(TAKEN_PAUSE).await;",
        "    max_retries: 1_000,",
    ] {
        assert!(judges_an_answer("host-native/src/store/s3/client.rs", line).is_some(), "{line}");
    }
    for line in [
        "    /// Answers 404 where it is absent.",
        "    seconds @ ..120 => format!(\"{seconds} s\"),",
        "    .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })",
        "    let exact = width == 128;",
    ] {
        assert_eq!(judges_an_answer("host-native/src/store/s3/client.rs", line), None, "{line}");
    }
}

fn judges_an_answer(file: &str, line: &str) -> Option<&'static str> {
    const CODES: [&str; 12] = [
        "\"AccessDenied\"",
        "\"BadDigest\"",
        "\"ConditionalRequestConflict\"",
        "\"ExpiredToken\"",
        "\"InternalError\"",
        "\"NoSuchBucket\"",
        "\"NoSuchKey\"",
        "\"NoSuchUpload\"",
        "\"OperationAborted\"",
        "\"PreconditionFailed\"",
        "\"RequestTimeout\"",
        "\"SlowDown\"",
    ];
    // These files may sleep, because none of them retries a request: drivers wait until their
    // machine wants to be polled, listeners and metrics have a rhythm, a claim waits for other
    // claims, and `wal/missing.rs` waits for a segment whose record says that it will come.
    const TIMERS: [&str; 8] = [
        "backoff.rs",
        "claims/mod.rs",
        "drive.rs",
        "listen/src/lib.rs",
        "metrics.rs",
        "under_way.rs",
        "wal/missing.rs",
        "wal/mod.rs",
    ];
    let line = line.trim();
    if line.starts_with("//") {
        return None;
    }
    let of_text = ["status code: ", "501 Not", "(code: ", "(code\""];
    if of_text.iter().any(|part| line.contains(part)) {
        return Some("it reads an error's text");
    }
    if CODES.iter().any(|code| line.contains(code)) {
        return Some("it knows an S3 code");
    }
    if line.contains("max_retries") && !line.contains("max_retries: 0") {
        return Some("it retries below the table");
    }
    if line.contains("sleep(") && !TIMERS.iter().any(|name| file.ends_with(name)) {
        return Some("it pauses by itself");
    }
    if line.contains("status / 100") || line.contains(".status == ") || line.contains(".status != ")
    {
        return Some("it judges a status");
    }
    let pattern = match line.split_once("matches!(") {
        Some((_, inner)) if line.contains("status") => inner,
        _ => line.split_once("=>").map_or("", |(pattern, _)| pattern),
    };
    let is_status = |word: &str| {
        word.len() == 3 && word.parse::<u16>().is_ok_and(|number| (100..600).contains(&number))
    };
    // `..120` has no beginning: times and counts look like that, statuses do not.
    let words = pattern.replace("..=", " ");
    let mut words = words.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'));
    words.any(is_status).then_some("it matches a status")
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}
