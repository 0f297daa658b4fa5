//! `coldpress-bench`: the rows, the contest, and single contestants for a profiler.

mod scan;
mod wal;

// The S3 server that the tests have.
#[path = "../../host-native/tests/common/seaweed.rs"]
mod seaweed;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use coldpress_bench::contest::{Contest, round_here};
use coldpress_bench::contestant::{Contestant, Runner};
use coldpress_bench::telemetry::{self, ROWS, SEED};
use coldpress_bench::{Result, cpu, seed, work};

/// The same work beside the peers.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Write telemetry rows as NDJSON.
    Gen {
        #[arg(long, default_value_t = ROWS)]
        rows: usize,
        /// Other rows of the same shape.
        #[arg(long, default_value_t = SEED)]
        seed: u64,
        /// The file to write; standard output without it.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Run all contestants in turn and show medians, sizes and ratios.
    Run {
        #[arg(long, default_value_t = ROWS)]
        rows: usize,
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// The contestants of Node, Coldpress's npm package among them, in place of the native
        /// ones.
        #[arg(long, conflicts_with = "only")]
        web: bool,
        /// Only these contestants.
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<Contestant>,
        /// One JSON object instead of the table.
        #[arg(long)]
        json: bool,
        /// Exit with 1 where a target is missed.
        #[arg(long)]
        check: bool,
        /// The Python that has the peers.
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/python/bin/python"))]
        python: PathBuf,
        /// The `node_modules` that has the peers of Node.
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/web/node_modules"))]
        node_modules: PathBuf,
        /// Coldpress's npm package, unpacked.
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/npm/package"))]
        npm_package: PathBuf,
        /// The folder for files, in memory: /dev/shm where there is one.
        #[arg(long)]
        folder: Option<PathBuf>,
        /// The processor to stay on; the last one without it.
        #[arg(long)]
        cpu: Option<usize>,
    },
    /// Archive a log beside `cp` with fsync, and beside rclone on an S3 server of this machine.
    Wal(wal::WalArgs),
    /// Run a query over a collection of tenant 0 by the library, and print the processor seconds
    /// and the wall seconds of the query alone.
    Scan(scan::ScanArgs),
    /// Run one contestant again and again, for a profiler to watch.
    Profile {
        what: Profiled,
        #[arg(long, default_value_t = 20)]
        times: usize,
        #[arg(long, default_value_t = ROWS)]
        rows: usize,
    },
    /// One contestant, once, in a process of its own: what `run` starts.
    #[command(hide = true)]
    Round {
        contestant: Contestant,
        #[arg(long)]
        rows: usize,
        #[arg(long)]
        cpu: usize,
        #[arg(long)]
        input: PathBuf,
        #[arg(long)]
        sample: PathBuf,
        #[arg(long)]
        output: PathBuf,
    },
}

/// What a profiler may want to watch.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Profiled {
    /// Coldpress from `Value` rows.
    Rows,
    /// Coldpress from NDJSON.
    Ndjson,
    /// The baseline from `Value` rows.
    Seed,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Gen { rows, seed, out: Some(path) } => {
            telemetry::write_ndjson(&mut BufWriter::new(File::create(path)?), rows, seed)?;
        }
        Task::Gen { rows, seed, out: None } => {
            let written =
                telemetry::write_ndjson(&mut BufWriter::new(io::stdout().lock()), rows, seed);
            // `gen | head` has what it wanted.
            if let Err(error) = written
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                return Err(error.into());
            }
        }
        Task::Run {
            rows,
            rounds,
            web,
            only,
            json,
            check,
            python,
            node_modules,
            npm_package,
            folder,
            cpu,
        } => {
            let all = Contestant::value_variants().iter().copied();
            let contest = Contest {
                contestants: if only.is_empty() {
                    all.filter(|c| (c.runner() == Runner::Node) == web).collect()
                } else {
                    only
                },
                rows,
                rounds,
                program: std::env::current_exe()?,
                python,
                node_modules,
                npm_package,
                folder: folder.unwrap_or_else(memory_folder),
                cpu: cpu.map_or_else(cpu::last_allowed, Ok)?,
            };
            return hold(&contest, json, check);
        }
        Task::Scan(args) => scan::run(args)?,
        Task::Wal(args) => wal::run(&args)?,
        Task::Profile { what, times, rows } => profile(what, times, rows)?,
        Task::Round { contestant, rows, cpu, input, sample, output } => {
            cpu::stay_on(cpu)?;
            let round = round_here(contestant, rows, &input, &sample, &output)?;
            writeln!(io::stdout(), "{}", serde_json::to_string(&round)?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn hold(contest: &Contest, json: bool, check: bool) -> Result<ExitCode> {
    if cfg!(debug_assertions) {
        return Err("this is a debug build, whose times mean nothing; run it by `cargo run --release -p coldpress-bench`".into());
    }
    let report = contest.run(|round, contestant| {
        let _ = writeln!(io::stderr(), "round {} of {}: {contestant}", round + 1, contest.rounds);
    })?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(if check && !report.is_met() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn profile(what: Profiled, times: usize, rows: usize) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("coldpress-bench-").tempdir_in(memory_folder())?;
    let (input, output) = (folder.path().join("rows.ndjson"), folder.path().join("out.parquet"));
    let values = match what {
        Profiled::Ndjson => {
            telemetry::write_ndjson(&mut BufWriter::new(File::create(&input)?), rows, SEED)?;
            Vec::new()
        }
        Profiled::Rows | Profiled::Seed => telemetry::rows(rows),
    };
    let mut least = f64::INFINITY;
    for _ in 0..times {
        let (bytes, cpu_s) = cpu::timed(|| -> Result<usize> {
            Ok(match what {
                Profiled::Rows => work::coldpress_rows(&values)?.len(),
                Profiled::Seed => seed::encode(&values)?.len(),
                Profiled::Ndjson => {
                    work::coldpress_ndjson(&input, &output)?;
                    usize::try_from(output.metadata()?.len())?
                }
            })
        });
        least = least.min(cpu_s);
        writeln!(io::stderr(), "{cpu_s:.3} s of processor, {} bytes", bytes?)?;
    }
    writeln!(io::stdout(), "least {least:.3} s")?;
    Ok(())
}

fn memory_folder() -> PathBuf {
    let shared_memory = Path::new("/dev/shm");
    if shared_memory.is_dir() { shared_memory.to_owned() } else { std::env::temp_dir() }
}
