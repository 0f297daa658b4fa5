//! Verifies the archive: reads every segment, and compares it with its record and with the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use coldpress_core::{
    ArchivedSegment, Gap, LocalSegment, SealedRule, SegmentChecksum, SegmentNames, SegmentPlace,
    WalPlan,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use crate::error::{Error, ErrorKind, Result};
use crate::time::{now_ms, whole_ms};
use crate::wal::archive::Archive;
use crate::wal::check::{SegmentCheck, SegmentState, scan, survey};
use crate::wal::segment_file::SegmentFile;

/// How many segments are read at a time.
const READS_AT_ONCE: usize = 4;
/// How many times missing segments are looked for again within the grace time.
const LOOKS: u32 = 20;
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Waits for this long. Tests replace it.
pub(super) type Pause = Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// One verification.
pub(super) struct Verify<'a> {
    pub(super) archive: &'a Archive<'a>,
    pub(super) names: Option<SegmentNames>,
    pub(super) folder: Option<(&'a Path, SealedRule)>,
    /// How long to wait for a missing segment that may be on its way.
    pub(super) grace: Duration,
    pub(super) pause: Pause,
}

/// The result of one look at a segment.
enum Looked {
    Found(SegmentCheck),
    /// It is not there, but may be on its way. This is its result once the grace time is over.
    Absent(SegmentCheck),
}

/// What is known of a segment before its object is read.
struct Known {
    name: String,
    here: Option<LocalSegment>,
    there: Option<ArchivedSegment>,
    /// Whether the file here is finished, so that the archive must hold its content.
    is_finished: bool,
    /// Why it need not be archived yet; `None` if it must be.
    not_due: Option<String>,
    /// Whether a later segment is archived, or has been finished for the grace time. Then waiting
    /// for this one is useless.
    is_overdue: bool,
    /// Whether others are archived before and after it, so that deleting it leaves a gap.
    is_between: bool,
}

