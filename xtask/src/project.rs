//! Where things lie, and how programs are run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failures::Failures;
use crate::output::{say, stream};

/// The target of WebAssembly without an operating system.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The work tree and the folders of what is built and installed.
#[derive(Debug)]
pub struct Project {
    /// The work tree.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// What `setup` installs; nothing outside of it but rustup's targets and Debian's packages.
    pub tools: PathBuf,
}

impl Project {
    /// The project whose `cargo xtask` runs this program. Cargo says which: with a target folder that
    /// several clones share, the program may have been built from another one.
    pub fn find() -> Project {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let manifest = manifest.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = manifest.parent().unwrap_or(&manifest).to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
        // A relative one is relative to where cargo was called, as cargo itself has it.
        let target = match target {
            Some(dir) => std::path::absolute(&dir).unwrap_or_else(|_| PathBuf::from(dir)),
            None => root.join("target"),
        };
        // A virtual environment holds absolute paths: work trees may share one folder of tools by a link.
        let tools = target.join("tools");
        let tools = tools.canonicalize().unwrap_or(tools);
        Project { root, target, tools }
    }

    /// The Python that has the engines.
    pub fn python(&self) -> PathBuf {
        self.tools.join("python/bin/python")
    }

    /// Where the step `wasm` leaves the core as bare WebAssembly.
    pub fn wasm_probe(&self) -> PathBuf {
        self.target.join(WASM_TARGET).join("debug/coldpress_wasm_probe.wasm")
    }

    /// What is made of the npm package lies here.
    pub fn npm_folder(&self) -> PathBuf {
        self.target.join("npm")
    }

    /// The tarball of the npm package.
    pub fn npm_tarball(&self) -> PathBuf {
        self.npm_folder().join("coldpress.tgz")
    }

    /// Where the playground is laid out.
    pub fn page(&self) -> PathBuf {
        self.target.join("www")
    }

    /// `program`, to be run in the work tree, told where the tools are.
    pub fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .env("COLDPRESS_TOOLS", &self.tools)
            .env("COLDPRESS_PYTHON", self.python())
            .env("COLDPRESS_WEED", self.tools.join("python/bin/weed"))
            .env("COLDPRESS_WASM", self.wasm_probe())
            .env("COLDPRESS_NPM", self.npm_tarball())
            .env("COLDPRESS_WWW", self.page())
            .env("COLDPRESS_BIN", self.target.join("debug/coldpress"));
        command
    }

    /// The cargo that runs us, with the toolchain it runs with.
    pub fn cargo(&self) -> Command {
        let mut cargo = self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        // What the cargo that runs us says of xtask. Build scripts such as ring's look at it, and
        // would run again, with all that stands on them, when a person calls cargo.
        for (name, _) in std::env::vars_os() {
            let of_us = ["CARGO_PKG_", "CARGO_MANIFEST_"];
            if name.to_str().is_some_and(|name| of_us.iter().any(|of| name.starts_with(of))) {
                cargo.env_remove(name);
            }
        }
        cargo.env("CARGO_TARGET_DIR", &self.target);
        cargo
    }
}

/// Shows a command, runs it, and fails where it does. The error names the tests that failed.
pub fn run(command: &mut Command) -> Result<(), String> {
    run_and_look(command, |_| ())
}

/// The same, and `look` sees each line that it prints.
pub fn run_and_look(command: &mut Command, mut look: impl FnMut(&str)) -> Result<(), String> {
    let line = show(command);
    say(&format!("$ {line}"));
    let mut failures = Failures::default();
    let status = stream(command, |printed| {
        failures.look(printed);
        look(printed);
    });
    let status = status.map_err(|error| format!("{line}: cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{line}: {status}{}", failures.told())) }
}

/// What a command prints; none where it is missing or fails.
pub fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command as people type it.
pub fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or(command.get_program()).display().to_string();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.display().to_string());
    }
    line
}
