//! What the archive of a log asks its host to do, and what it has done.

use std::time::Duration;

#[cfg(doc)]
use super::WalPlan;
use super::names::SegmentNames;
use super::record::SegmentChecksum;
use super::segment::{ArchivedSegment, LocalSegment, SealedRule};
use crate::time::whole_ms;
use crate::{Error, Result};

/// How a log is archived: plain data, checked by [`WalPlan::new`](super::WalPlan::new).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalSettings {
    /// Which segments are finished. Default: all but the newest.
    pub sealed: SealedRule,
    /// How segments are named. Default: found from the names.
    pub names: Option<SegmentNames>,
    /// The most segments to work on in parallel. Default: 4.
    pub parallel: usize,
    /// Whether to delete a segment in the folder once it is archived and read back. Default: no.
    pub delete: bool,
    /// Whether to go on past segments that are neither in the folder nor archived. Default: no.
    pub past_gap: bool,
    /// The pause between looks for new segments. `None`: the plan ends once the segments of the
    /// folder are archived. Default: `None`.
    pub poll: Option<Duration>,
    /// The longest first pause after a failure, while watching; it doubles each time. Default: 500 ms.
    pub backoff: Duration,
    /// The longest pause that doubling leads to. Default: 30 s.
    pub backoff_max: Duration,
}

impl Default for WalSettings {
    fn default() -> Self {
        WalSettings {
            sealed: SealedRule::default(),
            names: None,
            parallel: 4,
            delete: false,
            past_gap: false,
            poll: None,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
        }
    }
}

impl WalSettings {
    pub(super) fn check(&self) -> Result<()> {
        let zero = [
            ("parallel", self.parallel == 0),
            ("poll", self.poll == Some(Duration::ZERO)),
            ("backoff", self.backoff.is_zero()),
        ];
        if let Some((name, _)) = zero.iter().find(|(_, is_zero)| *is_zero) {
            return Err(Error::settings(format!("{name} is 0; give more than 0")));
        }
        if self.delete && self.sealed == SealedRule::Ready {
            return Err(Error::settings(
                "delete is on together with the rule `ready`, but with that rule the database \
                 itself removes the segments that are marked .done; choose one of the two",
            ));
        }
        Ok(())
    }

    pub(super) fn poll_ms(&self) -> Option<u64> {
        self.poll.map(whole_ms)
    }

    /// Whether a segment must be read back before it counts as archived. It must if its file may be
    /// removed after that.
    pub(super) fn reads_back(&self) -> bool {
        self.delete || self.sealed == SealedRule::Ready
    }
}

/// What the host must do. `id` names the action in its answer. If an action fails, answer with
/// [`WalPlan::handle_failure`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalAction {
    /// Find the segments in the folder; answer with [`WalPlan::handle_scan`].
    Scan {
        /// The id for the answer.
        id: u64,
    },
    /// List the archive; answer with [`WalPlan::handle_listing`].
    List {
        /// The id for the answer.
        id: u64,
    },
    /// Read the segment, put its record and send its bytes, create-only. Make the object visible
    /// only after [`WalAction::Publish`] of the same `id`; then answer with
    /// [`WalPlan::handle_stored`].
    ///
    /// Put nothing if size or modification time differ from these, before or after the file is
    /// read: then the segment was not sealed, which is a failure. If the file is gone, answer with
    /// [`WalPlan::handle_vanished`].
    Put {
        /// The id for the answer.
        id: u64,
        /// What to put.
        segment: LocalSegment,
    },
    /// Make the object of [`WalAction::Put`] visible: the archive holds all segments before it.
    Publish {
        /// The id of that action. The answer is the answer to it.
        id: u64,
    },
    /// Check that the archive holds exactly this content: by its records if they
    /// [vouch](ArchivedSegment::vouches_for) for it, or else by reading it. Put the record if there
    /// is none. Answer as for `Put`. Other content is a failure of kind `Conflict`.
    Compare {
        /// The id for the answer.
        id: u64,
        /// The segment in the folder.
        segment: LocalSegment,
        /// The segment in the archive.
        archived: ArchivedSegment,
    },
    /// Read the segment back from the archive, whole; answer with [`WalPlan::handle_verified`].
    Verify {
        /// The id for the answer.
        id: u64,
        /// Its name.
        name: String,
        /// What its bytes must be.
        checksum: SegmentChecksum,
    },
    /// Delete the segment in the folder, if its size and modification time are still these; answer
    /// with [`WalPlan::handle_settled`], also if it is gone already.
    Delete {
        /// The id for the answer.
        id: u64,
        /// What to delete.
        segment: LocalSegment,
    },
    /// Rename `archive_status/NAME.ready` to `.done`; answer with [`WalPlan::handle_settled`], also
    /// if that is done already.
    MarkDone {
        /// The id for the answer.
        id: u64,
        /// The segment's name.
        name: String,
    },
    /// Nothing to do: this segment and all before it are archived.
    Archived(ArchivedNow),
    /// Stop this action if it is still under way. Its answer does not matter.
    Cancel {
        /// The id of the action to stop.
        id: u64,
    },
}

/// A segment that is archived. All segments before it are archived too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedNow {
    /// Its name.
    pub name: String,
    /// Its length and checksum.
    pub checksum: SegmentChecksum,
    /// Whether this plan stored it. `false` means that the same content lay there before.
    pub created: bool,
    /// Whether it was read back.
    pub verified: bool,
}

/// The results of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WalSummary {
    /// Segments that are archived, as far as this run has looked at them.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The segments that this run stored.
    pub created: u64,
    /// The segments that were read back.
    pub verified: u64,
    /// The segments that were settled: deleted in the folder, or marked `.done`.
    pub settled: u64,
}

/// What would be lost if this machine failed for good now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposure {
    /// The greatest possible age of a write that is not archived.
    pub age: Duration,
    /// The bytes of all segments that are not archived, also of the newest, unfinished one.
    pub bytes: u64,
    /// The number of these segments.
    pub segments: u64,
    /// The number of those that are finished and wait.
    pub waiting: u64,
    /// The bytes of the finished ones.
    pub waiting_bytes: u64,
    /// The number of finished segments that wait for an unfinished one before them.
    pub held: u64,
}