impl Verify<'_> {
    /// As [`WalArchiver::verify`](super::WalArchiver::verify).
    pub(super) async fn run(
        &self,
        mut report: impl FnMut(&SegmentCheck) + Send,
    ) -> Result<Vec<SegmentCheck>> {
        let plan = self.survey().await?;
        let mut gaps = self.lasting_gaps(&plan).await?;
        let known = self.known(&plan);
        let mut looks = futures_util::stream::iter(known.into_iter().map(|known| async move {
            let looked = self.look(&known).await?;
            Ok::<_, Error>((known, looked))
        }))
        .buffered(READS_AT_ONCE);
        let (mut checks, mut absent) = (Vec::new(), Vec::new());
        while let Some(looked) = looks.next().await {
            let (known, looked) = looked?;
            if let Some(gap) = gaps.remove(&known.name) {
                let missing = SegmentCheck {
                    detail: gap.to_string(),
                    ..SegmentCheck::of(gap.first, None, SegmentState::Missing)
                };
                report(&missing);
                checks.push(missing);
            }
            match looked {
                Looked::Absent(check) if !known.is_overdue && !self.grace.is_zero() => {
                    absent.push((checks.len(), known));
                    checks.push(check);
                }
                Looked::Found(check) | Looked::Absent(check) => {
                    report(&check);
                    checks.push(check);
                }
            }
        }
        for (at, check) in self.look_again(absent).await? {
            report(&check);
            if let Some(place) = checks.get_mut(at) {
                *place = check;
            }
        }
        Ok(checks)
    }

    /// Folder and archive as they are now. The folder first: a segment that leaves it in the
    /// meantime is in the archive's listing.
    async fn survey(&self) -> Result<WalPlan> {
        let here = match self.folder {
            Some((folder, sealed)) => scan(folder, sealed).await?,
            None => Vec::new(),
        };
        let listed = self.archive.list().await?;
        self.archive.require_log(&listed).await?;
        survey(self.names, self.folder.map(|(_, sealed)| sealed).unwrap_or_default(), here, listed)
    }

    /// The gaps that two looks show, by the segment after each gap. One look is not enough: reading
    /// a folder while files are created and deleted can miss a file.
    async fn lasting_gaps(&self, plan: &WalPlan) -> Result<BTreeMap<String, Gap>> {
        let mut gaps = plan.gaps();
        if !gaps.is_empty() {
            let again = self.survey().await?.gaps();
            gaps.retain(|gap| again.iter().any(|other| other.before == gap.before));
        }
        Ok(gaps.into_iter().map(|gap| (gap.before.clone(), gap)).collect())
    }

    /// All segments in the folder or the archive, in order.
    fn known(&self, plan: &WalPlan) -> Vec<Known> {
        let sealed: BTreeSet<&str> = plan.sealed().map(|local| local.name.as_str()).collect();
        let here: BTreeMap<&str, &LocalSegment> =
            plan.here().map(|local| (local.name.as_str(), local)).collect();
        let there: BTreeMap<&str, &ArchivedSegment> =
            plan.archived().map(|segment| (segment.name.as_str(), segment)).collect();
        let order = plan.order();
        let mut names: Vec<&str> = here.keys().chain(there.keys()).copied().collect();
        names.sort_by_cached_key(|name| order.place(name));
        names.dedup();
        let (first, last) = ends_of(plan);
        // From the last one to the first: a later segment shows that an earlier one is overdue.
        let mut is_overdue = false;
        let mut known = Vec::with_capacity(names.len());
        for name in names.into_iter().rev() {
            let (here, there) = (here.get(name).copied(), there.get(name).copied());
            known.push(Known {
                name: name.to_owned(),
                here: here.cloned(),
                there: there.cloned(),
                is_finished: sealed.contains(name) || plan.holder_of(name).is_some(),
                not_due: here.and_then(|local| self.not_due(plan, local, sealed.contains(name))),
                is_overdue,
                is_between: first.as_ref().is_some_and(|first| *first < order.place(name))
                    && last.as_ref().is_some_and(|last| *last > order.place(name)),
            });
            let is_archived = there.is_some_and(|segment| segment.bytes.is_some());
            is_overdue |= order.place(name).is_segment()
                && (is_archived || here.is_some_and(|local| self.seals_those_before(local)));
        }
        known.reverse();
        known
    }

    /// Why a segment in the folder need not be archived yet.
    fn not_due(&self, plan: &WalPlan, local: &LocalSegment, is_sealed: bool) -> Option<String> {
        match plan.holder_of(&local.name) {
            Some(holder) => {
                let held = plan.held_up().into_iter().find(|held| held.by == holder);
                let why = held.map(|held| held.why.to_string()).unwrap_or_default();
                Some(format!("it waits for {holder}, which is not finished: {why}"))
            }
            None if !is_sealed => Some("it is not finished".to_owned()),
            None if self.is_young(local) => Some(format!(
                "it was written less than {} s ago and may be on its way (for the command: \
                --grace)",
                self.grace.as_secs()
            )),
            None => None,
        }
    }

    /// Whether the segments before this one have been finished for longer than the grace time.
    /// Under `ready` nothing shows this, because PostgreSQL finishes them by a mark without a time.
    fn seals_those_before(&self, local: &LocalSegment) -> bool {
        let by_time = self.folder.is_some_and(|(_, sealed)| sealed != SealedRule::Ready);
        by_time && !self.is_young(local)
    }

    /// Whether it may have been finished within the grace time. A time stamp in the future does not
    /// count.
    fn is_young(&self, local: &LocalSegment) -> bool {
        let sealed_ms = match self.folder {
            Some((_, SealedRule::Age { age })) => whole_ms(age),
            _ => 0,
        };
        let young_ms = sealed_ms.saturating_add(whole_ms(self.grace));
        local.age_ms < young_ms
            && local.modified_ms <= now_ms().saturating_add(whole_ms(self.grace))
    }

    async fn look(&self, known: &Known) -> Result<Looked> {
        let absent = |bytes, state, detail: &str| {
            Looked::Absent(SegmentCheck {
                detail: detail.to_owned(),
                ..SegmentCheck::of(known.name.clone(), bytes, state)
            })
        };
        let here_bytes = known.here.as_ref().map(|local| local.bytes);
        if let Some(there) = known.there.as_ref().filter(|there| there.bytes.is_some()) {
            return Ok(match self.read(there, known).await? {
                Some(check) => Looked::Found(check),
                None => {
                    absent(there.bytes, SegmentState::Missing, "it was deleted from the archive")
                }
            });
        }
        if let Some(check) = self.arrived_since(known).await? {
            return Ok(Looked::Found(check));
        }
        Ok(match (&known.here, &known.not_due) {
            (Some(_), Some(why)) => Looked::Found(SegmentCheck {
                detail: why.clone(),
                ..SegmentCheck::of(known.name.clone(), here_bytes, SegmentState::NotYetDue)
            }),
            (Some(_), None) => {
                absent(here_bytes, SegmentState::Missing, "it is finished and not archived")
            }
            // Only a record is there: the put that made it may still run.
            (None, _) => absent(
                None,
                SegmentState::Missing,
                "only its record is there: its put was interrupted, or the object was deleted",
            ),
        })
    }

    /// Looks again at missing segments, until they are there or the grace time is over.
    async fn look_again(&self, absent: Vec<(usize, Known)>) -> Result<Vec<(usize, SegmentCheck)>> {
        let pause = (self.grace / LOOKS).min(PAUSE_MAX).max(Duration::from_millis(1));
        let (mut absent, mut done) = (absent, Vec::new());
        let mut waited = Duration::ZERO;
        while !absent.is_empty() {
            let is_last = waited >= self.grace;
            let mut still = Vec::new();
            for (at, known) in absent {
                match self.look(&known).await? {
                    Looked::Absent(_) if !is_last => still.push((at, known)),
                    Looked::Found(check) | Looked::Absent(check) => done.push((at, check)),
                }
            }
            absent = still;
            if !absent.is_empty() {
                (self.pause)(pause).await;
                waited += pause;
            }
        }
        done.sort_by_key(|(at, _)| *at);
        Ok(done)
    }

    /// Checks a segment that was not in the listing: an archiver may have put it since.
    async fn arrived_since(&self, known: &Known) -> Result<Option<SegmentCheck>> {
        let key = self.archive.key(&known.name)?;
        let records = self.archive.records(&key).await?;
        let bytes = match self.archive.open(&key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?.bytes,
        };
        let there = ArchivedSegment {
            name: known.name.clone(),
            bytes: Some(bytes),
            modified_ms: 0,
            records,
            recorded_ms: 0,
        };
        self.read(&there, known).await
    }

    /// Reads an archived segment, and its file if that is still here. `None` if the segment is
    /// gone.
    async fn read(&self, there: &ArchivedSegment, known: &Known) -> Result<Option<SegmentCheck>> {
        let key = self.archive.key(&there.name)?;
        let found = match self.archive.read_back(&key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let own = match (&known.here, self.folder) {
            (Some(local), Some((folder, _))) if known.is_finished => {
                checksum_here(&folder.join(&local.name), local).await?
            }
            _ => None,
        };
        let rm = self.archive.removal_command(&there.name, known.is_between);
        let (state, detail) = judge(found, &there.records, own, &rm);
        Ok(Some(SegmentCheck {
            detail,
            ..SegmentCheck::of(there.name.clone(), there.bytes, state)
        }))
    }
}

