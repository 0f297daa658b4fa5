//! The arguments that the commands of `coldpress wal` share.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use coldpress::{SealedRule, SegmentNames, WalArchiver};
use coldpress_core::{KeyPrefix, LsnWidth, ObjectKey};

use crate::failure::Failure;
use crate::store::{Store, StoreArgs};

/// Which log it is, and how its segments are named.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// The node that writes the log, if the store has the logs of several nodes
    #[arg(long, value_name = "NAME")]
    pub(super) node: Option<String>,
    /// Print JSON instead of text
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct NamesArgs {
    /// How segments are named: postgres, number (at the end, or before an extension) or any
    /// [default: found from the names]
    #[arg(long, value_name = "HOW")]
    pub(super) names: Option<SegmentNames>,
}

#[derive(Debug, Args)]
pub(super) struct SealedArgs {
    /// Which segments are finished. `last`: all but the newest. `ready`: those that PostgreSQL
    /// marks in archive_status. `age:30s`: those not modified for 30 s, and never the newest
    #[arg(long, value_name = "RULE", default_value = "last", value_parser = sealed)]
    pub(super) sealed: SealedRule,
}

impl LogArgs {
    pub(super) fn check(&self) -> Result<(), Failure> {
        let key = ObjectKey::wal(&KeyPrefix::default(), self.node.as_deref(), "x");
        key.map(drop).map_err(Failure::usage)
    }

    /// Opens the store of the arguments, and the archive in it.
    pub(super) fn open(&self, store: &StoreArgs) -> Result<(Store, WalArchiver), Failure> {
        self.check()?;
        let store = Store::open(store, LsnWidth::default())?;
        let archiver = WalArchiver::new(Arc::clone(store.shared()), self.node.as_deref())
            .map_err(Failure::usage)?;
        Ok((store, archiver))
    }
}

/// Parses `--sealed`.
pub(crate) fn sealed(text: &str) -> Result<SealedRule, String> {
    match text {
        "last" => Ok(SealedRule::Last),
        "ready" => Ok(SealedRule::Ready),
        _ => match text.strip_prefix("age:") {
            Some(age) => Ok(SealedRule::Age { age: duration(age)? }),
            None => Err("write last, ready or age:TIME, such as age:30s".to_owned()),
        },
    }
}

/// Like [`duration`], and also takes 0.
pub(super) fn duration_or_none(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        _ => duration(text),
    }
}

/// Parses a duration: `500ms`, `1s`, `5m`, `1h`, `7d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
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
        assert_eq!(sealed("age:2m"), Ok(SealedRule::Age { age: Duration::from_secs(120) }));
        assert_eq!(sealed("last"), Ok(SealedRule::Last));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["", "5", "s", "0s", "-1s", "1.5s", "1 s", "1w", "99999999999999999999d", "é"] {
            assert!(duration(bad).is_err(), "{bad}");
            assert!(sealed(&format!("age:{bad}")).is_err(), "{bad}");
        }
        assert!(sealed("newest").is_err());
    }
}
