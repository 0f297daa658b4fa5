//! Checks that are steps of the test and of a release alike.

use crate::project::{Project, run};
use crate::setup;

/// Dependencies: licences, sources, one version of arrow and of parquet.
pub fn deny(project: &Project) -> Result<(), String> {
    let mut command = project.command(setup::cargo_deny_program(project));
    run(command.args(["--workspace", "--locked", "check", "bans", "licenses", "sources"]))
}

/// Every page of the documentation is made, and its links lead somewhere.
pub fn docs(project: &Project) -> Result<(), String> {
    let mut command = project.cargo();
    // With examples, the dependencies have the features that `lint` has: DataFusion is checked
    // once.
    let targets = ["--lib", "--examples"];
    command.args(["doc", "--workspace", "--all-features", "--no-deps", "--locked"]).args(targets);
    run(command.env("RUSTDOCFLAGS", "-D warnings"))
}
