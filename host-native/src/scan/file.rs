//! Drives the scan of one file: bytes in, batches of rows out.

use std::sync::Arc;

use coldpress_core::{
    Footer, ObjectKey, Scan, ScanFile, ScanProgress, ScanQuery, ScanSettings, StoredRow,
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use object_store::path::Path as StorePath;
use tokio::sync::mpsc::{self, Sender};

use crate::error::{Error, ErrorKind, Result};
use crate::quiet::quietly;
use crate::scan::batch::{Batch, Pause};
use crate::scan::fetch::Place;
use crate::scan::report::SharedReport;
use crate::store::path::store_path;
use crate::tails::{Tail, Tails};
use crate::threads::{StopOnDrop, blocking};

/// Requests of one file that run at once.
const FETCHES_AT_ONCE: usize = 8;

/// What a task sends: some rows, or that the file is read to its end.
pub(super) enum Sent<B> {
    Rows(B),
    End,
}

/// One file to read.
pub(super) struct FileScan {
    pub(super) place: Place,
    pub(super) tails: Arc<Tails>,
    pub(super) key: ObjectKey,
    pub(super) bytes: u64,
    pub(super) query: ScanQuery,
    pub(super) settings: ScanSettings,
    pub(super) report: SharedReport,
}

impl FileScan {
    /// Reads the file, and sends its rows and then its end, or an error.
    pub(super) async fn run<B: Batch>(self, sender: Sender<Result<Sent<B>>>) {
        let last = match self.read(&sender).await {
            Ok(()) => Ok(Sent::End),
            Err(error) => Err(error.at(self.key.as_str())),
        };
        // Nobody may want it any more.
        let _ = sender.send(last).await;
    }

    /// The footer alone.
    pub(super) async fn footer(&self) -> Result<Footer> {
        let (sender, _receiver) = mpsc::channel::<Result<Sent<Vec<StoredRow>>>>(1);
        let mut footer = None;
        let mut found = |scan: &Scan| {
            footer = scan.footer().cloned();
            footer.is_some()
        };
        let read = self.read_to(&sender, &mut found).await;
        read.map_err(|error| error.at(self.key.as_str()))?;
        footer.ok_or_else(over)
    }

    async fn read<B: Batch>(&self, sender: &Sender<Result<Sent<B>>>) -> Result<()> {
        self.read_to(sender, &mut |_| false).await
    }

    /// Reads until `is_enough`, or to the end.
    async fn read_to<B: Batch>(
        &self,
        sender: &Sender<Result<Sent<B>>>,
        is_enough: &mut (dyn FnMut(&Scan) -> bool + Send),
    ) -> Result<()> {
        let key = self.key.as_str();
        let kept = self.tails.get(key, self.bytes).await;
        let is_kept = kept.is_some();
        let mut reading = self.begin(kept)?;
        match reading.run(sender, is_enough).await {
            // Somebody put another object of the same size there, against all rules.
            Err(error) if is_kept && !reading.has_sent && error.kind() == ErrorKind::Conflict => {
                self.tails.remove(key, self.bytes).await;
                self.begin(None)?.run(sender, is_enough).await
            }
            read => read,
        }
    }

    fn begin(&self, kept: Option<Tail>) -> Result<Reading<'_>> {
        let path = store_path(self.key.as_str())?;
        let mut file = ScanFile::new(self.bytes);
        if self.place.is_folder {
            // No guess at what stands before the footer: one request more costs less.
            file.tail_bytes = Some(self.settings.tail_bytes);
        }
        let length = kept.as_ref().map_or(0, |kept| kept.bytes.len());
        if let Some(Tail { bytes, etag }) = kept {
            (file.tail, file.etag) = (Some(bytes), etag);
        }
        let mut scan = Scan::new(file, self.query.clone(), self.settings.clone())?;
        let _stop = StopOnDrop::new();
        scan.stop_when(_stop.flag());
        let (is_checked, has_sent) = (false, false);
        Ok(Reading {
            file: self,
            path,
            scan: Some(scan),
            is_checked,
            kept: length,
            has_sent,
            _stop,
        })
    }
}

struct Reading<'f> {
    file: &'f FileScan,
    path: StorePath,
    /// `None` while it is away on another thread, and after an error.
    scan: Option<Scan>,
    is_checked: bool,
    /// How many bytes of the end of the file are kept.
    kept: usize,
    has_sent: bool,
    _stop: StopOnDrop,
}

