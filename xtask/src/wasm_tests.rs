//! The crates' own tests as WebAssembly, in Node and in a headless Chromium.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::at;
use crate::project::{Project, WASM_TARGET, run_and_look};
use crate::setup::programs;
use crate::wasm;

/// Of the start of Chromium's driver, and of all the tests of a crate: so that only what hangs is
/// over it.
const LIMIT_S: &str = "900";

/// Runs the tests of every crate that goes into the browser, in both hosts.
pub fn run(project: &Project) -> Result<(), String> {
    let core = project.root.join("core/src");
    let wanted = unit_tests(&core)?;
    for host in [Host::Node, Host::Chromium] {
        let of = ["--package", "coldpress-core", "--lib", "--all-features"];
        let passed = test(project, host, &of)?;
        if passed != wanted {
            return Err(format!(
                "{} of the {wanted} unit tests below {} ran in {host:?}",
                passed,
                core.display()
            ));
        }
    }
    for host in [Host::Node, Host::Chromium] {
        if test(project, host, &["--package", "coldpress-wasm", "--lib", "--tests"])? == 0 {
            return Err(format!("host-wasm has no test that ran in {host:?}"));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Host {
    Node,
    Chromium,
}

/// How many tests passed; an error where any failed. Cargo builds them as it does for any target,
/// and the runner of wasm-bindgen takes them to their host: `wasm-pack test` does nothing more.
fn test(project: &Project, host: Host, of: &[&str]) -> Result<usize, String> {
    let mut command = project.cargo();
    wasm::environment(project, &mut command)?;
    command.args(["test", "--locked", "--target", WASM_TARGET]).args(of);
    let runner = programs::path(project, "wasm-bindgen-test-runner");
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    match host {
        Host::Node => command.env("WASM_BINDGEN_TEST_ONLY_NODE", "1"),
        // The runner asks the page for its output by scripts, and a page that compiles a module on
        // a busy machine answers late: the timeouts of webdriver.json are as long as LIMIT_S.
        Host::Chromium => command
            .env("WASM_BINDGEN_TEST_ONLY_WEB", "1")
            .env("WASM_BINDGEN_USE_BROWSER", "1")
            .env("CHROMEDRIVER", in_path("chromedriver")?)
            .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", project.root.join("tests/web/webdriver.json"))
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", LIMIT_S)
            .env("WASM_BINDGEN_TEST_TIMEOUT", LIMIT_S),
    };
    let mut count = 0;
    run_and_look(&mut command, |line| count += passed(line).unwrap_or(0))?;
    Ok(count)
}

/// `test result: ok. 57 passed; 0 failed; …`
fn passed(line: &str) -> Option<usize> {
    line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse().ok()
}

/// How many `#[test]` stand in the sources of a crate.
fn unit_tests(folder: &Path) -> Result<usize, String> {
    let mut count = 0;
    for entry in fs::read_dir(folder).map_err(|error| at(folder, &error))? {
        let path = entry.map_err(|error| at(folder, &error))?.path();
        if path.is_dir() {
            count += unit_tests(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
            count += tests_in(&text);
        }
    }
    Ok(count)
}

/// Those of builds that leave a feature out are not counted: what runs has all features. Nor are
/// those that are not for WebAssembly.
fn tests_in(source: &str) -> usize {
    let (mut count, mut test, mut other) = (0, false, false);
    for line in source.lines().map(str::trim) {
        test |= line == "#[test]";
        other |= line.starts_with("#[cfg(not(feature") || line.starts_with("#[cfg(not(target_arch");
        if !line.starts_with("#[") {
            count += usize::from(test && !other);
            (test, other) = (false, false);
        }
    }
    count
}

fn in_path(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("{program} is missing; run: cargo xtask setup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_a_run_is_read() {
        let line = "test result: ok. 57 passed; 0 failed; 0 ignored; 0 filtered out; finished";
        assert_eq!(passed(line), Some(57));
        assert_eq!(passed("test key::tests::works ... ok"), None);
    }

    #[test]
    fn tests_of_builds_without_a_feature_are_not_counted() {
        let source = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n\n    \
                      #[cfg(not(feature = \"brotli\"))]\n    #[test]\n    fn b() {}\n\n    #[test]\n    fn c() {}\n}\n";
        assert_eq!(tests_in(source), 2);
    }
}
