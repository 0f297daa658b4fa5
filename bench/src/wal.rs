//! The archive of a write-ahead log beside what copies files: `cp` with fsync on the local disk,
//! rclone on an S3 server of this machine.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Args;
use coldpress_bench::Result;
use coldpress_bench::prng::SplitMix64;

use crate::seaweed::Seaweed;

/// The part size of both uploaders. A segment of PostgreSQL has that size, so it goes by one put.
const PART: &str = "16Mi";

/// Options of `coldpress-bench wal`.
#[derive(Debug, Args)]
pub struct WalArgs {
    /// How many segments the log has.
    #[arg(long, default_value_t = 16)]
    segments: u64,
    /// The size of each, in MiB.
    #[arg(long, default_value_t = 16)]
    segment_mib: u64,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Segments under way at a time, of both uploaders.
    #[arg(long, default_value_t = 4)]
    parallel: u32,
    /// The command, built for release.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/coldpress"))]
    coldpress: PathBuf,
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/rclone/bin/rclone"))]
    rclone: PathBuf,
    /// A folder on the disk that is measured.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target"))]
    disk: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contestant {
    CpFsync,
    ColdpressLocal,
    Rclone,
    ColdpressS3,
}

impl Contestant {
    /// In the order of a round: each beside the one it is compared with.
    const ALL: [Contestant; 4] =
        [Self::CpFsync, Self::ColdpressLocal, Self::Rclone, Self::ColdpressS3];

    fn name(self) -> &'static str {
        match self {
            Self::CpFsync => "cp + fsync",
            Self::ColdpressLocal => "coldpress to a folder",
            Self::Rclone => "rclone to S3",
            Self::ColdpressS3 => "coldpress to S3",
        }
    }

    /// Whom it is compared with, and how much of its speed is asked for (issue 4, acceptance 6).
    fn peer(self) -> Option<(Contestant, f64)> {
        match self {
            Self::ColdpressLocal => Some((Self::CpFsync, 0.8)),
            Self::ColdpressS3 => Some((Self::Rclone, 1.0)),
            Self::CpFsync | Self::Rclone => None,
        }
    }
}

/// Measures and prints.
pub fn run(args: &WalArgs) -> Result<()> {
    for program in [&args.coldpress, &args.rclone] {
        if !program.is_file() {
            let program = program.display();
            return Err(format!("there is no {program}; run `cargo xtask bench wal`").into());
        }
    }
    let folder = tempfile::Builder::new().prefix("bench-wal-").tempdir_in(&args.disk)?;
    let log = folder.path().join("log");
    write_log(&log, args)?;
    let server = Seaweed::start();
    let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); Contestant::ALL.len()];
    for round in 0..args.rounds {
        for (contestant, seconds) in Contestant::ALL.iter().zip(&mut seconds) {
            eprintln!("round {} of {}: {}", round + 1, args.rounds, contestant.name());
            let target = format!("round-{round}-{contestant:?}").to_lowercase();
            let out = folder.path().join(&target);
            fs::create_dir(&out)?;
            // What earlier ones left in the page cache is on the disk before the next one starts.
            succeed(&mut Command::new("sync"))?;
            let mut command = command(*contestant, args, &log, &out, &target, &server);
            let started = Instant::now();
            succeed(&mut command)?;
            seconds.push(started.elapsed().as_secs_f64());
            fs::remove_dir_all(&out)?;
        }
    }
    write!(std::io::stdout(), "{}", report(args, &seconds))?;
    Ok(())
}

/// Noise, so that no layer below makes it smaller; and the one that is being written, of one byte,
/// which no archiver takes.
fn write_log(log: &Path, args: &WalArgs) -> Result<()> {
    fs::create_dir(log)?;
    let mut random = SplitMix64::new(4);
    for number in 0..args.segments {
        let mut file = BufWriter::new(File::create(log.join(format!("{number:024X}")))?);
        for _ in 0..args.segment_mib << 17 {
            file.write_all(&random.next_bits().to_le_bytes())?;
        }
        file.into_inner()?.sync_all()?;
    }
    fs::write(log.join(format!("{:024X}", args.segments)), [0])?;
    Ok(())
}

