//! Whether the archive is whole, and what is not in it yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use coldpress_core::{
    ArchivedSegment, Exposure, Gap, LocalSegment, SealedRule, SegmentNames, WalAction, WalPlan,
    WalSettings,
};
use futures_util::StreamExt;

use super::archive::Archive;
use super::folder;
use super::source::Source;
use crate::grant::now_ms;
use crate::storage::blocking;
use crate::{Error, ErrorKind, Result};

/// Segments that are read at a time.
const READS_AT_ONCE: usize = 4;

/// What was found of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentCheck {
    /// Its name; of several that are missing in a row, the first one's.
    pub name: String,
    /// Its length, where it is anywhere.
    pub bytes: Option<u64>,
    /// What it is.
    pub state: SegmentState,
    /// Why, in words; empty where it is just as it should be.
    pub detail: String,
}

/// What a segment is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SegmentState {
    /// It is what its record says.
    Ok,
    /// It should be archived, and is not.
    Missing,
    /// It is not what its record says, or not what lies in the folder.
    Damaged,
    /// It has no record, so that only its presence is known.
    Unrecorded,
    /// It is not finished, or just being put.
    NotYetDue,
}

impl SegmentState {
    /// Its name in words.
    pub fn as_str(self) -> &'static str {
        match self {
            SegmentState::Ok => "ok",
            SegmentState::Missing => "missing",
            SegmentState::Damaged => "damaged",
            SegmentState::Unrecorded => "unrecorded",
            SegmentState::NotYetDue => "not yet due",
        }
    }

    /// Whether the log cannot be brought back whole.
    pub fn is_bad(self) -> bool {
        matches!(self, SegmentState::Missing | SegmentState::Damaged)
    }
}

/// What is archived, and what is at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalStatus {
    /// Segments in the archive.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The last of them in order, and when it was stored, in milliseconds since 1970.
    pub last: Option<(String, u64)>,
    /// What would be lost if this machine were lost now.
    pub exposure: Exposure,
    /// What is missing in the sequence, neither here nor archived.
    pub gaps: Vec<Gap>,
}

/// A plan that has seen folder and archive, and does nothing.
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

async fn scan(folder: &Path, sealed: SealedRule) -> Result<Vec<LocalSegment>> {
    let folder = folder.to_owned();
    blocking(move || folder::scan(&folder, sealed)).await
}

/// As [`WalArchiver::status`](super::WalArchiver::status).
pub(super) async fn status(
    archive: &Archive<'_>,
    names: Option<SegmentNames>,
    folder: &Path,
    sealed: SealedRule,
) -> Result<WalStatus> {
    // The folder first: what leaves it meanwhile is archived by then.
    let here = scan(folder, sealed).await?;
    let plan = survey(names, sealed, here, archive.list().await?)?;
    let held = || plan.archived().filter_map(|segment| Some((segment, segment.bytes?)));
    Ok(WalStatus {
        segments: held().count() as u64,
        bytes: held().map(|(_, bytes)| bytes).sum(),
        last: held().next_back().map(|(segment, _)| (segment.name.clone(), segment.modified_ms)),
        exposure: plan.exposure(now_ms()),
        gaps: plan.gaps(),
    })
}

