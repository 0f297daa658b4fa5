//! The steps of `cargo xtask test`, all run even where one fails.

use std::time::{Duration, Instant};

use crate::npm::{self, Making};
use crate::project::{Project, run};
use crate::{setup, wasm, wasm_pack, web};

type Run = fn(&Project) -> Result<(), String>;

/// One step of the test.
pub struct Step {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it proves, for people.
    pub what: &'static str,
    run: Run,
}

/// Every step, in the order they run: the quick ones first.
pub const ALL: &[Step] = &[
    Step { name: "format", what: "rustfmt has nothing to change", run: format },
    Step {
        name: "deny",
        what: "dependencies: licences, sources, one arrow and parquet",
        run: deny,
    },
    Step { name: "lint", what: "clippy finds nothing in any target", run: lint },
    Step { name: "docs", what: "every page of the documentation links", run: docs },
    Step { name: "wasm", what: "the core builds for bare wasm32, zstd included", run: wasm::build },
    Step {
        name: "tests",
        what: "every test: the law, faults, interop, S3, wasm, golden",
        run: tests,
    },
    Step {
        name: "wasm-pack",
        what: "the crates' own tests as WebAssembly, in Node and in Chromium",
        run: wasm_pack::run,
    },
    Step {
        name: "npm",
        what: "the npm package is built, well formed, typed, and small enough",
        run: package,
    },
    Step {
        name: "web",
        what: "the packed package in browsers, Node, Deno, Bun, workerd and bundlers",
        run: web::run,
    },
    Step { name: "doctests", what: "every example in the documentation runs", run: doctests },
    Step { name: "fuzz", what: "the fuzz targets still compile", run: fuzz },
];

/// The steps of these names; all of them where there is no name.
pub fn choose(names: &[String]) -> Result<Vec<&'static Step>, String> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| {
        let step = ALL.iter().find(|step| step.name == name);
        step.ok_or_else(|| format!("no step of the test is named {name:?}"))
    };
    names.iter().map(find).collect()
}

/// Sets up, runs `steps` and prints what came of each; an error where any failed.
pub fn run_steps(project: &Project, steps: &[&Step]) -> Result<(), String> {
    let start = Instant::now();
    head("setup: what the tests need is there");
    setup::setup(project)?;
    let mut lines = vec![line("setup", start.elapsed(), &Ok(()))];
    let mut failed = 0;
    for step in steps {
        head(&format!("{}: {}", step.name, step.what));
        let start = Instant::now();
        let outcome = (step.run)(project);
        if let Err(problem) = &outcome {
            eprintln!("xtask: {problem}");
            failed += 1;
        }
        lines.push(line(step.name, start.elapsed(), &outcome));
    }
    head(&format!("cargo xtask test: {} s in all", start.elapsed().as_secs()));
    for line in lines {
        println!("{line}");
    }
    println!("\n{} passed, {failed} failed", steps.len() - failed);
    if failed == 0 {
        Ok(())
    } else {
        Err("the test failed; each step's own words are above".to_owned())
    }
}

fn head(text: &str) {
    println!("\n══ {text}");
}

fn line(name: &str, took: Duration, outcome: &Result<(), String>) -> String {
    let word = if outcome.is_ok() { "ok" } else { "FAILED" };
    format!("{name:<10} {word:<6} {:>7.1} s", took.as_secs_f64())
}

fn format(project: &Project) -> Result<(), String> {
    run(project.cargo().args(["fmt", "--all", "--check"]))
}

fn deny(project: &Project) -> Result<(), String> {
    let mut command = project.command(project.tools.join("bin/cargo-deny"));
    run(command.args(["--workspace", "--locked", "check", "bans", "licenses", "sources"]))
}

fn lint(project: &Project) -> Result<(), String> {
    let clippy = |of: &[&str]| {
        let mut command = project.cargo();
        command.arg("clippy").args(of);
        run(command.args(["--all-targets", "--locked", "--", "-D", "warnings"]))
    };
    clippy(&["--workspace", "--all-features"])?;
    // What wasm leaves out of the core: it must build, and be as clean, without.
    for features in ["", "brotli", "decode"] {
        clippy(&["--package", "coldpress-core", "--no-default-features", "--features", features])?;
    }
    Ok(())
}

fn docs(project: &Project) -> Result<(), String> {
    let mut command = project.cargo();
    command.args(["doc", "--workspace", "--all-features", "--no-deps", "--locked"]);
    run(command.env("RUSTDOCFLAGS", "-D warnings"))
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
    run(&mut command)?;
    // What only a build without them has: the errors that say what it lacks.
    let mut command = project.cargo();
    command.args(["test", "--package", "coldpress-core", "--lib", "--no-default-features"]);
    run(command.arg("--locked"))
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
        assert!(names(&["lint", "speed"]).unwrap_err().contains("\"speed\""));
    }
}
