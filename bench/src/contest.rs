//! Rounds: every contestant in turn, each time in a process of its own.

use std::fs::{self, File};
use std::io::BufWriter;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::contestant::{Contestant, Runner};
use crate::report::{Entry, Report};
use crate::{Result, cpu, seed, telemetry, verify, work};

/// The rows of the untimed first run in every process, so that no clock sees what is loaded lazily.
const SAMPLE_ROWS: usize = 2_000;

/// What is run, how often, and where.
#[derive(Debug, Clone)]
pub struct Contest {
    /// Who takes part, in the order of each round.
    pub contestants: Vec<Contestant>,
    /// Rows of telemetry that each is handed.
    pub rows: usize,
    /// How often each runs; the median counts.
    pub rounds: usize,
    /// `coldpress-bench` itself, started anew for each round of a contestant in Rust.
    pub program: PathBuf,
    /// The Python that has the peers installed.
    pub python: PathBuf,
    /// The `node_modules` that has the peers of Node.
    pub node_modules: PathBuf,
    /// Coldpress's npm package, unpacked: what `cargo xtask npm` makes.
    pub npm_package: PathBuf,
    /// The folder for input and output files; memory-backed, so that no disk is measured.
    pub folder: PathBuf,
    /// The one processor that all processes stay on.
    pub cpu: usize,
}

/// What one process found in one round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Round {
    /// Processor seconds of the work alone.
    pub cpu_s: f64,
    /// The version of what did the work.
    pub version: String,
}

/// The files of a contest, gone with it.
#[derive(Debug)]
struct Files {
    input: PathBuf,
    sample: PathBuf,
    output: PathBuf,
    /// `peers.mjs` beside a `node_modules` with all that it imports.
    node_script: PathBuf,
    folder: TempDir,
}

impl Contest {
    /// Runs all rounds; `progress` hears of each before it starts.
    ///
    /// # Errors
    ///
    /// Where a contestant cannot be run, or its file does not hold the rows.
    pub fn run(&self, mut progress: impl FnMut(usize, Contestant)) -> Result<Report> {
        self.check()?;
        let files = self.files()?;
        let mut entries: Vec<Entry> = self.contestants.iter().map(|&c| Entry::new(c)).collect();
        for round in 0..self.rounds {
            for entry in &mut entries {
                let contestant = entry.contestant;
                progress(round, contestant);
                let found = self
                    .round(contestant, &files)
                    .map_err(|error| format!("{contestant}, round {}: {error}", round + 1))?;
                if round == 0 {
                    verify::every_value(&files.output, self.rows)
                        .map_err(|error| format!("{contestant} wrote other rows: {error}"))?;
                }
                entry.bytes = fs::metadata(&files.output)?.len();
                entry.version = found.version;
                entry.cpu_s.push(found.cpu_s);
                fs::remove_file(&files.output)?;
            }
        }
        Ok(Report::new(self.rows, fs::metadata(&files.input)?.len(), self.rounds, entries))
    }

    fn check(&self) -> Result<()> {
        if self.rounds == 0 || self.rows == 0 || self.contestants.is_empty() {
            return Err("nothing to run: give at least one contestant, row and round".into());
        }
        let needs = |runner| self.contestants.iter().any(|c| c.runner() == runner);
        if needs(Runner::Python) && !self.python.is_file() {
            let python = self.python.display();
            return Err(format!(
                "the peers need {python}, which is not there; make it with `cargo xtask bench`, or by \
                 `python3 -m venv target/tools/python` and \
                 `target/tools/python/bin/pip install duckdb polars pyarrow`, or name another by --python"
            )
            .into());
        }
        if needs(Runner::Node) {
            for path in [&self.node_modules, &self.npm_package] {
                if !path.is_dir() {
                    let path = path.display();
                    return Err(format!(
                        "the contestants of Node need {path}, which is not there; `cargo xtask bench web` makes it"
                    )
                    .into());
                }
            }
        }
        Ok(())
    }

