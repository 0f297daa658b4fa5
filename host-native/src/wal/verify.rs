//! Whether the archive is whole: every segment read, compared with its record and with the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use coldpress_core::{
    ArchivedSegment, Gap, LocalSegment, SealedRule, SegmentChecksum, SegmentNames, SegmentPlace,
    WalPlan,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use super::archive::Archive;
use super::check::{SegmentCheck, SegmentState, scan, survey};
use super::source::Source;
use crate::grant::now_ms;
use crate::{Error, ErrorKind, Result};

/// Segments that are read at a time.
const READS_AT_ONCE: usize = 4;
/// The pauses between looks at what is missing, until the grace time is over: this much of it each.
const LOOKS: u32 = 20;
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Waits for so long.
pub(super) type Pause = Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// What is compared.
pub(super) struct Verify<'a> {
    pub(super) archive: &'a Archive<'a>,
    pub(super) names: Option<SegmentNames>,
    pub(super) folder: Option<(&'a Path, SealedRule)>,
    /// How long a segment may be missing before it counts as missing.
    pub(super) grace: Duration,
    pub(super) pause: Pause,
}

/// A segment after one look.
enum Looked {
    Found(SegmentCheck),
    /// It is not there. It may be on its way: this is what it counts as once the grace time is
    /// over.
    Absent(SegmentCheck),
}

/// What is known of one segment before the archive is read.
struct Known {
    name: String,
    here: Option<LocalSegment>,
    there: Option<ArchivedSegment>,
    /// Whether the file here is finished, so that it tells what the archive must hold.
    is_finished: bool,
    /// Why it need not be archived yet; none where it must.
    not_due: Option<String>,
    /// A later segment is archived, or has been finished for the grace time: waiting changes
    /// nothing.
    is_overdue: bool,
    /// Others are archived before and behind it: without it the archive has a gap.
    is_between: bool,
}

impl Verify<'_> {
    /// As [`WalArchiver::verify`](super::WalArchiver::verify).
    pub(super) async fn run(
        &self,
        mut told: impl FnMut(&SegmentCheck) + Send,
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
                told(&missing);
                checks.push(missing);
            }
            match looked {
                Looked::Absent(check) if !known.is_overdue && !self.grace.is_zero() => {
                    absent.push((checks.len(), known));
                    checks.push(check);
                }
                Looked::Found(check) | Looked::Absent(check) => {
                    told(&check);
                    checks.push(check);
                }
            }
        }
        for (at, check) in self.look_again(absent).await? {
            told(&check);
            if let Some(place) = checks.get_mut(at) {
                *place = check;
            }
        }
        Ok(checks)
    }

    /// Folder and archive as they are now. The folder first: what leaves it meanwhile is archived
    /// by then.
    async fn survey(&self) -> Result<WalPlan> {
        let here = match self.folder {
            Some((folder, sealed)) => scan(folder, sealed).await?,
            None => Vec::new(),
        };
        let listed = self.archive.list().await?;
        self.archive.check_listed(&listed).await?;
        survey(self.names, self.folder.map(|(_, sealed)| sealed).unwrap_or_default(), here, listed)
    }

    /// The gaps that a second look shows too, by the segment behind each: a folder in which files
    /// come and go can be read so that one is missed.
    async fn lasting_gaps(&self, plan: &WalPlan) -> Result<BTreeMap<String, Gap>> {
        let mut gaps = plan.gaps();
        if !gaps.is_empty() {
            let again = self.survey().await?.gaps();
            gaps.retain(|gap| again.iter().any(|other| other.before == gap.before));
        }
        Ok(gaps.into_iter().map(|gap| (gap.before.clone(), gap)).collect())
    }

    /// All segments that are here or there, in order.
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
        // From the last one back: whether anything behind it tells that it is overdue.
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

    /// Why a segment that is here need not be archived yet.
    fn not_due(&self, plan: &WalPlan, local: &LocalSegment, is_sealed: bool) -> Option<String> {
        match plan.holder_of(&local.name) {
            Some(holder) => {
                let held = plan.held_up().into_iter().find(|held| held.by == holder);
                let why = held.map(|held| held.why.to_string()).unwrap_or_default();
                Some(format!("it waits for {holder}, which is not finished: {why}"))
            }
            None if !is_sealed => Some("it is not finished".to_owned()),
            None if self.is_young(local) => Some(format!(
                "it was written less than {} s ago, and may be on its way (for the command: --grace)",
                self.grace.as_secs()
            )),
            None => None,
        }
    }

    /// Whether those before this one have been finished for longer than the grace time. Under
    /// `ready` that is when PostgreSQL has marked them, which nothing here tells.
    fn seals_those_before(&self, local: &LocalSegment) -> bool {
        let by_time = self.folder.is_some_and(|(_, sealed)| sealed != SealedRule::Ready);
        by_time && !self.is_young(local)
    }

    /// Whether it may have been finished within the grace time. A time stamp in the future says
    /// nothing.
    fn is_young(&self, local: &LocalSegment) -> bool {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let sealed_ms = match self.folder {
            Some((_, SealedRule::Age { ms })) => ms,
            _ => 0,
        };
        let young_ms = sealed_ms.saturating_add(ms(self.grace));
        local.age_ms < young_ms && local.modified_ms <= now_ms().saturating_add(ms(self.grace))
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
            // A record alone: the put it was made for may be under way.
            (None, _) => absent(
                None,
                SegmentState::Missing,
                "only its record is there: its put was broken off, or the object was deleted",
            ),
        })
    }

    /// Looks again at what was not there, until it is or the grace time is over.
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

    /// A segment that was not in the listing: an archiver may have been at it just then.
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

    /// Reads an archived segment, and the file it was where that is still here. None where it is
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

