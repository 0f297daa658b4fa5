//! A small contest from end to end: the processes, the protocol, the check of every value.

use std::path::{Path, PathBuf};

use coldpress_bench::contest::Contest;
use coldpress_bench::contestant::Contestant;
use coldpress_bench::{Result, cpu};

fn contest(contestants: &[Contestant]) -> Result<Contest> {
    Ok(Contest {
        contestants: contestants.to_vec(),
        rows: 3_000,
        rounds: 2,
        program: PathBuf::from(env!("CARGO_BIN_EXE_coldpress-bench")),
        python: Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python/bin/python"),
        node_modules: PathBuf::from("/no/such/node_modules"),
        npm_package: PathBuf::from("/no/such/package"),
        folder: std::env::temp_dir(),
        cpu: cpu::last_allowed()?,
    })
}

fn assert_all_ran(contestants: &[Contestant]) -> Result<()> {
    let mut order = Vec::new();
    let report = contest(contestants)?.run(|round, contestant| order.push((round, contestant)))?;
    let rounds = [0, 1].map(|round| contestants.iter().map(move |&c| (round, c)));
    assert_eq!(order, rounds.into_iter().flatten().collect::<Vec<_>>(), "rounds interleave");
    for measured in &report.entries {
        assert_eq!(measured.entry.cpu_s.len(), 2);
        assert!(measured.cpu_s_median > 0.0, "{measured:?}");
        assert!((50_000..300_000).contains(&measured.entry.bytes), "{measured:?}");
        assert!(measured.entry.version.starts_with(|c: char| c.is_ascii_digit()), "{measured:?}");
    }
    Ok(())
}

#[test]
fn coldpress_and_the_baseline_keep_every_value() {
    assert_all_ran(&[
        Contestant::ColdpressRows,
        Contestant::SeedRows,
        Contestant::ColdpressNdjson,
        #[cfg(feature = "arrow-json")]
        Contestant::ArrowJson,
    ])
    .unwrap();
}

#[test]
fn peers_keep_every_value() {
    assert_all_ran(&[Contestant::Duckdb, Contestant::Polars, Contestant::Pyarrow]).unwrap();
}

#[test]
fn a_missing_python_is_an_error_that_says_how_to_get_it() {
    let contest = Contest {
        python: PathBuf::from("/no/such/python"),
        ..contest(&[Contestant::Duckdb]).unwrap()
    };
    let error = contest.run(|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("/no/such/python") && error.contains("pip install"), "{error}");
}

#[test]
fn missing_packages_of_node_are_an_error_that_says_how_to_get_them() {
    let contest = contest(&[Contestant::HyparquetWriterNdjson]).unwrap();
    let error = contest.run(|_, _| {}).unwrap_err().to_string();
    assert!(error.contains("/no/such/node_modules") && error.contains("xtask bench"), "{error}");
}

#[test]
fn a_failing_contestant_is_named_with_what_it_said() {
    // A stand-in that is there, but fails as a Python without the peers does.
    let folder = tempfile::tempdir().unwrap();
    let python = folder.path().join("python");
    std::fs::write(&python, "#!/bin/sh\necho no such module >&2\nexit 3\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&python, mode).unwrap();
    let error =
        Contest { python, ..contest(&[Contestant::Polars]).unwrap() }.run(|_, _| {}).unwrap_err();
    let error = error.to_string();
    assert!(error.starts_with("polars, round 1: ") && error.contains("no such module"), "{error}");
}
