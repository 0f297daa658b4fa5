//! Drives the core's plan over a folder and a store.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coldpress_core::{
    ArchivedSegment, LocalSegment, SegmentChecksum, WalAction, WalPlan, WalSettings, WalSummary,
};
use futures_util::future::{AbortHandle, Aborted, Either, abortable, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;
use tracing::Instrument;

use super::archive::{Archive, Recorded, Turn};
use super::event::WalEvent;
use super::left::Left;
use super::{folder, metrics};
use crate::grant::now_ms;
use crate::storage::blocking;
use crate::{Error, ErrorKind, PutOutcome, Result};

/// One run over one folder.
pub(super) struct Run<'a, Told> {
    archive: Archive<'a>,
    folder: PathBuf,
    settings: WalSettings,
    plan: WalPlan,
    told: &'a Told,
    begun: (u64, Instant),
    under_way: FuturesUnordered<UnderWay<'a>>,
    handles: HashMap<u64, AbortHandle>,
    /// Of puts that may not be seen yet.
    turns: HashMap<u64, oneshot::Sender<()>>,
    left: Arc<Left>,
    in_trouble: bool,
    is_listed: bool,
    /// Segments that hold up others, and whether that was told.
    holders: HashMap<String, bool>,
}

type UnderWay<'a> = Pin<Box<dyn Future<Output = Result<(u64, Answer), Aborted>> + Send + 'a>>;

enum Answer {
    Scan(Result<Vec<LocalSegment>>),
    List(Result<Vec<ArchivedSegment>>),
    Stored(Result<(SegmentChecksum, bool)>, PathBuf),
    Verified(Result<SegmentChecksum>),
    Settled(Result<u64>),
}

