//! Debian's packages.

use std::process::Command;

use crate::project::{output_of, run};

/// Installs Debian's `packages` where `ready` says that something is missing.
pub fn provide(what: &str, packages: &[&str], ready: impl Fn() -> bool) -> Result<(), String> {
    if ready() {
        return Ok(());
    }
    let advice = advice(what, packages);
    let apt = |arguments: &[&str]| {
        let mut command = as_root("apt-get");
        run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
            .map_err(|problem| format!("{problem}\n{advice}"))
    };
    apt(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(packages);
    apt(&arguments)?;
    if ready() { Ok(()) } else { Err(format!("apt-get has no newer one, and still {advice}")) }
}

/// A program that is run as root, by `sudo` where we are not.
pub fn as_root(program: &str) -> Command {
    let root = output_of(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let mut command = Command::new(if root { program } else { "sudo" });
    if !root {
        command.args(["--non-interactive", program]);
    }
    command
}

/// Whether `program --version` answers.
pub fn answers(program: &str) -> bool {
    output_of(Command::new(program).arg("--version")).is_some()
}

fn advice(what: &str, packages: &[&str]) -> String {
    format!("{what} is missing; run: sudo apt-get install {}", packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_provided_is_named_with_the_command_that_helps() {
        let problem = advice("clang", &["clang", "llvm"]);
        assert_eq!(problem, "clang is missing; run: sudo apt-get install clang llvm");
    }
}