fn command(
    contestant: Contestant,
    args: &WalArgs,
    log: &Path,
    out: &Path,
    target: &str,
    server: &Seaweed,
) -> Command {
    let parallel = args.parallel.to_string();
    let mut archive = Command::new(&args.coldpress);
    archive.args(["wal", "archive"]).arg(log).args(["--parallel", &parallel]);
    match contestant {
        Contestant::CpFsync => {
            let mut shell = Command::new("sh");
            shell.args(["-c", r#"cp "$1"/* "$2"/ && sync "$2"/* "$2""#, "sh"]).arg(log).arg(out);
            shell
        }
        Contestant::ColdpressLocal => {
            archive.arg("--store").arg(out);
            archive
        }
        Contestant::ColdpressS3 => {
            archive
                .arg("--store")
                .arg(format!("s3://{}/{target}", server.bucket))
                .args(["--endpoint", &server.endpoint, "--allow-http", "--region"])
                .arg(&server.region)
                .env("AWS_ACCESS_KEY_ID", &server.access_key)
                .env("AWS_SECRET_ACCESS_KEY", &server.secret_key);
            archive
        }
        Contestant::Rclone => {
            let mut rclone = Command::new(&args.rclone);
            rclone
                .arg("copy")
                .arg(log)
                .arg(format!("s3:{}/{target}", server.bucket))
                // No file of settings: not even the user's own.
                .args(["--config", "/dev/null", "--transfers", &parallel, "--checkers", &parallel])
                .args(["--s3-chunk-size", PART, "--s3-upload-cutoff", PART])
                .args(["--s3-upload-concurrency", &parallel, "--s3-no-check-bucket"])
                .env("RCLONE_CONFIG_S3_TYPE", "s3")
                .env("RCLONE_CONFIG_S3_PROVIDER", "SeaweedFS")
                .env("RCLONE_CONFIG_S3_ENDPOINT", &server.endpoint)
                .env("RCLONE_CONFIG_S3_REGION", &server.region)
                .env("RCLONE_CONFIG_S3_ACCESS_KEY_ID", &server.access_key)
                .env("RCLONE_CONFIG_S3_SECRET_ACCESS_KEY", &server.secret_key);
            rclone
        }
    }
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}\n{said}", command.get_program().display(), output.status).into())
}

fn report(args: &WalArgs, seconds: &[Vec<f64>]) -> String {
    let megabytes = ((args.segments * args.segment_mib) << 20) as f64 / 1e6;
    let mut text = format!(
        "{} segments of {} MiB, {} at a time, {} rounds; medians (and the fastest and slowest)\n\n",
        args.segments, args.segment_mib, args.parallel, args.rounds
    );
    let medians: Vec<f64> = seconds.iter().map(|seconds| median(seconds)).collect();
    let of = |contestant| {
        let at = Contestant::ALL.iter().position(|&c| c == contestant);
        at.map_or(f64::NAN, |at| medians[at])
    };
    for (contestant, seconds) in Contestant::ALL.into_iter().zip(seconds) {
        let took = of(contestant);
        let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = seconds.iter().copied().fold(0.0, f64::max);
        let speed = megabytes / took;
        let _ = write!(
            text,
            "{:<22} {took:>7.2} s ({least:.2} to {most:.2}) {speed:>7.0} MB/s",
            contestant.name()
        );
        if let Some((peer, wanted)) = contestant.peer() {
            let ratio = of(peer) / took;
            let verdict = if ratio >= wanted { "met" } else { "missed" };
            let _ = write!(
                text,
                "   {ratio:.2} of the speed of {}; at least {wanted:.1}: {verdict}",
                peer.name()
            );
        }
        text.push('\n');
    }
    text
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_verdicts_are_of_all_rounds() {
        let args = WalArgs {
            segments: 10,
            segment_mib: 16,
            rounds: 3,
            parallel: 4,
            coldpress: PathBuf::new(),
            rclone: PathBuf::new(),
            disk: PathBuf::new(),
        };
        let seconds =
            [vec![1.0, 9.0, 2.0], vec![2.5, 2.4, 9.9], vec![3.0, 1.0, 2.0], vec![3.0, 2.1, 2.0]];
        let text = report(&args, &seconds);
        let line = |at: usize| text.lines().nth(2 + at).unwrap().to_owned();
        assert!(line(0).contains("2.00 s (1.00 to 9.00)      84 MB/s"), "{text}");
        assert!(line(1).ends_with("0.80 of the speed of cp + fsync; at least 0.8: met"), "{text}");
        assert!(line(3).ends_with("0.95 of the speed of rclone to S3; at least 1.0: missed"));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