impl<'a, Told: Fn(WalEvent<'_>) + Send + Sync> Run<'a, Told> {
    pub(super) fn new(
        archive: Archive<'a>,
        folder: &Path,
        settings: WalSettings,
        told: &'a Told,
    ) -> Result<Self> {
        metrics::describe();
        let begun = (now_ms(), Instant::now());
        let seed = RandomState::new().hash_one(folder);
        Ok(Run {
            archive,
            folder: folder.to_owned(),
            plan: WalPlan::new(settings.clone(), seed, begun.0)?,
            settings,
            told,
            begun,
            under_way: FuturesUnordered::new(),
            handles: HashMap::new(),
            turns: HashMap::new(),
            left: Arc::default(),
            in_trouble: false,
            is_listed: false,
            holders: HashMap::new(),
        })
    }

    /// Runs to the end; `shutdown` and `drain` are [`WalArchiver::watch`](super::WalArchiver::watch)'s.
    pub(super) async fn drive(
        self,
        shutdown: impl Future<Output = ()> + Send,
        drain: Duration,
    ) -> Result<WalSummary> {
        let storage = self.archive.storage;
        let ended = self.run(shutdown, drain).await;
        // Of segments that waited behind a failure, parts may have been sent.
        storage.tied_up().await;
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
            self.tell_trouble();
            if let Some(outcome) = self.plan.outcome().cloned() {
                if self.settings.poll_ms.is_none() {
                    self.tell_held_up();
                }
                return Ok(outcome?);
            }
            match self.wait(&mut stop).await {
                Woken::Answered(id, answer) => self.hear(id, answer),
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
        let wait_ms = self.plan.next_timeout().map(|at| at.saturating_sub(self.now_ms()));
        let answered = async {
            match self.under_way.next().await {
                Some(Ok((id, answer))) => Woken::Answered(id, answer),
                Some(Err(Aborted)) => Woken::Nothing,
                None => pending().await,
            }
        };
        let timeout = async {
            match wait_ms {
                // One more: the clock is cut to milliseconds, and early is too early.
                Some(ms) => tokio::time::sleep(Duration::from_millis(ms.saturating_add(1))).await,
                None => pending().await,
            }
            Woken::Nothing
        };
        let (answered, timeout) = (pin!(answered), pin!(timeout));
        match select(answered, select(stop, timeout)).await {
            Either::Left((woken, _)) => woken,
            Either::Right((Either::Left((woken, _)) | Either::Right((woken, _)), _)) => woken,
        }
    }

    fn perform(&mut self, action: WalAction) {
        let (id, work) = match action {
            WalAction::Publish { id } => {
                if let Some(turn) = self.turns.remove(&id) {
                    // A put that has ended meanwhile is answered already.
                    let _ = turn.send(());
                }
                return;
            }
            WalAction::Cancel { id } => {
                self.turns.remove(&id);
                if let Some(handle) = self.handles.remove(&id) {
                    handle.abort();
                }
                return;
            }
            WalAction::Archived(segment) => {
                tracing::info!(segment = segment.name, checksum = %segment.checksum, created = segment.created, "archived a segment");
                metrics::archived(&segment, now_ms());
                return (self.told)(WalEvent::Archived(&segment));
            }
            WalAction::Scan { id } => (id, self.scan()),
            WalAction::List { id } => (id, self.list()),
            WalAction::Put { id, segment } => {
                let (sender, turn) = oneshot::channel();
                self.turns.insert(id, sender);
                (id, self.put(segment, turn))
            }
            WalAction::Compare { id, segment, archived } => (id, self.compare(segment, archived)),
            WalAction::Verify { id, name, checksum } => (id, self.verify(name, checksum)),
            WalAction::Delete { id, segment } => (id, self.delete(segment)),
            WalAction::MarkDone { id, name } => (id, self.mark_done(name)),
        };
        let (work, handle) = abortable(async move { (id, work.await) });
        self.handles.insert(id, handle);
        self.under_way.push(Box::pin(work));
    }

    fn scan(&self) -> Working<'a> {
        let (folder, rule) = (self.folder.clone(), self.settings.sealed);
        Box::pin(async move { Answer::Scan(blocking(move || folder::scan(&folder, rule)).await) })
    }

    fn list(&self) -> Working<'a> {
        let (archive, left) = (self.archive, Arc::clone(&self.left));
        let list = async move {
            let archived = archive.list().await?;
            left.look(&archive).await;
            left.sweep(&archive, &archived).await;
            Ok(archived)
        };
        Box::pin(async move { Answer::List(list.await) })
    }

    fn put(&self, segment: LocalSegment, turn: Turn) -> Working<'a> {
        let (archive, path) = (self.archive, self.folder.join(&segment.name));
        let left = Arc::clone(&self.left);
        let span = tracing::info_span!("wal_put", segment = segment.name, bytes = segment.bytes);
        let work = async move {
            let put = async {
                let key = archive.key(&segment.name)?;
                let recorded = Recorded::Always;
                let put = archive.put(&key, &path, Some(&segment), recorded, Some(turn)).await?;
                metrics::stored(&put);
                left.stored(&archive, &key).await;
                Ok((put.checksum, put.outcome == PutOutcome::Created))
            };
            Answer::Stored(put.await, path.clone())
        };
        Box::pin(work.instrument(span))
    }

    fn compare(&self, segment: LocalSegment, archived: ArchivedSegment) -> Working<'a> {
        let (archive, path) = (self.archive, self.folder.join(&segment.name));
        let span =
            tracing::info_span!("wal_compare", segment = segment.name, bytes = segment.bytes);
        let work = async move {
            let same = archive.compare(&path, &segment, &archived).await;
            Answer::Stored(same.map(|checksum| (checksum, false)), path)
        };
        Box::pin(work.instrument(span))
    }

    fn verify(&self, name: String, checksum: SegmentChecksum) -> Working<'a> {
        let archive = self.archive;
        let span = tracing::info_span!("wal_verify", segment = name, bytes = checksum.bytes);
        let work = async move {
            let found = async { archive.read_back(&archive.key(&name)?).await };
            Answer::Verified(found.await)
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
            Answer::Settled(deleted)
        };
        Box::pin(work.instrument(span))
    }

    fn mark_done(&self, name: String) -> Working<'a> {
        let folder = self.folder.clone();
        let marked = move || folder::mark_done(&folder, &name).map(|()| 0);
        Box::pin(async move { Answer::Settled(blocking(marked).await) })
    }

    fn hear(&mut self, id: u64, answer: Answer) {
        self.handles.remove(&id);
        self.turns.remove(&id);
        let now_ms = self.now_ms();
        let failed = match answer {
            Answer::Scan(Ok(segments)) => {
                self.plan.handle_scan(id, segments, now_ms);
                self.tell_held_up();
                return self.show_exposure();
            }
            Answer::List(Ok(segments)) => {
                self.plan.handle_listing(id, segments, now_ms);
                self.tell_gaps();
                return self.show_exposure();
            }
            Answer::Stored(Ok((checksum, created)), _) => {
                return self.plan.handle_stored(id, checksum, created, now_ms);
            }
            Answer::Stored(Err(error), path) => {
                if error.kind() == ErrorKind::NotFound && !path.exists() {
                    return self.plan.handle_vanished(id, now_ms);
                }
                error
            }
            Answer::Verified(Ok(found)) => {
                metrics::verified();
                return self.plan.handle_verified(id, found, now_ms);
            }
            Answer::Settled(Ok(_)) => return self.plan.handle_settled(id, now_ms),
            Answer::Scan(Err(error)) | Answer::List(Err(error)) => error,
            Answer::Verified(Err(error)) | Answer::Settled(Err(error)) => error,
        };
        metrics::failed(&failed);
        tracing::debug!(error = %failed, "a step of the archive failed");
        self.plan.handle_failure(id, failed.into_core(), now_ms);
    }

    /// Once per change, not per try.
    fn tell_trouble(&mut self) {
        match (self.plan.trouble(), self.in_trouble) {
            (Some(error), false) => {
                let error = Error::from(error.clone());
                tracing::warn!(%error, "the log cannot be archived now; trying again");
                (self.told)(WalEvent::Trouble(&error));
            }
            (None, true) => {
                tracing::info!("the log is archived again");
                (self.told)(WalEvent::Recovered);
            }
            _ => return,
        }
        self.in_trouble = !self.in_trouble;
        self.show_exposure();
    }

    /// Those behind what is archived stop nothing, so they are named; once.
    fn tell_gaps(&mut self) {
        if std::mem::replace(&mut self.is_listed, true) {
            return;
        }
        if let Some(at_ms) = self.plan.archived().map(|segment| segment.modified_ms).max() {
            metrics::last_archived(at_ms);
        }
        for gap in self.plan.archived_gaps() {
            tracing::warn!(%gap, "the archive has a gap");
            (self.told)(WalEvent::Gap(&gap));
        }
    }

    /// Beside a database that is marking its segments one look can see a later mark and miss an
    /// earlier one.
    fn tell_held_up(&mut self) {
        let mut holders = HashMap::new();
        for held in self.plan.held_up() {
            let seen = self.holders.get(&held.by).copied();
            if seen == Some(false) {
                tracing::warn!(%held, "a segment that is not finished holds up others");
                (self.told)(WalEvent::HeldUp(&held));
            }
            holders.insert(held.by, seen.is_some());
        }
        self.holders = holders;
    }

    fn show_exposure(&self) {
        // By the clock that the times of files go by.
        metrics::exposed(self.plan.exposure(now_ms()), self.in_trouble);
    }

    fn cut_off(&self, drain: Duration) -> Error {
        let message = format!(
            "what was under way had not ended after {} s and was broken off; nothing is lost: begin again, or allow more time (for the command: --drain)",
            drain.as_secs()
        );
        Error::new(ErrorKind::Aborted, message)
    }

    /// The time of day where the run began, and from there on a clock that never goes backwards.
    fn now_ms(&self) -> u64 {
        let (begun_ms, begun) = self.begun;
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        begun_ms.saturating_add(elapsed_ms)
    }
}

type Working<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

enum Woken {
    Answered(u64, Answer),
    Stopped,
    /// Time has passed, or something that was cancelled is over.
    Nothing,
}