impl Reading<'_> {
    async fn run<B: Batch>(
        &mut self,
        sender: &Sender<Result<Sent<B>>>,
        is_enough: &mut (dyn FnMut(&Scan) -> bool + Send),
    ) -> Result<()> {
        loop {
            let (rows, pause) = self.step::<B>(sender).await?;
            if self.scan.as_ref().is_some_and(&mut *is_enough) {
                return Ok(());
            }
            if rows.len() > 0 {
                self.has_sent = true;
                if sender.send(Ok(Sent::Rows(rows))).await.is_err() {
                    return Ok(());
                }
            }
            match pause {
                Pause::Full => {}
                Pause::Wait => self.fetch().await?,
                Pause::Done => return Ok(()),
            }
        }
    }

    /// Decodes until bytes are missing, or until nobody takes the batches, on a blocking thread.
    /// Gives the batch that has not been sent.
    async fn step<B: Batch>(&mut self, sender: &Sender<Result<Sent<B>>>) -> Result<(B, Pause)> {
        let mut scan = self.scan.take().ok_or_else(over)?;
        let before = scan.progress().clone();
        let key = self.file.key.clone();
        let (is_checked, sender) = (self.is_checked, sender.clone());
        let work = move || {
            let mut has_sent = false;
            let stepped = quietly(|| step(&mut scan, &key, is_checked, &sender, &mut has_sent));
            Ok((scan, stepped, has_sent))
        };
        let (scan, stepped, has_sent) = blocking(work).await?;
        self.has_sent |= has_sent;
        self.note(&before, &scan);
        if !self.is_checked && scan.footer().is_some() {
            self.is_checked = true;
            self.file.report.open(&scan);
        }
        self.keep_tail(&scan).await;
        self.scan = Some(scan);
        Ok(stepped?)
    }

    /// Fetches all that the scan asks for, some ranges at once.
    async fn fetch(&mut self) -> Result<()> {
        let mut scan = self.scan.take().ok_or_else(over)?;
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < FETCHES_AT_ONCE
                && let Some(fetch) = scan.poll_fetch()
            {
                let (place, path) = (&self.file.place, &self.path);
                self.file.report.update(|report| report.requests += 1);
                running.push(async move { (fetch.id, place.fetch(path, &fetch).await) });
            }
            let Some((id, fetched)) = running.next().await else { break };
            let fetched = fetched?;
            self.file.report.update(|report| report.bytes += fetched.bytes.len() as u64);
            scan.handle_bytes(id, fetched)?;
        }
        self.scan = Some(scan);
        Ok(())
    }

    /// Adds to the report what came since `before`.
    fn note(&self, before: &ScanProgress, scan: &Scan) {
        self.file.report.add(before, scan.progress());
    }

    async fn keep_tail(&mut self, scan: &Scan) {
        // A query for ids may need more of it than the one before.
        if let Some(bytes) = scan.tail().filter(|tail| tail.len() > self.kept) {
            self.kept = bytes.len();
            // Of a small file, the bytes are a part of all its bytes: a copy lets go of the others.
            let bytes = bytes::Bytes::copy_from_slice(&bytes);
            let tail = Tail { bytes, etag: scan.etag().map(str::to_owned) };
            self.file.tails.put(self.file.key.as_str(), self.file.bytes, tail).await;
        }
    }
}

fn step<B: Batch>(
    scan: &mut Scan,
    key: &ObjectKey,
    mut is_checked: bool,
    sender: &Sender<Result<Sent<B>>>,
    has_sent: &mut bool,
) -> coldpress_core::Result<(B, Pause)> {
    loop {
        let mut rows = B::default();
        let pause = rows.fill(scan, |scan| {
            if !is_checked && let Some(footer) = scan.footer() {
                is_checked = true;
                footer.check_key(key)?;
            }
            Ok(())
        })?;
        // As long as the batches are taken, it stays on this thread.
        match (&pause, sender.try_reserve()) {
            (Pause::Full, Ok(place)) => {
                *has_sent = true;
                place.send(Ok(Sent::Rows(rows)));
            }
            _ => return Ok((rows, pause)),
        }
    }
}

fn over() -> Error {
    let message = "a scan went on after its end: a bug of Coldpress; report it";
    Error::new(ErrorKind::Internal, message)
}
