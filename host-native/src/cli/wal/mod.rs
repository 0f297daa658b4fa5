//! `coldpress wal`: a write-ahead log into the store, checked there, and back.

mod archive;
mod check;
mod end;
mod metrics;
mod one;
mod restore;
mod rm;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use coldpress::{SealedRule, SegmentNames, WalArchiver};
use coldpress_core::{KeyPrefix, LsnWidth, ObjectKey};

pub use end::as_restore_command;

use super::failure::Failure;
use super::store::{Store, StoreArgs};

const EXAMPLES: &str = "PostgreSQL (postgresql.conf, absolute paths):
  archive_command = 'coldpress wal put %p --name %f --store s3://cold/pg'
  restore_command = 'coldpress wal get %f %p --store s3://cold/pg'
Any other log:
  coldpress wal archive /var/lib/app/wal --watch --delete-after-verify --store s3://cold/app";

/// Archive a write-ahead log, check the archive, bring the log back
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WalArgs {
    #[command(subcommand)]
    command: WalCommand,
}

#[derive(Debug, Subcommand)]
enum WalCommand {
    Put(one::PutArgs),
    Get(one::GetArgs),
    Archive(archive::ArchiveArgs),
    Verify(check::VerifyArgs),
    Restore(restore::RestoreArgs),
    Status(check::StatusArgs),
    Rm(rm::RmArgs),
}

/// Which log it is, and how its segments are named.
#[derive(Debug, Args)]
struct LogArgs {
    /// The node whose log it is, where the store has the logs of several
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct NamesArgs {
    /// How segments are named: postgres, number (at the end, or before an extension) or any
    /// [default: told from the names]
    #[arg(long, value_name = "HOW")]
    names: Option<SegmentNames>,
}

#[derive(Debug, Args)]
struct SealedArgs {
    /// Which segments are finished: `last`, all but the newest; `ready`, those PostgreSQL marks so in archive_status;
    /// `age:30s`, those not modified for so long, and never the newest
    #[arg(long, value_name = "RULE", default_value = "last", value_parser = sealed)]
    sealed: SealedRule,
}

/// Runs `coldpress wal`.
pub fn run(args: &WalArgs, store: &StoreArgs) -> Result<(), Failure> {
    match &args.command {
        WalCommand::Put(args) => one::put(args, store),
        WalCommand::Get(args) => one::get(args, store),
        WalCommand::Archive(args) => archive::run(args, store),
        WalCommand::Verify(args) => check::verify(args, store),
        WalCommand::Restore(args) => restore::run(args, store),
        WalCommand::Status(args) => check::status(args, store),
        WalCommand::Rm(args) => rm::run(args, store),
    }
}

impl LogArgs {
    fn check(&self) -> Result<(), Failure> {
        let key = ObjectKey::wal(&KeyPrefix::default(), self.node.as_deref(), "x");
        key.map(drop).map_err(Failure::usage)
    }

    /// The store of the arguments, and the archive in it.
    fn open(&self, store: &StoreArgs) -> Result<(Store, WalArchiver), Failure> {
        self.check()?;
        let store = Store::open(store, LsnWidth::default())?;
        let archiver = WalArchiver::new(Arc::clone(store.shared()), self.node.as_deref())
            .map_err(Failure::usage)?;
        Ok((store, archiver))
    }
}

/// Reads a rule of what is finished.
pub(super) fn sealed(text: &str) -> Result<SealedRule, String> {
    match text {
        "last" => Ok(SealedRule::Last),
        "ready" => Ok(SealedRule::Ready),
        _ => match text.strip_prefix("age:") {
            Some(age) => {
                let ms = u64::try_from(duration(age)?.as_millis()).unwrap_or(u64::MAX);
                Ok(SealedRule::Age { ms })
            }
            None => Err("choose last, ready or age:TIME, such as age:30s".to_owned()),
        },
    }
}

/// As [`duration`], or 0.
fn duration_or_none(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        _ => duration(text),
    }
}

/// A time as people write it: `500ms`, `1s`, `5m`, `1h`, `7d`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ms: u64 = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("write a number with ms, s, m, h or d, such as 30s".to_owned()),
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .filter(|number| *number > 0)
        .and_then(|number| number.checked_mul(unit_ms))
        .map(Duration::from_millis)
        .ok_or_else(|| "write a whole number above 0 with ms, s, m, h or d, such as 30s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_times_are_read() {
        assert_eq!(sealed("age:2m"), Ok(SealedRule::Age { ms: 120_000 }));
        assert_eq!(sealed("last"), Ok(SealedRule::Last));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "5", "s", "0s", "-1s", "1.5s", "1 s", "1w", "99999999999999999999d", "é"] {
            assert!(duration(bad).is_err(), "{bad}");
            assert!(sealed(&format!("age:{bad}")).is_err(), "{bad}");
        }
        assert!(sealed("newest").is_err());
    }
}
