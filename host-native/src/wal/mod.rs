//! The archive of a write-ahead log: from a folder of segments on this machine into the store.

pub(crate) mod archive;
mod check;
mod drive;
mod event;
mod folder;
mod metrics;
mod missing;
mod open_uploads;
mod presence;
mod remove;
mod restore;
mod segment;
mod segment_file;
mod verify;

use std::future::{Future, pending};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coldpress_core::{SealedRule, SegmentChecksum, SegmentNames, WalSettings, WalSummary};

pub use archive::SegmentPut;
pub use check::{SegmentCheck, SegmentState, WalStatus};
pub use event::WalEvent;
pub use remove::{WalRemoval, WalRemoved};
pub use restore::{WalRange, WalRestored};

use crate::error::Result;
use crate::storage::cold_storage::ColdStorage;
use crate::wal::archive::{Archive, Recorded};
use crate::wal::drive::Run;
use crate::wal::missing::MissingRules;
use crate::wal::verify::Verify;

/// How long [`WalArchiver::verify`] waits for a segment that may be on its way.
const GRACE: Duration = Duration::from_secs(60);

/// Archives the write-ahead log of one node, checks the archive, and restores the log.
///
/// Segments are stored unchanged under `{prefix}wal/`, or `{prefix}wal/{node}/` with a node. Beside
/// each is its record, whose name holds length and CRC-32C. Segments are sent side by side and
/// become visible in order, so the archive has no gap that the log does not have. All state is in
/// the folder and the store: you may kill the process at any point and start it again, and drop
/// every future at any point.
///
/// Each segment has a `tracing` span while it is worked on. The `metrics` facade gets
/// `coldpress_wal_…` counters and gauges; install a recorder to see them.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use coldpress::ColdStorage;
/// # use tokio::sync::oneshot::Receiver;
/// # async fn example(storage: Arc<ColdStorage>, stop: Receiver<()>) -> coldpress::Result<()> {
/// use std::{path::Path, time::Duration};
/// use coldpress::{WalArchiver, WalEvent, WalSettings};
///
/// let archiver = WalArchiver::new(storage, Some("db-1"))?;
/// let poll = Some(Duration::from_secs(1));
/// let settings = WalSettings { delete: true, poll, ..WalSettings::default() };
/// let stopped = async { drop(stop.await) };
/// let report = |event: WalEvent<'_>| println!("{event}");
/// let (folder, drain) = (Path::new("/var/lib/app/wal"), Duration::from_secs(10));
/// archiver.watch(folder, &settings, report, stopped, drain).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WalArchiver {
    storage: Arc<ColdStorage>,
    node: Option<String>,
    names: Option<SegmentNames>,
    grace: Duration,
    missing: MissingRules,
}

impl WalArchiver {
    /// The archive of this node's log in this store. With `None`, the store has one log without a
    /// node. Sends no request.
    pub fn new(storage: Arc<ColdStorage>, node: Option<&str>) -> Result<Self> {
        let archiver = WalArchiver {
            storage,
            node: node.map(str::to_owned),
            names: None,
            grace: GRACE,
            missing: MissingRules::default(),
        };
        archiver.archive_of().key("x")?;
        Ok(archiver)
    }

    /// Sets how segments are named. Default: detected from their names.
    pub fn named(mut self, names: Option<SegmentNames>) -> Self {
        self.names = names;
        self
    }

    /// Sets how long [`verify`](Self::verify) waits for a segment that may be on its way, before it
    /// counts as missing. Default: 60 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets whether [`get`](Self::get) and [`status`](Self::status) accept an archive without any
    /// segment, for a standby that starts before its primary has archived anything. Default: no,
    /// that is an error.
    pub fn allow_empty(mut self, allow_empty: bool) -> Self {
        self.missing.allow_empty = allow_empty;
        self
    }

    /// Sets whether [`get`](Self::get) takes a gap in the middle of the log for its end. Default:
    /// no, that is an error.
    pub fn past_gap(mut self, past_gap: bool) -> Self {
        self.missing.past_gap = past_gap;
        self
    }

    /// Puts one segment and its record, for PostgreSQL's `archive_command`. Putting the same
    /// content again is success; other content is [`Conflict`](crate::ErrorKind::Conflict).
    pub async fn put(&self, path: &Path, name: &str) -> Result<SegmentPut> {
        let archive = self.archive_of();
        let put = archive.put(&archive.key(name)?, path, None, Recorded::Always, None).await?;
        metrics::stored(&put);
        let SegmentPut { checksum, outcome } = put;
        tracing::info!(segment = name, %checksum, ?outcome, "archived a segment");
        Ok(put)
    }

