//! `coldpress wal verify` and `wal status`: check the archive, and show what is not in it yet.

use std::io;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use coldpress::{SealedRule, SegmentCheck, SegmentState, WalStatus};
use serde_json::{Value, json};

use super::args::{LogArgs, NamesArgs, SealedArgs, duration_or_none};
use crate::failure::{Failure, one_line};
use crate::store::StoreArgs;
use crate::text::{Column, Table, counted, human_bytes, human_count};

/// Read every archived segment, and compare it with its record and with the folder
///
/// Ends with exit code 1 if a segment is missing or damaged, or if a file in the folder differs
/// from what was archived. If a segment is missing, looks again until --grace is over.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The folder of the log. Each finished segment in it must be in the archive
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    sealed: SealedArgs,
    #[command(flatten)]
    names: NamesArgs,
    /// How long a segment may be on its way before it counts as missing. 0 means not at all
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        value_parser = duration_or_none
    )]
    grace: Duration,
    /// Fail if the archive has no segment
    #[arg(long)]
    require_some: bool,
    #[command(flatten)]
    log: LogArgs,
}

/// Show what is archived, and what would be lost if this machine were lost now
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The folder of the log
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    sealed: SealedArgs,
    #[command(flatten)]
    names: NamesArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Runs `coldpress wal verify`.
pub fn verify(args: &VerifyArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let (store, archiver) = args.log.open(store_args)?;
    let archiver = archiver.named(args.names.names).grace(args.grace);
    let folder: Option<(_, SealedRule)> =
        args.dir.as_deref().map(|folder| (folder, args.sealed.sealed));
    let checks = store.ask(archiver.verify(folder, |_| ()))?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.log.json {
        true => writeln!(out, "{}", checks_json(&checks)),
        false => checks_text(&checks, store.name(), &mut out),
    };
    written.and_then(|()| out.flush()).map_err(Failure::output)?;
    outcome(args, &checks, store.name())
}

/// The failure if anything is wrong, with what to do next.
fn outcome(args: &VerifyArgs, checks: &[SegmentCheck], store: &str) -> Result<(), Failure> {
    if args.require_some && !checks.iter().any(is_archived) {
        return Err(Failure::run(format_args!(
            "the archive in {store} holds no segment, and --require-some needs at least one; check \
             that --store and --node are right, and that the log is being archived"
        )));
    }
    let bad: Vec<&SegmentCheck> = checks.iter().filter(|check| check.state.is_bad()).collect();
    let Some(first) = bad.first() else { return Ok(()) };
    let local_alone = bad.iter().all(|check| check.state == SegmentState::LocalDiffers);
    if local_alone {
        return Err(Failure::run(format_args!(
            "{} of the log intact in the archive, but with other content in the folder, the first \
             is {} ({}); keep the archive, and find out what changed the files in the folder",
            counted(bad.len() as u64, "segment"),
            first.name,
            first.detail
        )));
    }
    Err(Failure::run(format_args!(
        "{} of the log missing, damaged or different in the folder, the first is {} ({}: {})",
        counted(bad.len() as u64, "segment"),
        first.name,
        first.state.as_str(),
        first.detail
    )))
}

fn is_archived(check: &SegmentCheck) -> bool {
    !matches!(check.state, SegmentState::Missing | SegmentState::NotYetDue)
}