/// As [`WalArchiver::verify`](super::WalArchiver::verify).
pub(super) async fn verify(
    archive: &Archive<'_>,
    names: Option<SegmentNames>,
    folder: Option<(&Path, SealedRule)>,
    mut told: impl FnMut(&SegmentCheck) + Send,
) -> Result<Vec<SegmentCheck>> {
    let sealed = folder.map(|(_, sealed)| sealed).unwrap_or_default();
    let here = match folder {
        Some((folder, sealed)) => scan(folder, sealed).await?,
        None => Vec::new(),
    };
    let plan = survey(names, sealed, here.clone(), archive.list().await?)?;
    let sealed_names: BTreeSet<String> = plan.sealed().map(|local| local.name.clone()).collect();
    let here: BTreeMap<String, LocalSegment> =
        here.into_iter().map(|local| (local.name.clone(), local)).collect();
    let mut gaps: BTreeMap<String, Gap> =
        plan.gaps().into_iter().map(|gap| (gap.before.clone(), gap)).collect();
    let there: BTreeMap<String, ArchivedSegment> =
        plan.archived().map(|segment| (segment.name.clone(), segment.clone())).collect();
    let last_held = plan.archived().rfind(|segment| segment.bytes.is_some());
    let last_held = last_held.map(|segment| plan.order().place(&segment.name));
    let order = plan.order();
    let mut names: Vec<&String> = there.keys().chain(here.keys()).collect();
    names.sort_by_key(|name| order.place(name));
    names.dedup();
    let look = |name: &String| {
        let (here, there) = (here.get(name).cloned(), there.get(name).cloned());
        let is_sealed = sealed_names.contains(name);
        let is_behind = last_held.as_ref().is_some_and(|last| order.place(name) > *last);
        let path = folder.map(|(folder, _)| folder.join(name));
        let name = name.clone();
        async move {
            match (there, here) {
                (Some(there), here) if there.bytes.is_some() => {
                    let here = here.filter(|_| is_sealed).zip(path);
                    archived(archive, &there, here).await
                }
                (_, Some(here)) if is_sealed => {
                    let late = arrived_since(archive, &name).await?;
                    Ok(late.unwrap_or_else(|| SegmentCheck {
                        detail: "it is finished and not archived".to_owned(),
                        ..SegmentCheck::of(name, Some(here.bytes), SegmentState::Missing)
                    }))
                }
                (_, Some(here)) => {
                    Ok(SegmentCheck::of(name, Some(here.bytes), SegmentState::NotYetDue))
                }
                // A record alone: the put it was made for may be under way.
                (_, None) => {
                    if let Some(late) = arrived_since(archive, &name).await? {
                        return Ok(late);
                    }
                    let state = match is_behind {
                        true => SegmentState::NotYetDue,
                        false => SegmentState::Missing,
                    };
                    let detail =
                        "only its record is there: its put was broken off, or is under way";
                    Ok(SegmentCheck {
                        detail: detail.to_owned(),
                        ..SegmentCheck::of(name, None, state)
                    })
                }
            }
        }
    };
    let mut checks = Vec::new();
    let mut found = futures_util::stream::iter(names.into_iter().map(look)).buffered(READS_AT_ONCE);
    while let Some(check) = found.next().await {
        let check = check?;
        if let Some(gap) = gaps.remove(&check.name) {
            let missing = SegmentCheck {
                detail: gap.to_string(),
                ..SegmentCheck::of(gap.first, None, SegmentState::Missing)
            };
            told(&missing);
            checks.push(missing);
        }
        told(&check);
        checks.push(check);
    }
    Ok(checks)
}

impl SegmentCheck {
    fn of(name: String, bytes: Option<u64>, state: SegmentState) -> Self {
        SegmentCheck { name, bytes, state, detail: String::new() }
    }
}

/// Reads an archived segment, and the file it was where that is still here.
async fn archived(
    archive: &Archive<'_>,
    there: &ArchivedSegment,
    here: Option<(LocalSegment, PathBuf)>,
) -> Result<SegmentCheck> {
    let check = |state, detail: String| SegmentCheck {
        detail,
        ..SegmentCheck::of(there.name.clone(), there.bytes, state)
    };
    let key = archive.key(&there.name)?;
    let found = match archive.read_back(&key).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(check(SegmentState::Missing, "it was deleted meanwhile".to_owned()));
        }
        other => other?,
    };
    if !there.records.is_empty() && !there.records.contains(&found) {
        let expected: Vec<String> = there.records.iter().map(ToString::to_string).collect();
        let detail = format!("it is {found}, and was put as {}", expected.join(" or "));
        return Ok(check(SegmentState::Damaged, detail));
    }
    if let Some((local, path)) = here {
        match Source::open(&path, Some(&local)).await.map(|source| source.checksum()) {
            Ok(own) if own != found => {
                let detail = format!("it is {found}, and the file in the folder is {own}");
                return Ok(check(SegmentState::Damaged, detail));
            }
            Ok(_) => {}
            // Deleted or written to since: then it says nothing.
            Err(error) if is_gone_or_new(&error) => {}
            Err(error) => return Err(error),
        }
    }
    match there.records.is_empty() {
        true => Ok(check(
            SegmentState::Unrecorded,
            "it has no record to compare it with; archiving its file again adds one".to_owned(),
        )),
        false => Ok(check(SegmentState::Ok, String::new())),
    }
}

/// A segment that was not in the listing: an archiver may have been at it just then.
async fn arrived_since(archive: &Archive<'_>, name: &str) -> Result<Option<SegmentCheck>> {
    let key = archive.key(name)?;
    let records = archive.records(&key).await?;
    let bytes = match archive.open(&key).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?.bytes,
    };
    let there = ArchivedSegment {
        name: name.to_owned(),
        bytes: Some(bytes),
        modified_ms: 0,
        records,
        recorded_ms: 0,
    };
    archived(archive, &there, None).await.map(Some)
}

fn is_gone_or_new(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unavailable)
}