    /// Writes one segment to a file, for PostgreSQL's `restore_command`. The segment is verified by
    /// its record, synced, and renamed into place. An existing file is replaced; a folder, a device
    /// or a pipe is an error.
    ///
    /// An error of kind [`NotFound`](crate::ErrorKind::NotFound) means that the log ends there: the
    /// archive was reached, holds this log, and has no segment with that name. Errors of other
    /// kinds are: a missing folder or bucket, an archive without any segment of this log, a segment
    /// that is missing between two others, and a segment of which only the record is there. If that
    /// record is younger than 30 s, this call waits for the segment.
    ///
    /// Returns `None` for a segment without a record: then only its length was checked.
    pub async fn get(&self, name: &str, to: &Path) -> Result<Option<SegmentChecksum>> {
        restore::get(&self.archive_of(), name, to, self.missing).await
    }

    /// Archives the segments that are sealed in this folder now, and returns. Ignores
    /// `settings.poll`.
    pub async fn archive(
        &self,
        folder: &Path,
        settings: &WalSettings,
        report: impl Fn(WalEvent<'_>) + Send + Sync,
    ) -> Result<WalSummary> {
        let settings = WalSettings { poll: None, ..self.settings(settings) };
        Run::new(self.archive_of(), folder, settings, &report)?
            .drive(pending(), Duration::MAX)
            .await
    }

    /// Archives segments as they are sealed in this folder, until `shutdown` ends. Then the running
    /// work may take up to `drain` to end, and is aborted after that. Aborted work is not lost: the
    /// next run does it again.
    ///
    /// Retries for ever if the store does not answer. Stops at once at a conflict, a gap, damage or
    /// a refusal.
    pub async fn watch(
        &self,
        folder: &Path,
        settings: &WalSettings,
        report: impl Fn(WalEvent<'_>) + Send + Sync,
        shutdown: impl Future<Output = ()> + Send,
        drain: Duration,
    ) -> Result<WalSummary> {
        let mut settings = self.settings(settings);
        settings.poll = settings.poll.or(Some(Duration::from_secs(1)));
        Run::new(self.archive_of(), folder, settings, &report)?.drive(shutdown, drain).await
    }

    /// Reads every archived segment, and compares it with its record. With the folder of the log,
    /// also compares it with the file there, and finds segments that are not archived.
    ///
    /// Looks again for missing segments until the grace time is over. An archive without any
    /// segment is an error if a node was given, if there are other logs, or if the store's folder
    /// is missing; otherwise the result is empty.
    pub async fn verify(
        &self,
        folder: Option<(&Path, SealedRule)>,
        report: impl FnMut(&SegmentCheck) + Send,
    ) -> Result<Vec<SegmentCheck>> {
        let archive = self.archive_of();
        let verify = Verify {
            archive: &archive,
            names: self.names,
            folder,
            grace: self.grace,
            pause: Box::new(|time| Box::pin(tokio::time::sleep(time))),
        };
        verify.run(report).await
    }

    /// Restores the segments of a range into a folder, in order. Each is verified before it gets
    /// its name. A file with the same content is left as it is; other content is
    /// [`Conflict`](crate::ErrorKind::Conflict). A gap within the range is
    /// [`NotFound`](crate::ErrorKind::NotFound), before anything is written.
    pub async fn restore(
        &self,
        to: &Path,
        range: &WalRange,
        report: impl FnMut(&WalRestored) + Send,
    ) -> Result<Vec<WalRestored>> {
        restore::restore(&self.archive_of(), self.names, to, range, report).await
    }

    /// Deletes segments and their records from the archive: a segment that was archived under a
    /// wrong name, or a damaged one that will be archived again. Without [`WalRemoval::delete`],
    /// this only reports what it would delete. All names are checked first: a missing one is
    /// [`NotFound`](crate::ErrorKind::NotFound), and a new gap that is not allowed is
    /// [`Conflict`](crate::ErrorKind::Conflict).
    pub async fn remove(
        &self,
        names: &[String],
        rules: WalRemoval,
        report: impl FnMut(&WalRemoved) + Send,
    ) -> Result<Vec<WalRemoved>> {
        remove::remove(&self.archive_of(), self.names, names, rules, report).await
    }

    /// What is archived, and what would be lost with this machine now.
    pub async fn status(&self, folder: &Path, sealed: SealedRule) -> Result<WalStatus> {
        check::status(&self.archive_of(), self.names, folder, sealed, self.missing).await
    }

    fn settings(&self, settings: &WalSettings) -> WalSettings {
        WalSettings { names: self.names.or(settings.names), ..settings.clone() }
    }

    fn archive_of(&self) -> Archive<'_> {
        Archive { storage: &self.storage, node: self.node.as_deref() }
    }
}