fn checks_text(checks: &[SegmentCheck], store: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new([
        Column::words("segment"),
        Column::numbers("size"),
        Column::words("state"),
        Column::words(""),
    ]);
    for check in checks {
        table.push([
            one_line(&check.name),
            check.bytes.map(human_bytes).unwrap_or_default(),
            check.state.as_str().to_owned(),
            one_line(&check.detail),
        ]);
    }
    if !checks.is_empty() {
        table.write(out, "", usize::MAX)?;
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count() as u64;
    let states = [
        SegmentState::Ok,
        SegmentState::Missing,
        SegmentState::Damaged,
        SegmentState::LocalDiffers,
        SegmentState::Unrecorded,
        SegmentState::NotYetDue,
    ];
    let counts = states.iter().map(|state| (state.as_str(), count(*state)));
    let words: Vec<String> = counts
        .filter(|(name, n)| *n > 0 || *name == "ok")
        .map(|(name, n)| format!("{} {name}", human_count(n)))
        .collect();
    if !checks.iter().any(is_archived) {
        writeln!(out, "the archive in {} holds no segment", one_line(store))?;
    }
    writeln!(out, "{}", words.join(", "))
}

fn checks_json(checks: &[SegmentCheck]) -> Value {
    let check = |check: &SegmentCheck| {
        json!({
            "segment": check.name,
            "bytes": check.bytes,
            "state": check.state.as_str(),
            "detail": check.detail,
        })
    };
    checks.iter().map(check).collect()
}

/// Runs `coldpress wal status`.
pub fn status(args: &StatusArgs, store_args: &StoreArgs) -> Result<(), Failure> {
    let (store, archiver) = args.log.open(store_args)?;
    let archiver = archiver.named(args.names.names);
    let status = store.ask(archiver.status(&args.dir, args.sealed.sealed))?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.log.json {
        true => writeln!(out, "{}", status_json(&status, store.name())),
        false => status_text(&status, store.name(), &mut out),
    };
    written.and_then(|()| out.flush()).map_err(Failure::output)
}

fn status_text(status: &WalStatus, store: &str, out: &mut dyn Write) -> io::Result<()> {
    let exposure = status.exposure;
    let last = match &status.last {
        Some((name, time)) => {
            format!("{}, {}", one_line(name), date(*time).format("%Y-%m-%d %H:%M:%S UTC"))
        }
        None => "none".to_owned(),
    };
    let lines = [
        (
            "archived",
            format!("{}, {}", counted(status.segments, "segment"), human_bytes(status.bytes)),
        ),
        ("last", last),
        (
            "waiting",
            format!(
                "{}, {}",
                counted(exposure.waiting, "segment"),
                human_bytes(exposure.waiting_bytes)
            ),
        ),
        ("exposure", format!("{}, {}", time(exposure.age), human_bytes(exposure.bytes))),
        ("store", one_line(store)),
    ];
    for (name, value) in lines {
        writeln!(out, "{name:<9} {value}")?;
    }
    for gap in &status.gaps {
        writeln!(out, "{:<9} {}", "gap", one_line(&gap.to_string()))?;
    }
    for held in &status.held_up {
        writeln!(out, "{:<9} {}", "blocked", one_line(&held.to_string()))?;
    }
    Ok(())
}

fn status_json(status: &WalStatus, store: &str) -> Value {
    let exposure = status.exposure;
    let gaps: Vec<Value> = status
        .gaps
        .iter()
        .map(|gap| {
            json!({
                "first": gap.first,
                "segments": gap.segments,
                "after": gap.after,
                "before": gap.before,
            })
        })
        .collect();
    let held_up: Vec<Value> = status
        .held_up
        .iter()
        .map(|held| {
            json!({
                "by": held.by,
                "why": held.why.to_string(),
                "first": held.first,
                "segments": held.segments,
                "bytes": held.bytes,
            })
        })
        .collect();
    let last_stored = status.last.as_ref().map(|(_, time)| date(*time));
    json!({
        "archived_segments": status.segments,
        "archived_bytes": status.bytes,
        "last_segment": status.last.as_ref().map(|(name, _)| name),
        "last_stored": last_stored.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        "waiting_segments": exposure.waiting,
        "waiting_bytes": exposure.waiting_bytes,
        "held_segments": exposure.held,
        "exposed_segments": exposure.segments,
        "exposure_bytes": exposure.bytes,
        "exposure_seconds": exposure.age.as_millis() as f64 / 1e3,
        "gaps": gaps,
        "held_up": held_up,
        "store": store,
    })
}

/// `0 s`, `59 s`, `12 min`, `26 h`.
fn time(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", human_count(seconds / 3_600)),
    }
}

fn date(time: SystemTime) -> DateTime<Utc> {
    // A time too late for the calendar becomes the latest one that it can show.
    DateTime::from(time.min(UNIX_EPOCH + Duration::from_millis(1 << 46)))
}
