//! What happens while a log is archived.

use std::fmt;

use coldpress_core::{ArchivedNow, Gap, HeldUp};

use crate::Error;

/// What happens while a log is archived.
#[derive(Debug)]
#[non_exhaustive]
pub enum WalEvent<'e> {
    /// This segment and all before it are archived.
    Archived(&'e ArchivedNow),
    /// A gap that was there already, behind what is archived.
    Gap(&'e Gap),
    /// A segment that is not finished holds up later ones that are. Told once, where two looks show
    /// it.
    HeldUp(&'e HeldUp),
    /// It does not work now, and is tried again; told once, not for each try.
    Trouble(&'e Error),
    /// It works again.
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
            WalEvent::Trouble(error) => write!(f, "trying again: {error}"),
            WalEvent::Recovered => f.write_str("recovered"),
        }
    }
}
