//! The developer's commands. `cargo xtask help` lists them.

use std::process::ExitCode;

mod checks;
mod disk;
mod failures;
mod files;
mod lanes;
mod npm;
mod output;
mod project;
mod release;
mod setup;
mod steps;
mod wasm;
mod wasm_tests;
mod web;

use npm::Making;
use project::Project;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test [STEP]...  set up what is missing, then run every test, or the named steps alone
  setup           install the tools of the tests into target/tools, and no more
  wasm            build the core as bare WebAssembly, as the tests want it
  npm [--fast]    build the npm package into target/npm, check it, and measure its size;
                  --fast skips the checks and does not make it small
  www             build the playground into target/www
  playground [ARG]...  build both, and serve them with a grant server and an S3 endpoint
  bench [ARG]...  compare with the peers; the arguments go to the bench (default: run)
  bench web [ARG]...  compare the npm package with its peers in Node
  bench wal [ARG]...  compare the archive of a log with `cp` and fsync, and with rclone
  man             write the man pages of the command and its subcommands into target/man
  bless           renew tests/golden and docs/engines.md on purpose, then show what changed
  release --check [CHECK]...  check whether this commit can be published.
                  It demands: one version in all crates and in the npm package; CHANGELOG.md with
                  entries under `## VERSION - YYYY-MM-DD`, or before the release under
                  `## Unreleased`; what crates.io, docs.rs and npm want in the manifests; crates
                  that hold and compile from their own files; a committed tree, a version without
                  an earlier tag, an API that keeps to semver since the last tag; and the steps
                  docs, deny and npm. The step `release` of the test runs the quick half
  help            this text

Steps of the test:
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[][..]),
    };
    if matches!(command, "help" | "--help" | "-h") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let project = Project::find();
    let outcome = match (command, rest) {
        ("test", names) => match steps::choose(names) {
            Ok(chosen) => lanes::run_steps(&project, &chosen),
            Err(problem) => return misused(&problem),
        },
        ("setup", []) => setup::setup(&project),
        ("wasm", []) => setup::wasm_target(&project).and_then(|()| wasm::build(&project)),
        ("npm", []) => setup::setup(&project).and_then(|()| npm::make(&project, Making::Release)),
        ("npm", [fast]) if fast == "--fast" => {
            setup::setup(&project).and_then(|()| npm::make(&project, Making::Fast))
        }
        ("www", []) => npm::assemble_page(&project),
        ("playground", rest) => {
            setup::setup(&project).and_then(|()| npm::playground(&project, rest))
        }
        ("release", [check, names @ ..]) if check == "--check" => release::check(&project, names),
        ("release", _) => return misused("release takes --check, and names of checks behind it"),
        ("bench", rest) => setup::setup(&project).and_then(|()| bench(&project, rest)),
        ("man", []) => man(&project),
        ("bless", []) => bless(&project),
        ("", _) => return misused("no command is given"),
        ("setup" | "wasm" | "man" | "bless" | "npm" | "www", [first, ..]) => {
            return misused(&format!("{command} takes no argument {first:?}"));
        }
        (unknown, _) => return misused(&format!("no command is named {unknown:?}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = USAGE.to_owned();
    for step in steps::ALL.iter().chain(steps::PARTS) {
        text.push_str(&format!("  {:<10}  {}\n", step.name, step.what));
    }
    text
}

fn misused(problem: &str) -> ExitCode {
    eprint!("xtask: {problem}\n\n{}", usage());
    ExitCode::from(2)
}

fn bench(project: &Project, arguments: &[String]) -> Result<(), String> {
    let mut command = project.cargo();
    command.args(["run", "--release", "--locked", "--package", "coldpress-bench", "--"]);
    match arguments {
        [first, rest @ ..] if first == "web" => {
            npm::make(project, Making::Release)?;
            command.args(["run", "--web", "--node-modules"]);
            command.arg(project.tools.join("web/node_modules"));
            command.arg("--npm-package").arg(npm::unpacked(project)).args(rest)
        }
        [first, rest @ ..] if first == "wal" => {
            let rclone = setup::rclone(project)?;
            let mut build = project.cargo();
            build.args(["build", "--release", "--locked", "--package", "coldpress-cli"]);
            project::run(&mut build)?;
            let program = project.target.join("release/coldpress");
            command.args(["wal", "--coldpress"]).arg(program).arg("--rclone").arg(rclone).args(rest)
        }
        // Without a word, the contest itself.
        [] => command.arg("run"),
        _ => command.args(arguments),
    };
    project::run(&mut command)
}

/// The command writes its pages itself, so that xtask need not be built with its parser.
fn man(project: &Project) -> Result<(), String> {
    let mut build = project.cargo();
    // The very build that the step `tests` has made.
    build.args(["build", "--locked", "--workspace", "--all-features", "--bin", "coldpress"]);
    project::run(&mut build)?;
    let mut command = project.command(project.target.join("debug/coldpress"));
    project::run(command.arg("man").arg(project.target.join("man")))
}

fn bless(project: &Project) -> Result<(), String> {
    setup::setup(project)?;
    let mut command = project.cargo();
    command.args(["test", "--locked", "--package", "coldpress-tests", "--no-fail-fast"]);
    command.args(["--test", "golden", "--test", "interop"]);
    project::run(command.env("COLDPRESS_BLESS", "1"))?;
    let mut diff = project.command("git");
    project::run(diff.args(["diff", "--stat", "--", "tests/golden", "docs/engines.md"]))
}
