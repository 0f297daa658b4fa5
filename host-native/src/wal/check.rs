//! The state of a log: what is archived, and what would be lost with this machine.

use std::path::Path;
use std::time::SystemTime;

use coldpress_core::{
    ArchivedSegment, Exposure, Gap, HeldUp, LocalSegment, SealedRule, SegmentNames, WalAction,
    WalPlan, WalSettings,
};

use crate::error::Result;
use crate::threads::blocking;
use crate::time::{now_ms, system_time};
use crate::wal::archive::Archive;
use crate::wal::folder;
use crate::wal::missing::MissingRules;

/// The result of checking one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentCheck {
    /// Its name. If several are missing in a row, this is the first one.
    pub name: String,
    /// Its length, if it exists anywhere.
    pub bytes: Option<u64>,
    /// Its state.
    pub state: SegmentState,
    /// The reason, in words; empty if all is well.
    pub detail: String,
}

impl SegmentCheck {
    pub(super) fn of(name: String, bytes: Option<u64>, state: SegmentState) -> Self {
        SegmentCheck { name, bytes, state, detail: String::new() }
    }
}

/// The state of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SegmentState {
    /// It is what its record says.
    Ok,
    /// It should be archived, and it is not.
    Missing,
    /// The object in the archive is not what its record says.
    Damaged,
    /// The object in the archive is what its record says, and the file in the folder has other
    /// content. So the archive is right.
    LocalDiffers,
    /// It has no record, so nothing shows whether its content is right.
    Unrecorded,
    /// It need not be archived yet: it is not finished, it waits for one that is not finished, or
    /// it was finished so recently that it may be on its way.
    NotYetDue,
}

impl SegmentState {
    /// The state in words.
    pub fn as_str(self) -> &'static str {
        match self {
            SegmentState::Ok => "ok",
            SegmentState::Missing => "missing",
            SegmentState::Damaged => "damaged",
            SegmentState::LocalDiffers => "local differs",
            SegmentState::Unrecorded => "unrecorded",
            SegmentState::NotYetDue => "not yet due",
        }
    }

    /// Whether somebody must act: the log cannot be restored whole, or the file here is not what
    /// was archived.
    pub fn is_bad(self) -> bool {
        matches!(self, SegmentState::Missing | SegmentState::Damaged | SegmentState::LocalDiffers)
    }
}

/// What is archived, and what would be lost with this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalStatus {
    /// Segments in the archive.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The last of them in order, and when it was stored, by the store's clock.
    pub last: Option<(String, SystemTime)>,
    /// What would be lost if this machine were lost now.
    pub exposure: Exposure,
    /// The segments that are missing in the sequence: neither here nor archived.
    pub gaps: Vec<Gap>,
    /// Unfinished segments that hold up later, finished ones.
    pub held_up: Vec<HeldUp>,
}

/// A plan that has seen folder and archive. It answers questions and performs nothing.
pub(super) fn survey(
    names: Option<SegmentNames>,
    sealed: SealedRule,
    here: Vec<LocalSegment>,
    there: Vec<ArchivedSegment>,
) -> Result<WalPlan> {
    let now_ms = now_ms();
    let mut plan =
        WalPlan::new(WalSettings { names, sealed, ..WalSettings::default() }, 0, now_ms)?;
    if let Some(WalAction::Scan { id }) = plan.poll(now_ms) {
        plan.handle_scan(id, here, now_ms);
    }
    if let Some(WalAction::List { id }) = plan.poll(now_ms) {
        plan.handle_listing(id, there, now_ms);
    }
    match plan.failure() {
        Some(error) => Err(error.clone().into()),
        None => Ok(plan),
    }
}

/// The segments in the folder now.
pub(super) async fn scan(folder: &Path, sealed: SealedRule) -> Result<Vec<LocalSegment>> {
    let folder = folder.to_owned();
    blocking(move || folder::scan(&folder, sealed)).await
}

/// As [`WalArchiver::status`](super::WalArchiver::status).
pub(super) async fn status(
    archive: &Archive<'_>,
    names: Option<SegmentNames>,
    folder: &Path,
    sealed: SealedRule,
    missing: MissingRules,
) -> Result<WalStatus> {
    // The folder first: a segment that leaves it in the meantime is in the archive's listing.
    let here = scan(folder, sealed).await?;
    let listed = archive.list().await?;
    match missing.allow_empty {
        true => archive.require_folder().await?,
        false => archive.require_log(&listed).await?,
    }
    let plan = survey(names, sealed, here, listed)?;
    let held = || plan.archived().filter_map(|segment| Some((segment, segment.bytes?)));
    Ok(WalStatus {
        segments: held().count() as u64,
        bytes: held().map(|(_, bytes)| bytes).sum(),
        last: held()
            .next_back()
            .map(|(segment, _)| (segment.name.clone(), system_time(segment.modified_ms))),
        exposure: plan.exposure(now_ms()),
        gaps: plan.gaps(),
        held_up: plan.held_up(),
    })
}
