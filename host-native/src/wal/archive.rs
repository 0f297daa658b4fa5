//! The archive of one log in one store: its segments and their records.

use std::path::Path;

use bytes::Bytes;
use coldpress_core::{
    ArchivedSegment, BufferPolicy, KeyTarget, LocalSegment, ObjectKey, SegmentChecksum,
    SegmentRecord, archived_segments,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::ObjectStoreExt;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::ColdStorage;
use crate::storage::writer::ObjectWriter;
use crate::store::outcome::PutOutcome;
use crate::store::path::store_path;
use crate::wal::segment_file::{SegmentFile, Slice, ms};

/// The archive of one log in one store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Archive<'s> {
    pub(crate) storage: &'s ColdStorage,
    pub(crate) node: Option<&'s str>,
}

/// Whether a segment must have a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Always,
    /// The name of the segment may be too long for a record.
    WherePossible,
}

/// Comes when a segment may become visible.
pub(crate) type PublishPermit = oneshot::Receiver<()>;

/// The result of putting a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentPut {
    /// Its length and checksum.
    pub checksum: SegmentChecksum,
    /// Whether this put stored it, or it was already there.
    pub outcome: PutOutcome,
}

/// The bytes of an object, as they come.
pub(super) struct Incoming {
    pub(super) bytes: u64,
    pub(super) stream: BoxStream<'static, object_store::Result<Bytes>>,
}

impl Archive<'_> {
    pub(super) fn key(&self, name: &str) -> Result<ObjectKey> {
        Ok(ObjectKey::wal(self.storage.prefix(), self.node, name)?)
    }

    /// The folder of the segments, with `/` at its end.
    pub(super) fn folder(&self) -> Result<String> {
        let any = self.key("x")?;
        Ok(any.as_str().strip_suffix('x').unwrap_or_default().to_owned())
    }

    /// All archived segments, in the byte order of their names, from one listing.
    pub(super) async fn list(&self) -> Result<Vec<ArchivedSegment>> {
        let objects = self.storage.listing().folder(&self.folder()?).await?;
        let objects = objects
            .iter()
            .map(|meta| (meta.location.as_ref(), meta.size, ms(meta.last_modified.into())));
        Ok(archived_segments(self.storage.prefix(), self.node, objects))
    }

    /// The checksums in the records beside one segment.
    pub(super) async fn records(&self, key: &ObjectKey) -> Result<Vec<SegmentChecksum>> {
        let start = format!("{key}~");
        let paths = self.storage.place().names_beside(key, &start).await?;
        let record = |path: &String| SegmentRecord::parse(self.storage.prefix(), path).ok();
        let ours = paths.iter().filter_map(record).filter(|record| record.key() == key);
        Ok(ours.map(|record| record.checksum()).collect())
    }

    /// Puts the record of a file's content, and then the content, create-only. The record comes
    /// first, so that no archived segment is without one. `expected` is the file as a scan saw it.
    /// With a `permit`, the content becomes visible only when the permit comes.
    pub(crate) async fn put(
        &self,
        key: &ObjectKey,
        path: &Path,
        expected: Option<&LocalSegment>,
        recorded: Recorded,
        permit: Option<PublishPermit>,
    ) -> Result<SegmentPut> {
        let source = SegmentFile::open(path, expected).await?;
        let checksum = source.checksum();
        let record = match SegmentRecord::new(key, checksum) {
            Ok(record) => Some(record),
            Err(error) if recorded == Recorded::Always => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%key, %error, "storing a segment without a record");
                None
            }
        };
        let mut is_new = false;
        if let Some(record) = &record {
            is_new = self.storage.put_mark(record.as_str()).await? == PutOutcome::Created;
        }
        match self.put_content(key, source, permit).await {
            Ok(outcome) => Ok(SegmentPut { checksum, outcome }),
            Err(error) => {
                if error.kind() != ErrorKind::Conflict {
                    return Err(error);
                }
                // A record that was there before may belong to the object that is there.
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
        source: SegmentFile,
        permit: Option<PublishPermit>,
    ) -> Result<PutOutcome> {
        let mut writer = self.storage.create(key).await?;
        let ready = async {
            pour(source, &mut writer, key).await?;
            match permit {
                Some(permit) => wait(permit, &mut writer, key).await,
                None => Ok(()),
            }
        };
        match ready.await {
            Ok(()) => writer.finish().await,
            Err(error) => Err(writer.give_up(error).await),
        }
    }

    /// Deletes a record that is useless because other content is at its key. A useless record does
    /// no harm, so a missing permission to delete is no error.
    async fn take_back(&self, record: &SegmentRecord) {
        if let Err(error) = self.delete(record.as_str(), "delete the record").await {
            tracing::debug!(%error, "could not delete a record without a segment");
        }
    }

    /// Deletes an object of this archive. If it does not exist, that is success. `doing` completes
    /// "could not …".
    pub(super) async fn delete(&self, path: &str, doing: &str) -> Result<()> {
        let store = self.storage.object_store();
        let deleted = store.delete(&store_path(path)?).await;
        match deleted.map_err(|error| self.storage.errors().error(&error, doing, path)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Checks that the archive holds exactly the content of this file, and adds a record if there
    /// is none.
    pub(super) async fn compare(
        &self,
        path: &Path,
        here: &LocalSegment,
        there: &ArchivedSegment,
    ) -> Result<SegmentChecksum> {
        let checksum = SegmentFile::open(path, Some(here)).await?.checksum();
        let key = self.key(&here.name)?;
        self.storage.place().make_durable(&key).await?;
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

    /// The error of an object whose content is not `own`, the content of the file here. It says
    /// whether the object is damaged or is another segment, and what to do. The record `new` was
    /// put just now, so it proves nothing.
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
                "the archive holds an intact segment with this name and other content ({found} \
                there, {own} here), and segments are never overwritten; if it belongs to another \
                log, archive this log with another --node; if it was archived by mistake, delete \
                it ({rm}) and archive the file again"
            )
        } else if records.contains(&own) {
            format!(
                "the object in the archive is damaged: it is {found}, and was put as {own}, like \
                the file here; delete the object ({rm}) and archive the file again"
            )
        } else if let Some(record) = records.first() {
            format!(
                "the object in the archive is damaged (it is {found}, and was put as {record}), \
                and the file here has other content ({own}); if the file is the right one, delete \
                the object ({rm}) and archive the file again"
            )
        } else {
            format!(
                "the archive holds other content under this name ({found} there, {own} here), and \
                no record says whether it is damaged or belongs to another log; if the file here \
                is the right one, delete the object ({rm}) and archive the file again; else \
                archive it with another --node"
            )
        };
        Ok(Error::new(ErrorKind::Conflict, what).at(key.as_str()))
    }

    /// Reads a segment back. Returns its length and checksum.
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

    /// The next bytes; `None` at the end.
    pub(super) async fn next(
        &self,
        key: &ObjectKey,
        incoming: &mut Incoming,
    ) -> Result<Option<Bytes>> {
        let next = async { incoming.stream.next().await.transpose() };
        self.storage.within(READING, key.as_str(), next).await
    }

    /// An error if fewer bytes came than the store announced. A cut answer does not mean that the
    /// segment is damaged.
    pub(super) fn whole(&self, key: &ObjectKey, incoming: &Incoming, bytes: u64) -> Result<()> {
        if bytes == incoming.bytes {
            return Ok(());
        }
        let message = format!("only {bytes} of {} bytes came; try again", incoming.bytes);
        Err(Error::new(ErrorKind::Unavailable, message).at(key.as_str()))
    }
}

