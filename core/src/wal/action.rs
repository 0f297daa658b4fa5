//! What an archive of a log wants done, and how far it is.

#[cfg(doc)]
use super::WalPlan;
use super::names::SegmentNames;
use super::record::SegmentChecksum;
use super::segment::{ArchivedSegment, LocalSegment, SealedRule};
use crate::{Error, Result};

/// How a log is archived: plain data, checked by [`WalPlan::new`](super::WalPlan::new).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalSettings {
    /// Which segments are finished. Default: all but the newest.
    pub sealed: SealedRule,
    /// How segments are named. Default: told from the names.
    pub names: Option<SegmentNames>,
    /// The most segments that are worked on at a time. Default: 4.
    pub parallel: usize,
    /// Whether to delete a segment here once it is archived and read back. Default: no.
    pub delete: bool,
    /// Whether to go on past segments that are neither here nor archived. Default: no.
    pub past_gap: bool,
    /// How often to look for new segments; `None` ends once what is there is archived. Default: `None`.
    pub poll_ms: Option<u64>,
    /// The longest first pause after a failure, while watching; it doubles each time. Default: 500.
    pub backoff_ms: u64,
    /// The longest pause that doubling leads to. Default: 30,000.
    pub backoff_max_ms: u64,
}

impl Default for WalSettings {
    fn default() -> Self {
        WalSettings {
            sealed: SealedRule::default(),
            names: None,
            parallel: 4,
            delete: false,
            past_gap: false,
            poll_ms: None,
            backoff_ms: 500,
            backoff_max_ms: 30_000,
        }
    }
}

impl WalSettings {
    pub(super) fn check(&self) -> Result<()> {
        let zero = [
            ("parallel", self.parallel == 0),
            ("poll_ms", self.poll_ms == Some(0)),
            ("backoff_ms", self.backoff_ms == 0),
        ];
        if let Some((name, _)) = zero.iter().find(|(_, is_zero)| *is_zero) {
            return Err(Error::settings(format!("{name} is 0; give at least 1")));
        }
        if self.delete && self.sealed == SealedRule::Ready {
            return Err(Error::settings(
                "delete is on, and so is the rule `ready`, under which the database itself takes away what is marked .done; choose one",
            ));
        }
        Ok(())
    }

    /// Whether a segment is read back before it counts as archived: wherever its file may go then.
    pub(super) fn reads_back(&self) -> bool {
        self.delete || self.sealed == SealedRule::Ready
    }
}

/// What the host is to do. `id` names the action in its answer; any may be answered by
/// [`WalPlan::handle_failure`] instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalAction {
    /// Look what segments are in the folder; answer with [`WalPlan::handle_scan`].
    Scan {
        /// Of the answer.
        id: u64,
    },
    /// List the archive; answer with [`WalPlan::handle_listing`].
    List {
        /// Of the answer.
        id: u64,
    },
    /// Read the segment, put its record and send its bytes, create-only, but let the store show them only after
    /// [`WalAction::Publish`] of the same `id`; answer with [`WalPlan::handle_stored`] once it does. Nothing may be put where
    /// size or modification time are, or become while it is read, others than these: it was not sealed, which is a
    /// failure. Where the file is gone, [`WalPlan::handle_vanished`].
    Put {
        /// Of the answer.
        id: u64,
        /// What to put.
        segment: LocalSegment,
    },
    /// What was begun as [`WalAction::Put`] may be seen from now on: the archive holds all before it.
    Publish {
        /// As in the action that began it, which is what is answered.
        id: u64,
    },
    /// See that the archive holds just this content, by its records where they
    /// [vouch](ArchivedSegment::vouches_for) for it, or else by reading it, and put the record where there is none; answer as for `Put`. Other content is a failure of kind `Conflict`.
    Compare {
        /// Of the answer.
        id: u64,
        /// What is here.
        segment: LocalSegment,
        /// What is there.
        archived: ArchivedSegment,
    },
    /// Read the segment back from the archive, whole; answer with [`WalPlan::handle_verified`].
    Verify {
        /// Of the answer.
        id: u64,
        /// Its name.
        name: String,
        /// What its bytes must be.
        checksum: SegmentChecksum,
    },
    /// Delete the segment here, if size and modification time are still these; answer with
    /// [`WalPlan::handle_settled`], also where it is gone already.
    Delete {
        /// Of the answer.
        id: u64,
        /// What to delete.
        segment: LocalSegment,
    },
    /// Rename `archive_status/NAME.ready` to `.done`; answer with [`WalPlan::handle_settled`], also
    /// where that has been done already.
    MarkDone {
        /// Of the answer.
        id: u64,
        /// The segment's name.
        name: String,
    },
    /// Nothing to do: this segment and all before it are archived.
    Archived(ArchivedNow),
    /// Break this action off, if it is still under way. Its answer does not matter.
    Cancel {
        /// As in the action that began it.
        id: u64,
    },
}

/// A segment that has come to be archived, with all before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedNow {
    /// Its name.
    pub name: String,
    /// Its length and checksum.
    pub checksum: SegmentChecksum,
    /// Whether this plan is known to have stored it; `false`: the same content lay there.
    pub created: bool,
    /// Whether it was read back.
    pub verified: bool,
}

/// What a run has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WalSummary {
    /// Segments that are archived, as far as this run has looked at them.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those among them that this run stored.
    pub created: u64,
    /// Those that were read back.
    pub verified: u64,
    /// Those that were deleted here, or marked `.done`.
    pub settled: u64,
}

/// What would be lost if this machine were lost now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposure {
    /// How far back the oldest write that is not archived may lie.
    pub ms: u64,
    /// The size of all segments that are not archived, the newest, unfinished one too.
    pub bytes: u64,
    /// How many these are.
    pub segments: u64,
    /// Those among them that are finished, and wait.
    pub waiting: u64,
    /// The bytes of those.
    pub waiting_bytes: u64,
    /// How many of those wait because a segment before them is not finished.
    pub held: u64,
}
