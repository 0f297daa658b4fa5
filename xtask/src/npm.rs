//! The npm package: built, packed, checked and weighed; and what is made of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files::{at, make_folder};
use crate::project::{Project, WASM_TARGET, output_of, run};
use crate::wasm;

/// How much is asked of the package.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Making {
    /// What is shipped: small, checked, weighed.
    Release,
    /// What does for trying things out: neither small nor checked, in a fraction of the time.
    Fast,
}

/// The tarball, unpacked.
pub fn unpacked(project: &Project) -> PathBuf {
    project.npm_folder().join("package")
}

/// Builds the modules and packs them with the JavaScript around them.
pub fn make(project: &Project, making: Making) -> Result<(), String> {
    let profile = if making == Making::Release { "wasm" } else { "dev" };
    let mut build = node(project, "host-wasm/build.mjs");
    build.args(["--profile", profile]).env("CARGO_TARGET_DIR", &project.target);
    wasm::environment(project, &mut build)?;
    if making == Making::Release {
        // Panics name their sources: without this, where a work tree lies would change the bytes.
        build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", remapped(project));
    }
    run(&mut build)?;
    pack(project)?;
    if making == Making::Fast {
        return Ok(());
    }
    check(project)?;
    weigh(project)
}

/// Lays the playground out on the package, as a static site.
pub fn assemble_page(project: &Project) -> Result<(), String> {
    let mut assemble = node(project, "www/assemble.mjs");
    run(assemble.arg("--package").arg(unpacked(project)).arg("--out").arg(project.page()))
}

/// The page with a grant server and an S3 endpoint of its own: the whole loop on one machine.
pub fn playground(project: &Project, arguments: &[String]) -> Result<(), String> {
    make(project, Making::Fast)?;
    assemble_page(project)?;
    let mut serve = project.cargo();
    serve.args(["run", "--release", "--locked", "--package", "coldpress-cli"]);
    serve.args(["--features", "serve", "--", "serve", "--dev", "--www"]).arg(project.page());
    run(serve.args(arguments))
}

fn pack(project: &Project) -> Result<(), String> {
    let folder = project.npm_folder();
    let stage = folder.join("stage");
    for old in [&stage, &unpacked(project)] {
        if old.exists() {
            fs::remove_dir_all(old).map_err(|error| at(old, &error))?;
        }
    }
    copy(&project.root.join("host-wasm/js"), &stage)?;
    for name in ["LICENSE", "CHANGELOG.md"] {
        let copy = stage.join(name);
        fs::copy(project.root.join(name), &copy).map_err(|error| at(&copy, &error))?;
    }
    let mut pack = project.command("npm");
    pack.args(["pack", "--silent", "--ignore-scripts", "--pack-destination"]).arg(&folder);
    let name = output_of(pack.current_dir(&stage))
        .ok_or_else(|| format!("npm pack failed; try it in {}", stage.display()))?;
    let packed = folder.join(name.trim());
    fs::rename(&packed, project.npm_tarball()).map_err(|error| at(&packed, &error))?;
    // Its one folder is named `package`.
    run(project.command("tar").arg("-xzf").arg(project.npm_tarball()).arg("-C").arg(&folder))
}

fn check(project: &Project) -> Result<(), String> {
    run(tool(project, "publint").args(["run", "--strict"]).arg(unpacked(project)))?;
    // The package is of ES modules alone: what CommonJS would resolve to is not asked.
    let mut attw = tool(project, "attw");
    run(attw.args(["--profile", "esm-only", "--no-definitely-typed"]).arg(project.npm_tarball()))?;
    pages(project)
}

/// Makes pages of the types, for people; that they are right is a test of the step `web`.
fn pages(project: &Project) -> Result<(), String> {
    // Its paths are relative to its settings, which so must lie beside the package.
    let folder = project.npm_folder().join("typedoc");
    copy(&project.root.join("tests/web/typedoc"), &folder)?;
    let mut typedoc = tool(project, "typedoc");
    run(typedoc.current_dir(&folder).arg("--out").arg(project.target.join("doc-js")))
}

fn weigh(project: &Project) -> Result<(), String> {
    let named = project.target.join(WASM_TARGET).join("wasm/npm");
    let mut weigh = node(project, "tests/web/tools/size.mjs");
    run(weigh.arg("--tarball").arg(project.npm_tarball()).arg("--named").arg(named))
}

fn remapped(project: &Project) -> String {
    let mut flags = Vec::new();
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.display()));
    }
    flags.push(format!("--remap-path-prefix={}=/coldpress", project.root.display()));
    flags.join(" ")
}

fn node(project: &Project, script: &str) -> Command {
    let mut node = project.command("node");
    node.arg(project.root.join(script));
    node
}

/// A program of tests/web/package.json.
fn tool(project: &Project, name: &str) -> Command {
    project.command(project.tools.join("web/node_modules/.bin").join(name))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    make_folder(to)?;
    for entry in fs::read_dir(from).map_err(|error| at(from, &error))? {
        let path = entry.map_err(|error| at(from, &error))?.path();
        let copied = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            fs::copy(&path, &copied).map_err(|error| at(&copied, &error))?;
        }
    }
    Ok(())
}
