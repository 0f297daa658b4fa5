//! Drives core's `WalPlan` over a folder and a store.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use coldpress_core::{
    ArchivedSegment, LocalSegment, SegmentChecksum, WalAction, WalPlan, WalSettings, WalSummary,
};
use futures_util::future::{Either, select};
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::error::{Error, ErrorKind, Result};
use crate::store::outcome::PutOutcome;
use crate::threads::blocking;
use crate::time::{Clock, now_ms};
use crate::under_way::{UnderWay, until};
use crate::wal::archive::{Archive, PublishPermit, Recorded};
use crate::wal::event::WalEvent;
use crate::wal::folder;
use crate::wal::metrics;
use crate::wal::open_uploads::OpenUploads;

/// One run of an archiver over one folder. It performs what the plan asks for and reports the
/// results; the plan decides everything.
pub(super) struct Run<'a, Report> {
    archive: Archive<'a>,
    folder: PathBuf,
    settings: WalSettings,
    plan: WalPlan,
    report: &'a Report,
    clock: Clock,
    under_way: UnderWay<'a, ActionResult>,
    /// The permits of puts that must not become visible yet.
    permits: HashMap<u64, oneshot::Sender<()>>,
    open_uploads: Arc<OpenUploads>,
    in_trouble: bool,
    is_listed: bool,
    /// Segments that hold up others, and whether a second look has confirmed and reported that.
    holders: HashMap<String, bool>,
}

enum ActionResult {
    Scan(Result<Vec<LocalSegment>>),
    List(Result<Vec<ArchivedSegment>>),
    Stored(Result<(SegmentChecksum, bool)>, PathBuf),
    Verified(Result<SegmentChecksum>),
    Done(Result<u64>),
}

