//! The tests of the npm package, as its users have it: from the tarball.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::at;
use crate::project::{self, Project};

/// Runs every `*.test.mjs` below tests/web against what the step `npm` has made.
pub fn run(project: &Project) -> Result<(), String> {
    let mut command = project.cargo();
    // The very build that the step `tests` has made: with examples, the dependencies have the same
    // features.
    let targets = ["--bin", "coldpress", "--examples"];
    command.args(["build", "--locked", "--workspace", "--all-features"]).args(targets);
    project::run(&mut command)?;
    let mut files = Vec::new();
    tests_below(&project.root.join("tests/web"), &mut files)?;
    files.sort();
    let mut command = project.command("node");
    command.args(["--test", "--test-reporter=spec"]);
    // As many files at once as there are cores: by default Node leaves one of them idle.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    command.arg(format!("--test-concurrency={cores}"));
    // By name: Node 20 knows no patterns here.
    project::run(command.args(&files))
}

fn tests_below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    for entry in fs::read_dir(folder).map_err(|error| at(folder, &error))? {
        let path = entry.map_err(|error| at(folder, &error))?.path();
        if path.is_dir() {
            tests_below(&path, files)?;
        } else if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    Ok(())
}
