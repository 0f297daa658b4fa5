//! The core as bare WebAssembly, for `tests/tests/wasm.rs`.

use std::process::Command;

use crate::project::{Project, WASM_TARGET, output_of, run};

/// Builds the probe; C's zstd goes through clang, as no other compiler here knows wasm32.
pub fn build(project: &Project) -> Result<(), String> {
    let mut command = project.cargo();
    command.args([
        "build",
        "--locked",
        "--package",
        "coldpress-wasm-probe",
        "--target",
        WASM_TARGET,
    ]);
    environment(project, &mut command)?;
    run(&mut command)
}

/// Tells a command how C is compiled for wasm32, and lets it find the tools of `setup` first.
pub fn environment(project: &Project, command: &mut Command) -> Result<(), String> {
    let archiver = archiver().ok_or("llvm-ar is missing; run: cargo xtask setup")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [project.tools.join("bin")].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).map_err(|error| format!("PATH: {error}"))?;
    command
        .env("CC_wasm32_unknown_unknown", "clang")
        .env("AR_wasm32_unknown_unknown", archiver)
        .env("PATH", path);
    Ok(())
}

/// Whether there is a clang that compiles for wasm32.
pub fn has_clang() -> bool {
    output_of(Command::new("clang").arg("--print-targets"))
        .is_some_and(|targets| targets.contains("wasm32"))
}

/// LLVM's archiver by whichever name it has: binutils' makes archives that wasm's linker cannot read.
pub fn archiver() -> Option<String> {
    let versioned = (14..=30).rev().map(|version| format!("llvm-ar-{version}"));
    std::iter::once("llvm-ar".to_owned())
        .chain(versioned)
        .find(|name| output_of(Command::new(name).arg("--version")).is_some())
}
