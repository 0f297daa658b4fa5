//! A program written in Rust that no registry has as a binary: compiled once into target/tools/bin.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::files::at;
use crate::output::say;
use crate::project::{Project, output_of, run};

/// What turns a wasm into a JavaScript module, and runs tests in it: of the very version that the library has.
pub fn wasm_bindgen(project: &Project) -> Result<(), String> {
    let path = project.root.join("Cargo.lock");
    let lock = fs::read_to_string(&path).map_err(|error| at(&path, &error))?;
    let version = locked(&lock, "wasm-bindgen")
        .ok_or_else(|| format!("{}: it names no wasm-bindgen", path.display()))?;
    install(project, "wasm-bindgen-cli", "wasm-bindgen", version)
}

/// Where [`install`] leaves a program.
pub fn path(project: &Project, program: &str) -> PathBuf {
    project.tools.join("bin").join(program)
}

fn install(project: &Project, package: &str, program: &str, version: &str) -> Result<(), String> {
    let found = output_of(Command::new(path(project, program)).arg("--version"));
    if found.is_some_and(|line| line.trim() == format!("{program} {version}")) {
        return Ok(());
    }
    say(&format!("{package} is compiled once; this takes some minutes"));
    let scratch = project.tools.join("build");
    let mut command = project.cargo();
    command.args(["install", package, "--version", version, "--force", "--root"]);
    command.arg(&project.tools);
    // Unlocked, as the lock that it is shipped with names a version that was withdrawn.
    command
        .env("CARGO_TARGET_DIR", &scratch)
        // Its release profile is for those who ship it: fat LTO triples the wait.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    run(&mut command)?;
    // What compiling left is some hundred megabytes that nobody needs again.
    fs::remove_dir_all(&scratch).map_err(|error| at(&scratch, &error))
}

/// The version that a Cargo.lock has of a package.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"\nversion = \"");
    let (_, rest) = lock.split_once(&name)?;
    Some(rest.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_of_the_very_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"9.0.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";
        assert_eq!(locked(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked(lock, "wasm"), None);
    }
}