/// The first and the last segment that is archived.
fn ends_of(plan: &WalPlan) -> (Option<SegmentPlace>, Option<SegmentPlace>) {
    let whole = plan.archived().filter(|segment| segment.bytes.is_some());
    let places = whole.map(|segment| plan.order().place(&segment.name));
    let places: BTreeSet<SegmentPlace> = places.filter(SegmentPlace::is_segment).collect();
    (places.first().cloned(), places.last().cloned())
}

/// The checksum of the file here; none where it was deleted or written to since.
async fn checksum_here(path: &Path, local: &LocalSegment) -> Result<Option<SegmentChecksum>> {
    match Source::open(path, Some(local)).await {
        Ok(source) => Ok(Some(source.checksum())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unavailable) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Which side is right: the object as it was `found`, its records, and the file here where there is
/// one. `rm` is the command that deletes the object.
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
                    "it has no record to compare it with; archiving its file again adds one";
                (SegmentState::Unrecorded, detail.to_owned())
            }
            Some(own) => (
                SegmentState::Damaged,
                format!(
                    "the object in the archive is {found}, the file here is {own}, and no record says which is right; compare both with another copy"
                ),
            ),
        },
        None if records.contains(&found) => (SegmentState::Ok, String::new()),
        Some(own) if records.contains(&found) && own == found => (SegmentState::Ok, String::new()),
        Some(own) if records.contains(&found) => (
            SegmentState::LocalDiffers,
            format!(
                "the archive is intact: the object is {found}, as its record says; the file here is {own}: it was changed since, or is of another log; keep the object, and move the file away"
            ),
        ),
        Some(own) if records.contains(&own) => (
            SegmentState::Damaged,
            format!(
                "the object in the archive is {found}, and was put as {}; the file here is intact: delete the object ({rm}), and archive the file again",
                put_as()
            ),
        ),
        Some(own) if own == found => (
            SegmentState::Damaged,
            format!(
                "object and file here are both {found}, and the record says {}; compare them with another copy",
                put_as()
            ),
        ),
        Some(own) => (
            SegmentState::Damaged,
            format!(
                "the object in the archive is {found}, and was put as {}; the file here is {own}, so that it does not help; fetch the segment from another copy of the archive",
                put_as()
            ),
        ),
        None => (
            SegmentState::Damaged,
            format!(
                "the object in the archive is {found}, and was put as {}; bring its file back from where it was written, or from another copy of the archive",
                put_as()
            ),
        ),
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