    fn files(&self) -> Result<Files> {
        let folder =
            tempfile::Builder::new().prefix("coldpress-bench-").tempdir_in(&self.folder)?;
        let path = |name: &str| folder.path().join(name);
        let (input, sample, output) =
            (path("rows.ndjson"), path("sample.ndjson"), path("out.parquet"));
        for (file, rows) in [(&input, self.rows), (&sample, SAMPLE_ROWS)] {
            telemetry::write_ndjson(
                &mut BufWriter::new(File::create(file)?),
                rows,
                telemetry::SEED,
            )?;
        }
        let files = Files { input, sample, output, node_script: path("peers.mjs"), folder };
        if self.contestants.iter().any(|c| c.runner() == Runner::Node) {
            self.lay_out_for_node(&files)?;
        }
        Ok(files)
    }

    /// Node looks for packages beside the script that imports them, so it gets a folder of links.
    fn lay_out_for_node(&self, files: &Files) -> Result<()> {
        fs::write(&files.node_script, include_str!("../peers.mjs"))?;
        let modules = files.folder.path().join("node_modules");
        fs::create_dir(&modules)?;
        for entry in fs::read_dir(&self.node_modules)? {
            let entry = entry?;
            symlink(entry.path(), modules.join(entry.file_name()))?;
        }
        Ok(symlink(fs::canonicalize(&self.npm_package)?, modules.join("coldpress"))?)
    }

    fn round(&self, contestant: Contestant, files: &Files) -> Result<Round> {
        let mut command = self.command(contestant, files);
        for (option, file) in
            [("--input", &files.input), ("--sample", &files.sample), ("--output", &files.output)]
        {
            command.arg(option).arg(file);
        }
        let output = command
            .output()
            .map_err(|error| format!("cannot start {:?}: {error}", command.get_program()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}, and said:\n{}", output.status, said.trim_end()).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn command(&self, contestant: Contestant, files: &Files) -> Command {
        let (cpu, rows) = (self.cpu.to_string(), self.rows.to_string());
        match contestant.runner() {
            Runner::Rust => {
                let mut command = Command::new(&self.program);
                command.args(["round", contestant.name(), "--rows", &rows, "--cpu", &cpu]);
                command
            }
            Runner::Python => {
                let mut command = Command::new(&self.python);
                command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers.py"));
                command.args([contestant.name(), "--cpu", &cpu]);
                command
            }
            Runner::Node => {
                // Node cannot choose its processor itself.
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", &cpu, "node"]).arg(&files.node_script);
                command.args([contestant.name(), "--rows", &rows]);
                command
            }
        }
    }
}

/// One round of a contestant written in Rust, in this process.
///
/// # Errors
///
/// Where the contestant fails, or is one of Python's.
pub fn round_here(
    contestant: Contestant,
    rows: usize,
    input: &Path,
    sample: &Path,
    output: &Path,
) -> Result<Round> {
    let cpu_s = match contestant {
        Contestant::ColdpressRows => from_rows(rows, output, work::coldpress_rows)?,
        Contestant::SeedRows => from_rows(rows, output, seed::encode)?,
        Contestant::ColdpressNdjson => from_ndjson(input, sample, output, work::coldpress_ndjson)?,
        #[cfg(feature = "arrow-json")]
        Contestant::ArrowJson => from_ndjson(input, sample, output, work::arrow_json)?,
        _ => return Err(format!("{contestant} is not run in this program").into()),
    };
    Ok(Round { cpu_s, version: env!("CARGO_PKG_VERSION").to_owned() })
}

fn from_rows<B: AsRef<[u8]>>(
    rows: usize,
    output: &Path,
    encode: impl Fn(&[(String, serde_json::Value)]) -> Result<B>,
) -> Result<f64> {
    encode(&telemetry::rows(SAMPLE_ROWS))?;
    let rows = telemetry::rows(rows);
    let (file, cpu_s) = cpu::timed(|| encode(&rows));
    fs::write(output, file?)?;
    Ok(cpu_s)
}

fn from_ndjson(
    input: &Path,
    sample: &Path,
    output: &Path,
    encode: impl Fn(&Path, &Path) -> Result<()>,
) -> Result<f64> {
    encode(sample, output)?;
    fs::remove_file(output)?;
    let (result, cpu_s) = cpu::timed(|| encode(input, output));
    result?;
    Ok(cpu_s)
}
