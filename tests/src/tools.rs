//! The programs that the tests run beside us. `cargo xtask test` installs them and says where; a
//! plain `cargo test` finds them where it puts them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The work tree.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// The Python that has every engine of Python but Spark.
pub fn python() -> Result<PathBuf, String> {
    installed("COLDPRESS_PYTHON", "tools/python/bin/python", "setup")
}

/// The Python that has PySpark of this major version; it needs a Java runtime besides.
pub fn spark(major: &str) -> Result<PathBuf, String> {
    let tools = installed("COLDPRESS_TOOLS", "tools", "setup")?;
    present(tools.join(format!("spark{major}/bin/python")), "setup")
}

/// The folder whose `node_modules` holds hyparquet.
pub fn npm() -> Result<PathBuf, String> {
    let tools = installed("COLDPRESS_TOOLS", "tools", "setup")?;
    present(tools.join("npm"), "setup")
}

/// The core as a WebAssembly module, see `tests/wasm-probe`.
pub fn wasm() -> Result<PathBuf, String> {
    let path = "wasm32-unknown-unknown/debug/coldpress_wasm_probe.wasm";
    installed("COLDPRESS_WASM", path, "wasm")
}

/// The files of <https://github.com/apache/parquet-testing> (Apache-2.0), as they were on
/// 2026-11-28.
pub fn parquet_testing() -> Result<PathBuf, String> {
    present(root().join("tests/data/parquet-testing"), "setup")
}

/// Runs a command to its end; an error with all that it printed where it fails.
pub fn run(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| {
        format!("{:?} cannot be started ({error}); run: cargo xtask setup", command.get_program())
    })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!(
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

fn installed(variable: &str, in_target: &str, command: &str) -> Result<PathBuf, String> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => target().join(in_target),
    };
    present(path, command)
}

fn present(path: PathBuf, command: &str) -> Result<PathBuf, String> {
    if path.exists() {
        return Ok(path);
    }
    Err(format!("{} is not there; run: cargo xtask {command}", path.display()))
}

fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => root().join("target"),
    }
}