/// The first and the last archived segment.
fn ends_of(plan: &WalPlan) -> (Option<SegmentPlace>, Option<SegmentPlace>) {
    let whole = plan.archived().filter(|segment| segment.bytes.is_some());
    let places = whole.map(|segment| plan.order().place(&segment.name));
    let places: BTreeSet<SegmentPlace> = places.filter(SegmentPlace::is_segment).collect();
    (places.first().cloned(), places.last().cloned())
}

/// The checksum of the file here; `None` if it was deleted or written to since the scan.
async fn checksum_here(path: &Path, local: &LocalSegment) -> Result<Option<SegmentChecksum>> {
    match SegmentFile::open(path, Some(local)).await {
        Ok(source) => Ok(Some(source.checksum())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unavailable) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Says which side is right: the object as it was `found`, its records, or the file here (`own`),
/// if there is one. `rm` is the command that deletes the object.
fn judge(
    found: SegmentChecksum,
    records: &[SegmentChecksum],
    own: Option<SegmentChecksum>,
    rm: &str,
) -> (SegmentState, String) {
    let put_as = || records.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    match own {
        _ if records.is_empty() => match own.filter(|own| *own != found) {
            None => {
                let detail =
                    "it has no record to compare it with; to add one, archive its file again";
                (SegmentState::Unrecorded, detail.to_owned())
            }
            Some(own) => (
                SegmentState::Damaged,
                format!(
                    "the object in the archive is {found}, the file here is {own}, and no record \
                    says which one is right; compare both with another copy"
                ),
            ),
        },
        None if records.contains(&found) => (SegmentState::Ok, String::new()),
        Some(own) if records.contains(&found) && own == found => (SegmentState::Ok, String::new()),
        Some(own) if records.contains(&found) => (
            SegmentState::LocalDiffers,
            format!(
                "the archive is intact: the object is {found}, as its record says; the file here \
                is {own}: it has changed since, or belongs to another log; keep the object, and \
                move the file away"
            ),
        ),
        Some(own) if records.contains(&own) => (
            SegmentState::Damaged,
            format!(
                "the object in the archive is {found}, and was put as {}; the file here is intact; \
                delete the object ({rm}), and archive the file again",
                put_as()
            ),
        ),
        Some(own) if own == found => (
            SegmentState::Damaged,
            format!(
                "the object and the file here are both {found}, and the record says {}; compare \
                them with another copy",
                put_as()
            ),
        ),
        Some(own) => (
            SegmentState::Damaged,
            format!(
                "the object in the archive is {found}, and was put as {}; the file here is {own}, \
                so it does not help; fetch the segment from another copy of the archive",
                put_as()
            ),
        ),
        None => (
            SegmentState::Damaged,
            format!(
                "the object in the archive is {found}, and was put as {}; restore its file from \
                the machine that wrote it, or from another copy of the archive",
                put_as()
            ),
        ),
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
