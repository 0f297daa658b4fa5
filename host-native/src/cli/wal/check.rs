//! `coldpress wal verify` and `wal status`: whether the archive is whole, and what is not in it.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use coldpress::{SealedRule, SegmentCheck, SegmentState, WalStatus};
use serde_json::{Value, json};

use super::{LogArgs, NamesArgs, SealedArgs, duration_or_none};
use crate::cli::failure::{Failure, one_line};
use crate::cli::store::StoreArgs;
use crate::cli::text::{Column, Table, counted, human_bytes, human_count};

/// Read every archived segment, and compare it with its record and with the folder
///
/// Ends with 1 where any segment is missing or damaged, or the file here is not what was archived.
/// A segment that is not there is looked at again until --grace is over.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The folder of the log: what is there must be archived, once it is finished
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    sealed: SealedArgs,
    #[command(flatten)]
    names: NamesArgs,
    /// How long a segment may be on its way before it counts as missing; 0 for not at all
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration_or_none)]
    grace: Duration,
    /// Fail where the archive holds no segment
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

/// What is wrong, if anything is, and what helps.
fn outcome(args: &VerifyArgs, checks: &[SegmentCheck], store: &str) -> Result<(), Failure> {
    if args.require_some && !checks.iter().any(is_archived) {
        return Err(Failure::run(format_args!(
            "the archive in {store} holds no segment, and --require-some asks for one; see that the log is archived, and that this is the right store"
        )));
    }
    let bad: Vec<&SegmentCheck> = checks.iter().filter(|check| check.state.is_bad()).collect();
    let Some(first) = bad.first() else { return Ok(()) };
    let local_alone = bad.iter().all(|check| check.state == SegmentState::LocalDiffers);
    if local_alone {
        return Err(Failure::run(format_args!(
            "{} of the log intact in the archive, with other content in the folder, the first is {} ({}); keep the archive, and see what changed the files here",
            counted(bad.len() as u64, "segment"),
            first.name,
            first.detail
        )));
    }
    Err(Failure::run(format_args!(
        "{} of the log missing, damaged or different here, the first is {} ({}: {})",
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
        Some((name, ms)) => {
            format!("{}, {}", one_line(name), date(*ms).format("%Y-%m-%d %H:%M:%S UTC"))
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
        ("exposure", format!("{}, {}", time(exposure.ms), human_bytes(exposure.bytes))),
        ("store", one_line(store)),
    ];
    for (name, value) in lines {
        writeln!(out, "{name:<9} {value}")?;
    }
    for gap in &status.gaps {
        writeln!(out, "{:<9} {}", "gap", one_line(&gap.to_string()))?;
    }
    for held in &status.held_up {
        writeln!(out, "{:<9} {}", "held up", one_line(&held.to_string()))?;
    }
    Ok(())
}

fn status_json(status: &WalStatus, store: &str) -> Value {
    let exposure = status.exposure;
    let gaps: Vec<Value> = status
        .gaps
        .iter()
        .map(|gap| json!({ "first": gap.first, "segments": gap.segments, "after": gap.after, "before": gap.before }))
        .collect();
    let held_up: Vec<Value> = status
        .held_up
        .iter()
        .map(|held| json!({ "by": held.by, "why": held.why.to_string(), "first": held.first, "segments": held.segments, "bytes": held.bytes }))
        .collect();
    json!({
        "archived_segments": status.segments,
        "archived_bytes": status.bytes,
        "last_segment": status.last.as_ref().map(|(name, _)| name),
        "last_stored": status.last.as_ref().map(|(_, ms)| date(*ms).to_rfc3339_opts(SecondsFormat::Millis, true)),
        "waiting_segments": exposure.waiting,
        "waiting_bytes": exposure.waiting_bytes,
        "held_segments": exposure.held,
        "exposed_segments": exposure.segments,
        "exposure_bytes": exposure.bytes,
        "exposure_seconds": exposure.ms as f64 / 1e3,
        "gaps": gaps,
        "held_up": held_up,
        "store": store,
    })
}

/// `0 s`, `59 s`, `12 min`, `26 h`.
fn time(ms: u64) -> String {
    match ms / 1_000 {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", human_count(seconds / 3_600)),
    }
}

fn date(ms: u64) -> DateTime<Utc> {
    // Beyond what a clock can show, the end of it.
    let time = UNIX_EPOCH.checked_add(Duration::from_millis(ms.min(1 << 46)));
    DateTime::from(time.unwrap_or(SystemTime::UNIX_EPOCH))
}