/// A segment of up to this size waits in memory for its permit. A multipart upload would cost two
/// more requests.
const BUFFERED_BYTES_MAX: u64 = 1 << 20;

/// Completes "could not …".
const READING: &str = "read the segment";

/// Waits for the permit. A segment that must wait is staged first: all its bytes are sent, and
/// publishing is quick. A segment whose permit is there saves those requests.
async fn wait(mut permit: PublishPermit, writer: &mut ObjectWriter, key: &ObjectKey) -> Result<()> {
    // `OpenUploads` aborts them, with one listing for all segments.
    writer.leave_others().await;
    if permit.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
        writer.stage(key, BufferPolicy::UpTo(BUFFERED_BYTES_MAX)).await?;
        permit.await.map_err(|_| {
            Error::new(
                ErrorKind::Aborted,
                "the put was stopped before the segment could be published; archive it again",
            )
        })?;
    }
    Ok(())
}

/// Writes the whole file into an object.
async fn pour(source: SegmentFile, writer: &mut ObjectWriter, key: &ObjectKey) -> Result<()> {
    let mut slices = source.stream();
    loop {
        match slices.recv().await {
            Some(Ok(Slice::Bytes(bytes))) => writer.write(bytes).await?,
            Some(Ok(Slice::End)) => return Ok(()),
            Some(Err(error)) => return Err(error),
            None => {
                let message = "the thread that reads the segment stopped; if it repeats, report it";
                return Err(Error::new(ErrorKind::Internal, message).at(key.as_str()));
            }
        }
    }
}
