//! The steps of `cargo xtask test`, all run even where one fails.

use std::time::Duration;

use crate::npm::{self, Making};
use crate::project::{Project, run};
use crate::{checks, release, wasm, wasm_tests, web};

type Run = fn(&Project) -> Result<(), String>;

/// Steps of different lanes run side by side: where one waits, the other works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lane {
    /// What cargo builds for this machine.
    Native,
    /// What becomes the npm package.
    Web,
}

/// One step of the test.
pub struct Step {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it proves, for people.
    pub what: &'static str,
    /// What it runs beside.
    pub lane: Lane,
    pub run: Run,
}

/// Every step, in the order they run in their lanes: the quick ones first.
pub const ALL: &[Step] = &[
    native("format", "rustfmt has nothing to change", format),
    native("release", "manifests, versions, changelog, the files of each crate", release::quick),
    native("deny", "dependencies: licences, sources, one arrow and parquet", checks::deny),
    native("lint", "clippy finds nothing in any target", lint),
    native("docs", "every page of the documentation links", checks::docs),
    native("wasm", "the core builds for bare wasm32, zstd included", wasm::build),
    native("tests", "every test: the law, faults, interop, S3, wasm, golden", tests),
    native("doctests", "every example in the documentation runs", doctests),
    native("fuzz", "the fuzz targets still compile", fuzz),
    web_lane("npm", "the npm package is built, well formed, typed, and small enough", package),
    web_lane(
        "wasm-tests",
        "the crates' own tests as WebAssembly, in Node and in Chromium",
        wasm_tests::run,
    ),
    web_lane(
        "web",
        "the packed package in browsers, Node, Deno, Bun, workerd and bundlers",
        web::run,
    ),
];

/// Parts of other steps, for whoever wants one alone: they run only where they are named.
pub const PARTS: &[Step] = &[native(
    "floorplan",
    "which file, room and package imports from which (a part of tests)",
    floorplan,
)];

const fn native(name: &'static str, what: &'static str, run: Run) -> Step {
    Step { name, what, lane: Lane::Native, run }
}

const fn web_lane(name: &'static str, what: &'static str, run: Run) -> Step {
    Step { name, what, lane: Lane::Web, run }
}

/// The steps of these names; all of them where there is no name.
pub fn choose(names: &[String]) -> Result<Vec<&'static Step>, String> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| {
        let step = ALL.iter().chain(PARTS).find(|step| step.name == name);
        step.ok_or_else(|| format!("no step of the test is named {name:?}"))
    };
    names.iter().map(find).collect()
}

/// What came of a step.
#[derive(Debug)]
pub struct Outcome {
    pub name: &'static str,
    pub took: Duration,
    pub result: Result<(), String>,
}

impl Outcome {
    /// A line for the table at the end.
    pub fn line(&self) -> String {
        let word = if self.result.is_ok() { "ok" } else { "FAILED" };
        format!("{:<10} {word:<6} {:>7.1} s", self.name, self.took.as_secs_f64())
    }
}

fn format(project: &Project) -> Result<(), String> {
    run(project.cargo().args(["fmt", "--all", "--check"]))
}

fn lint(project: &Project) -> Result<(), String> {
    let clippy = |of: &[&str]| {
        let mut command = project.cargo();
        command.arg("clippy").args(of);
        run(command.args(["--all-targets", "--locked", "--", "-D", "warnings"]))
    };
    clippy(&["--workspace", "--all-features"])?;
    // What wasm leaves out of the core: it must build, and be as clean, without.
    for features in ["", "brotli", "decode", "decode-all"] {
        clippy(&["--package", "coldpress-core", "--no-default-features", "--features", features])?;
    }
    Ok(())
}

fn tests(project: &Project) -> Result<(), String> {
    let mut command = project.cargo();
    command.args([
        "test",
        "--workspace",
        "--all-features",
        "--all-targets",
        "--locked",
        "--no-fail-fast",
    ]);
    // More tests at once than there are cores: many of them wait for a store that is away.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    set_default(&mut command, "RUST_TEST_THREADS", &(2 * cores).to_string());
    // An edit waits for few of them, a landing for as many as are promised.
    set_default(&mut command, "COLDPRESS_MUTANTS", "100000");
    run(&mut command)?;
    // What only a build without them has: the errors that say what it lacks.
    let mut command = project.cargo();
    command.args(["test", "--package", "coldpress-core", "--lib", "--no-default-features"]);
    run(command.arg("--locked"))
}

fn floorplan(project: &Project) -> Result<(), String> {
    let mut command = project.cargo();
    command.args(["test", "--package", "coldpress-tests", "--test", "floorplan", "--locked"]);
    run(&mut command)
}

/// Sets a variable that the caller has not set.
fn set_default(command: &mut std::process::Command, name: &str, value: &str) {
    if std::env::var_os(name).is_none() {
        command.env(name, value);
    }
}

fn package(project: &Project) -> Result<(), String> {
    let made = npm::make(project, Making::Release);
    // A package that is packed and found wanting can still be tried by the step `web`.
    let laid_out = npm::assemble_page(project);
    made.and(laid_out)
}

fn doctests(project: &Project) -> Result<(), String> {
    run(project.cargo().args(["test", "--workspace", "--all-features", "--doc", "--locked"]))
}

fn fuzz(project: &Project) -> Result<(), String> {
    let mut command = project.cargo();
    command.args(["check", "--manifest-path", "fuzz/Cargo.toml", "--locked"]);
    // A check links nothing: naming a library spares compiling libFuzzer, and a C++ compiler.
    run(command.env("CUSTOM_LIBFUZZER_PATH", project.target.join("none/libfuzzer.a")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_chosen_by_name_and_all_without_one() {
        let names = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
            choose(&arguments).map(|steps| steps.iter().map(|step| step.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap().len(), ALL.len());
        assert_eq!(names(&["wasm", "lint"]).unwrap(), ["wasm", "lint"]);
        assert_eq!(names(&["floorplan"]).unwrap(), ["floorplan"]);
        assert!(!names(&[]).unwrap().contains(&"floorplan"), "`tests` runs it");
        assert!(names(&["lint", "speed"]).unwrap_err().contains("\"speed\""));
    }
}
