//! The archive of one log in the store: segments and their records.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::{
    ArchivedSegment, KeyTarget, LocalSegment, ObjectKey, SegmentChecksum, SegmentRecord,
    archived_segments,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::ObjectStoreExt;
use tokio::sync::oneshot;

use super::source::{Slice, Source, ms};
use crate::remote::store_path;
use crate::storage::{Backend, blocking};
use crate::writer::Hold;
use crate::{ColdStorage, Error, ErrorKind, ObjectWriter, PutOutcome, Result};

/// One log in one store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Archive<'s> {
    pub(crate) storage: &'s ColdStorage,
    pub(crate) node: Option<&'s str>,
}

/// Whether a segment must have a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Always,
    /// A name may be too long for one.
    WherePossible,
}

/// Comes when a segment may be seen.
pub(crate) type Turn = oneshot::Receiver<()>;

/// A segment that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentPut {
    /// Its length and checksum.
    pub checksum: SegmentChecksum,
    /// Whether this put stored it.
    pub outcome: PutOutcome,
}

/// An object's bytes as they come.
pub(super) struct Incoming {
    pub(super) bytes: u64,
    pub(super) stream: BoxStream<'static, object_store::Result<Bytes>>,
}

impl Archive<'_> {
    pub(super) fn key(&self, name: &str) -> Result<ObjectKey> {
        Ok(ObjectKey::wal(self.storage.prefix(), self.node, name)?)
    }

    /// The folder, with `/` at its end, that holds the segments and nothing else.
    pub(super) fn folder(&self) -> Result<String> {
        let any = self.key("x")?;
        Ok(any.as_str().strip_suffix('x').unwrap_or_default().to_owned())
    }

    /// All that is archived, in the order of names' bytes: one listing.
    pub(super) async fn list(&self) -> Result<Vec<ArchivedSegment>> {
        let objects = self.storage.listing().folder(&self.folder()?).await?;
        let objects = objects
            .iter()
            .map(|meta| (meta.location.as_ref(), meta.size, ms(meta.last_modified.into())));
        Ok(archived_segments(self.storage.prefix(), self.node, objects))
    }

    /// What the records beside one segment say.
    pub(super) async fn records(&self, key: &ObjectKey) -> Result<Vec<SegmentChecksum>> {
        let start = format!("{key}~");
        let paths = match self.storage.backend() {
            Backend::Local(folder) => {
                // A folder has no listing that begins in the middle, and to read its names is quick.
                let (folder, of) = (Arc::clone(folder), key.as_str().to_owned());
                blocking(move || folder.names_beside(&of)).await?
            }
            Backend::Remote(_) => {
                self.storage.listing().beginning_with(&self.folder()?, &start).await?
            }
        };
        let record = |path: &String| SegmentRecord::parse(self.storage.prefix(), path).ok();
        let ours = paths.iter().filter_map(record).filter(|record| record.key() == key);
        Ok(ours.map(|record| record.checksum()).collect())
    }

    /// Puts the record of a file's content, and then the content, create-only. `expected` is what the file is
    /// to be, where somebody has looked at it; the content is seen not before its `turn`, where it has one.
    pub(crate) async fn put(
        &self,
        key: &ObjectKey,
        path: &Path,
        expected: Option<&LocalSegment>,
        recorded: Recorded,
        turn: Option<Turn>,
    ) -> Result<SegmentPut> {
        let source = Source::open(path, expected).await?;
        let checksum = source.checksum();
        let record = match SegmentRecord::new(key, checksum) {
            Ok(record) => Some(record),
            Err(error) if recorded == Recorded::Always => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%key, %error, "stored without a record");
                None
            }
        };
        let mut is_new = false;
        if let Some(record) = &record {
            is_new = self.storage.put_mark(record.as_str()).await? == PutOutcome::Created;
        }
        match self.put_content(key, source, turn).await {
            Ok(outcome) => Ok(SegmentPut { checksum, outcome }),
            Err(error) => {
                if error.kind() != ErrorKind::Conflict {
                    return Err(error);
                }
                // One that was there before is of the object that lies there, perhaps.
                if let Some(record) = record.filter(|_| is_new) {
                    self.take_back(&record).await;
                }
                let new = Some(checksum).filter(|_| is_new);
                Err(self.what_lies_there(key, checksum, new).await.unwrap_or(error))
            }
        }
    }

    async fn put_content(
        &self,
        key: &ObjectKey,
        source: Source,
        turn: Option<Turn>,
    ) -> Result<PutOutcome> {
        let mut writer = self.storage.create(key).await?;
        let ready = async {
            pour(source, &mut writer, key).await?;
            match turn {
                Some(turn) => wait(turn, &mut writer, key).await,
                None => Ok(()),
            }
        };
        match ready.await {
            Ok(()) => writer.finish().await,
            Err(error) => Err(writer.give_up(error).await),
        }
    }

    /// Where other content lies at the key, this record will never be of use. It does no harm either, so that a store
    /// which may not be deleted from keeps it.
    async fn take_back(&self, record: &SegmentRecord) {
        if let Err(error) = self.delete(record.as_str(), "delete the record").await {
            tracing::debug!(%error, "a record of no segment stays behind");
        }
    }

    /// Deletes an object of this archive; one that is gone already is success. `doing` completes
    /// "could not …".
    pub(super) async fn delete(&self, path: &str, doing: &str) -> Result<()> {
        let store = self.storage.object_store();
        let deleted = store.delete(&store_path(path)?).await;
        match deleted.map_err(|error| self.storage.answers().error(&error, doing, path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Sees that the archive holds just what is in this file, and puts the record where there is none.
    pub(super) async fn compare(
        &self,
        path: &Path,
        here: &LocalSegment,
        there: &ArchivedSegment,
    ) -> Result<SegmentChecksum> {
        let checksum = Source::open(path, Some(here)).await?.checksum();
        let key = self.key(&here.name)?;
        self.storage.make_sure_of(&key).await?;
        if there.vouches_for(checksum) {
            return Ok(checksum);
        }
        let same_length = there.bytes == Some(checksum.bytes);
        if !same_length || self.read_back(&key).await? != checksum {
            return Err(self.what_lies_there(&key, checksum, None).await?);
        }
        let record = SegmentRecord::new(&key, checksum)?;
        self.storage.put_mark(record.as_str()).await?;
        Ok(checksum)
    }

    /// The error of an object that is other content than `own`, the file here: whether the object
    /// is damaged, or another segment, and what helps. The record `new` was put just now and tells
    /// nothing.
    async fn what_lies_there(
        &self,
        key: &ObjectKey,
        own: SegmentChecksum,
        new: Option<SegmentChecksum>,
    ) -> Result<Error> {
        let found = self.read_back(key).await?;
        let mut records = self.records(key).await?;
        records.retain(|record| Some(*record) != new);
        let name = match key.target() {
            KeyTarget::Wal { segment, .. } => segment.as_str(),
            KeyTarget::Data { .. } => key.as_str(),
        };
        let rm = self.removal_of(name).await?;
        let what = if records.contains(&found) {
            format!(
                "the archive holds an intact segment of this name and other content ({found} there, {own} here), and segments are never overwritten; if it is of another log, archive this one with another --node; if it was put there by mistake, delete it ({rm}) and archive the file again"
            )
        } else if records.contains(&own) {
            format!(
                "the object in the archive is damaged: it is {found}, and was put as {own}, which the file here still is; delete the object ({rm}) and archive the file again"
            )
        } else if let Some(record) = records.first() {
            format!(
                "the object in the archive is damaged (it is {found}, and was put as {record}), and the file here is other content ({own}); if the file is the right one, delete the object ({rm}) and archive the file again"
            )
        } else {
            format!(
                "the archive holds other content under this name ({found} there, {own} here), and no record tells whether it is damaged or of another log; if the file here is the right one, delete the object ({rm}) and archive the file again; else archive it with another --node"
            )
        };
        Ok(Error::new(ErrorKind::Conflict, what).at(key.as_str()))
    }

    /// The length and checksum of what the store gives back.
    pub(super) async fn read_back(&self, key: &ObjectKey) -> Result<SegmentChecksum> {
        let mut incoming = self.open(key).await?;
        let mut found = SegmentChecksum { crc32c: 0, bytes: 0 };
        while let Some(slice) = self.next(key, &mut incoming).await? {
            found.crc32c = crc32c::crc32c_append(found.crc32c, &slice);
            found.bytes += slice.len() as u64;
        }
        self.whole(key, &incoming, found.bytes)?;
        Ok(found)
    }

    /// Begins to read a segment.
    pub(super) async fn open(&self, key: &ObjectKey) -> Result<Incoming> {
        let path = store_path(key.as_str())?;
        let store = self.storage.object_store();
        let found = self.storage.within(READING, key.as_str(), store.get(&path)).await?;
        Ok(Incoming { bytes: found.meta.size, stream: found.into_stream() })
    }

    /// The next of its bytes; none at the end.
    pub(super) async fn next(
        &self,
        key: &ObjectKey,
        incoming: &mut Incoming,
    ) -> Result<Option<Bytes>> {
        let next = async { incoming.stream.next().await.transpose() };
        self.storage.within(READING, key.as_str(), next).await
    }

    /// An answer that was cut off is no damage.
    pub(super) fn whole(&self, key: &ObjectKey, incoming: &Incoming, bytes: u64) -> Result<()> {
        if bytes == incoming.bytes {
            return Ok(());
        }
        let message = format!("only {bytes} of {} bytes came; try again", incoming.bytes);
        Err(Error::new(ErrorKind::Unavailable, message).at(key.as_str()))
    }
}

/// Completes "could not …".
const READING: &str = "read the segment";

/// Whoever has to wait sends everything meanwhile; whoever has not saves the requests for that.
async fn wait(mut turn: Turn, writer: &mut ObjectWriter, key: &ObjectKey) -> Result<()> {
    // That is `Left`'s.
    writer.leave_others();
    if turn.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
        writer.stage(key, Hold::Small).await?;
        turn.await.map_err(|_| {
            Error::new(ErrorKind::Aborted, "it was broken off before its turn; archive it again")
        })?;
    }
    Ok(())
}

/// Writes all of a file into an object.
async fn pour(source: Source, writer: &mut ObjectWriter, key: &ObjectKey) -> Result<()> {
    let mut slices = source.stream();
    loop {
        match slices.recv().await {
            Some(Ok(Slice::Bytes(bytes))) => writer.write(bytes).await?,
            Some(Ok(Slice::Whole)) => return Ok(()),
            Some(Err(error)) => return Err(error),
            None => {
                let message = "reading the segment came to no end; if it repeats, report it";
                return Err(Error::new(ErrorKind::Internal, message).at(key.as_str()));
            }
        }
    }
}
