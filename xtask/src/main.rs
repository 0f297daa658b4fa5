//! The developer's commands. `cargo xtask help` lists them.

use std::process::ExitCode;

mod failures;
mod lanes;
mod npm;
mod output;
mod project;
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
  npm [--fast]    build the npm package into target/npm, check and weigh it; --fast: neither small nor checked
  www             lay the playground out on the package, in target/www
  playground [ARG]...  build both and serve them with a grant server and an S3 endpoint, on this machine
  bench [ARG]...  measure beside the peers; arguments go to the bench, `run` where there is none
  bench web [ARG]...  the npm package beside its peers in Node, once it is built
  bench wal [ARG]...  the archive of a log beside `cp` with fsync, and beside rclone on an S3 server here
  bless           renew tests/golden and docs/engines.md on purpose, then show what changed
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
        ("bench", rest) => setup::setup(&project).and_then(|()| bench(&project, rest)),
        ("bless", []) => bless(&project),
        ("", _) => return misused("no command is given"),
        ("setup" | "wasm" | "bless" | "npm" | "www", [first, ..]) => {
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
    for step in steps::ALL {
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
            build.args(["build", "--release", "--locked", "--package", "coldpress"]);
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

fn bless(project: &Project) -> Result<(), String> {
    setup::setup(project)?;
    let mut command = project.cargo();
    command.args(["test", "--locked", "--package", "coldpress-tests", "--no-fail-fast"]);
    command.args(["--test", "golden", "--test", "interop"]);
    project::run(command.env("COLDPRESS_BLESS", "1"))?;
    let mut diff = project.command("git");
    project::run(diff.args(["diff", "--stat", "--", "tests/golden", "docs/engines.md"]))
}
