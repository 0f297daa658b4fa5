//! Events of archiving a log.

use std::fmt;

use coldpress_core::{ArchivedNow, Gap, HeldUp};

use crate::error::Error;

/// An event of archiving a log.
#[derive(Debug)]
#[non_exhaustive]
pub enum WalEvent<'e> {
    /// This segment and all segments before it are archived.
    Archived(&'e ArchivedNow),
    /// The archive has a gap that was there before this run.
    Gap(&'e Gap),
    /// An unfinished segment holds up later, finished ones. Reported once, after two looks show it.
    HeldUp(&'e HeldUp),
    /// Archiving fails now, and is retried. Reported once, not for each try.
    Trouble(&'e Error),
    /// Archiving works again.
    Recovered,
}

impl fmt::Display for WalEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WalEvent::Archived(segment) => {
                let how = if segment.created { "archived" } else { "already archived" };
                write!(f, "{how} {} ({} bytes)", segment.name, segment.checksum.bytes)
            }
            WalEvent::Gap(gap) => write!(f, "{gap}"),
            WalEvent::HeldUp(held) => write!(f, "{held}"),
            WalEvent::Trouble(error) => write!(f, "retrying: {error}"),
            WalEvent::Recovered => f.write_str("recovered"),
        }
    }
}