impl<'a, Report: Fn(WalEvent<'_>) + Send + Sync> Run<'a, Report> {
    pub(super) fn new(
        archive: Archive<'a>,
        folder: &Path,
        settings: WalSettings,
        report: &'a Report,
    ) -> Result<Self> {
        metrics::describe();
        let clock = Clock::new();
        let seed = RandomState::new().hash_one(folder);
        Ok(Run {
            archive,
            folder: folder.to_owned(),
            plan: WalPlan::new(settings.clone(), seed, clock.now_ms())?,
            settings,
            report,
            clock,
            under_way: UnderWay::new(),
            permits: HashMap::new(),
            open_uploads: Arc::default(),
            in_trouble: false,
            is_listed: false,
            holders: HashMap::new(),
        })
    }

    /// Runs to the end. `shutdown` and `drain` are as in
    /// [`WalArchiver::watch`](crate::WalArchiver::watch).
    pub(super) async fn drive(
        self,
        shutdown: impl Future<Output = ()> + Send,
        drain: Duration,
    ) -> Result<WalSummary> {
        let storage = self.archive.storage;
        let ended = self.run(shutdown, drain).await;
        // Segments that waited behind a failed one may have sent parts, which are being aborted.
        storage.place().cleanups_ended().await;
        ended
    }

    async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
        drain: Duration,
    ) -> Result<WalSummary> {
        let stop = async {
            shutdown.await;
            Woken::Stopped
        };
        let mut stop: Pin<Box<dyn Future<Output = Woken> + Send + '_>> = Box::pin(stop);
        let mut is_stopping = false;
        loop {
            while let Some(action) = self.plan.poll(self.now_ms()) {
                self.perform(action);
            }
            self.report_trouble();
            if let Some(outcome) = self.plan.outcome().cloned() {
                if self.settings.poll.is_none() {
                    self.report_held_up();
                }
                return Ok(outcome?);
            }
            match self.wait(&mut stop).await {
                Woken::Finished(id, result) => self.handle(id, result),
                Woken::Nothing => {}
                Woken::Stopped if is_stopping => return Err(self.cut_off(drain)),
                Woken::Stopped => {
                    is_stopping = true;
                    self.plan.shutdown();
                    stop = Box::pin(async move {
                        tokio::time::sleep(drain).await;
                        Woken::Stopped
                    });
                }
            }
        }
    }

    async fn wait(&mut self, stop: &mut Pin<Box<dyn Future<Output = Woken> + Send + '_>>) -> Woken {
        let timeout = pin!(until(self.plan.next_timeout(), &self.clock));
        let finished = pin!(self.under_way.ended());
        match select(finished, select(stop, timeout)).await {
            Either::Left(((id, result), _)) => Woken::Finished(id, result),
            Either::Right((Either::Left((woken, _)), _)) => woken,
            Either::Right((Either::Right(_), _)) => Woken::Nothing,
        }
    }

    fn perform(&mut self, action: WalAction) {
        let (id, work) = match action {
            WalAction::Publish { id } => {
                if let Some(permit) = self.permits.remove(&id) {
                    // A put that has ended in the meantime needs no permit.
                    let _ = permit.send(());
                }
                return;
            }
            WalAction::Cancel { id } => {
                self.permits.remove(&id);
                self.under_way.cancel(id);
                return;
            }
            WalAction::Archived(segment) => {
                let (name, checksum) = (&segment.name, segment.checksum);
                let created = segment.created;
                tracing::info!(segment = name, %checksum, created, "archived a segment");
                metrics::archived(&segment, now_ms());
                return (self.report)(WalEvent::Archived(&segment));
            }
            WalAction::Scan { id } => (id, self.scan()),
            WalAction::List { id } => (id, self.list()),
            WalAction::Put { id, segment } => {
                let (sender, permit) = oneshot::channel();
                self.permits.insert(id, sender);
                (id, self.put(segment, permit))
            }
            WalAction::Compare { id, segment, archived } => (id, self.compare(segment, archived)),
            WalAction::Verify { id, name, checksum } => (id, self.verify(name, checksum)),
            WalAction::Delete { id, segment } => (id, self.delete(segment)),
            WalAction::MarkDone { id, name } => (id, self.mark_done(name)),
        };
        self.under_way.start(id, work);
    }

    fn scan(&self) -> Working<'a> {
        let (folder, rule) = (self.folder.clone(), self.settings.sealed);
        Box::pin(
            async move { ActionResult::Scan(blocking(move || folder::scan(&folder, rule)).await) },
        )
    }

    fn list(&self) -> Working<'a> {
        let (archive, open_uploads) = (self.archive, Arc::clone(&self.open_uploads));
        let list = async move {
            let archived = archive.list().await?;
            open_uploads.look(&archive).await;
            open_uploads.sweep(&archive, &archived).await;
            Ok(archived)
        };
        Box::pin(async move { ActionResult::List(list.await) })
    }

    fn put(&self, segment: LocalSegment, permit: PublishPermit) -> Working<'a> {
        let (archive, path) = (self.archive, self.folder.join(&segment.name));
        let open_uploads = Arc::clone(&self.open_uploads);
        let span = tracing::info_span!("wal_put", segment = segment.name, bytes = segment.bytes);
        let work = async move {
            let put = async {
                let key = archive.key(&segment.name)?;
                let recorded = Recorded::Always;
                let put = archive.put(&key, &path, Some(&segment), recorded, Some(permit)).await?;
                metrics::stored(&put);
                open_uploads.stored(&archive, &key).await;
                Ok((put.checksum, put.outcome == PutOutcome::Created))
            };
            ActionResult::Stored(put.await, path.clone())
        };
        Box::pin(work.instrument(span))
    }

    fn compare(&self, segment: LocalSegment, archived: ArchivedSegment) -> Working<'a> {
        let (archive, path) = (self.archive, self.folder.join(&segment.name));
        let span =
            tracing::info_span!("wal_compare", segment = segment.name, bytes = segment.bytes);
        let work = async move {
            let same = archive.compare(&path, &segment, &archived).await;
            ActionResult::Stored(same.map(|checksum| (checksum, false)), path)
        };
        Box::pin(work.instrument(span))
    }

    fn verify(&self, name: String, checksum: SegmentChecksum) -> Working<'a> {
        let archive = self.archive;
        let span = tracing::info_span!("wal_verify", segment = name, bytes = checksum.bytes);
        let work = async move {
            let found = async { archive.read_back(&archive.key(&name)?).await };
            ActionResult::Verified(found.await)
        };
        Box::pin(work.instrument(span))
    }

    fn delete(&self, segment: LocalSegment) -> Working<'a> {
        let folder = self.folder.clone();
        let span = tracing::info_span!("wal_delete", segment = segment.name, bytes = segment.bytes);
        let delete = move || folder::delete(&folder, &segment).map(|()| segment.bytes);
        let work = async move {
            let deleted = blocking(delete).await;
            if let Ok(bytes) = &deleted {
                metrics::deleted(*bytes);
            }
            ActionResult::Done(deleted)
        };
        Box::pin(work.instrument(span))
    }

    fn mark_done(&self, name: String) -> Working<'a> {
        let folder = self.folder.clone();
        let marked = move || folder::mark_done(&folder, &name).map(|()| 0);
        Box::pin(async move { ActionResult::Done(blocking(marked).await) })
    }

    fn handle(&mut self, id: u64, result: ActionResult) {
        self.permits.remove(&id);
        let now_ms = self.now_ms();
        let failed = match result {
            ActionResult::Scan(Ok(segments)) => {
                self.plan.handle_scan(id, segments, now_ms);
                self.report_held_up();
                return self.show_exposure();
            }
            ActionResult::List(Ok(segments)) => {
                self.plan.handle_listing(id, segments, now_ms);
                self.report_gaps();
                return self.show_exposure();
            }
            ActionResult::Stored(Ok((checksum, created)), _) => {
                return self.plan.handle_stored(id, checksum, created, now_ms);
            }
            ActionResult::Stored(Err(error), path) => {
                if error.kind() == ErrorKind::NotFound && !path.exists() {
                    return self.plan.handle_vanished(id, now_ms);
                }
                error
            }
            ActionResult::Verified(Ok(found)) => {
                metrics::verified();
                return self.plan.handle_verified(id, found, now_ms);
            }
            ActionResult::Done(Ok(_)) => return self.plan.handle_settled(id, now_ms),
            ActionResult::Scan(Err(error)) | ActionResult::List(Err(error)) => error,
            ActionResult::Verified(Err(error)) | ActionResult::Done(Err(error)) => error,
        };
        metrics::failed(&failed);
        tracing::debug!(error = %failed, "a step of the archive failed");
        self.plan.handle_failure(id, failed.into_core(), now_ms);
    }

    /// Reports trouble and recovery: once per change, not once per try.
    fn report_trouble(&mut self) {
        match (self.plan.trouble(), self.in_trouble) {
            (Some(error), false) => {
                let error = Error::from(error.clone());
                tracing::warn!(%error, "could not archive the log; retrying");
                (self.report)(WalEvent::Trouble(&error));
            }
            (None, true) => {
                tracing::info!("the log is archived again");
                (self.report)(WalEvent::Recovered);
            }
            _ => return,
        }
        self.in_trouble = !self.in_trouble;
        self.show_exposure();
    }

    /// Reports the gaps in the archive that were there before. They stop nothing, so they are
    /// reported once.
    fn report_gaps(&mut self) {
        if std::mem::replace(&mut self.is_listed, true) {
            return;
        }
        if let Some(at_ms) = self.plan.archived().map(|segment| segment.modified_ms).max() {
            metrics::last_archived(at_ms);
        }
        for gap in self.plan.archived_gaps() {
            tracing::warn!(%gap, "the archive has a gap");
            (self.report)(WalEvent::Gap(&gap));
        }
    }

    /// Reports segments that hold up others, if two looks in a row show it: while a database marks
    /// its segments, one look can see a later mark and miss an earlier one.
    fn report_held_up(&mut self) {
        let mut holders = HashMap::new();
        for held in self.plan.held_up() {
            let seen = self.holders.get(&held.by).copied();
            if seen == Some(false) {
                tracing::warn!(%held, "a segment that is not finished holds up others");
                (self.report)(WalEvent::HeldUp(&held));
            }
            holders.insert(held.by, seen.is_some());
        }
        self.holders = holders;
    }

    fn show_exposure(&self) {
        // By the time of day, because the times of files are times of day.
        metrics::exposed(self.plan.exposure(now_ms()), self.in_trouble);
    }

    fn cut_off(&self, drain: Duration) -> Error {
        let message = format!(
            "the running work did not end within {} s and was stopped; nothing is lost; start \
            again, or allow more time (for the command: --drain)",
            drain.as_secs()
        );
        Error::new(ErrorKind::Aborted, message)
    }

    /// The time of day, by a clock that starts with the run and never goes backwards.
    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }
}

type Working<'a> = Pin<Box<dyn Future<Output = ActionResult> + Send + 'a>>;

enum Woken {
    Finished(u64, ActionResult),
    Stopped,
    /// The plan wants to be polled, or cancelled work has ended.
    Nothing,
}
