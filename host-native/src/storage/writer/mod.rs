//! Writes objects piece by piece, in memory that does not grow with them.

mod spool;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use coldpress_core::{BufferPolicy, KeyTarget, LsnRange, LsnWidth, ObjectKey};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::cold_storage::{ColdStorage, Counters};
use crate::storage::key::ToKey;
use crate::storage::writer::spool::Spool;
use crate::store::local::folder::{LocalFolder, Staged};
use crate::store::outcome::PutOutcome;
use crate::store::place::Store;
use crate::store::s3::multipart::PART_BYTES;
use crate::store::s3::writer::{PARTS_AT_ONCE, S3Writer};
use crate::threads::blocking;

/// Writes one object into the store. The object becomes visible only when
/// [`finish`](Self::finish) publishes it.
///
/// In a folder, the bytes go into a staged file. In an S3 store, a task of its own drives the
/// object: the bytes go into the parts of a multipart upload, a few parts at a time, or into one
/// put if they are few. If the writer is dropped, the task aborts the upload, as long as the
/// runtime runs. [`abort`](Self::abort) does the same and says whether it worked.
///
/// # Invariants
///
/// * An object that is already at the key is never overwritten.
/// * At most ([`PARTS_AT_ONCE`](Self::PARTS_AT_ONCE) + 1) × [`PART_BYTES`](Self::PART_BYTES) bytes
///   are in memory.
/// * Once `finish` or `abort` has returned without an error, no multipart upload of the key is
///   open.
#[derive(Debug)]
pub struct ObjectWriter {
    key: Option<ObjectKey>,
    sink: Sink,
    bytes: u64,
    counters: Arc<Counters>,
}

#[derive(Debug)]
enum Sink {
    Folder(Arc<LocalFolder>, Option<Staged>),
    S3(S3Writer),
    /// The key is not known yet, and a multipart upload needs a key.
    Spool(Box<Spool>),
}

impl ColdStorage {
    /// Begins an object with this key. Finish or abort it.
    pub async fn create(&self, key: impl ToKey) -> Result<ObjectWriter> {
        let key = self.any_key(&key)?;
        if ObjectKey::parse(self.prefix(), key.as_str()).is_err() {
            let message = "this key is for another prefix; make keys with ColdStorage::prefix";
            return Err(Error::new(ErrorKind::Misuse, message).at(key.as_str()));
        }
        let sink = match self.place() {
            Store::Local(folder) => stage(folder, &key).await?,
            Store::S3(s3) => Sink::S3(S3Writer::new(s3, key.as_str())?),
        };
        Ok(self.writer(Some(key.into_owned()), sink))
    }

    /// Begins a data file of this collection whose key, because of its last LSN, is known only at
    /// the end ([`ObjectWriter::finish_as`]).
    ///
    /// For an S3 store, the bytes wait in memory; more than 32 MiB wait in a temporary file without
    /// a name.
    pub async fn create_data(&self, tenant_id: u64, collection: &str) -> Result<ObjectWriter> {
        let lsns = LsnRange::new(0, 0)?;
        let width = LsnWidth::default();
        let any = ObjectKey::data(self.prefix(), tenant_id, collection, lsns, width)?;
        let sink = match self.place() {
            Store::Local(folder) => stage(folder, &any).await?,
            Store::S3(s3) => Sink::Spool(Box::new(Spool::new(Arc::clone(s3)))),
        };
        Ok(self.writer(None, sink))
    }

    fn writer(&self, key: Option<ObjectKey>, sink: Sink) -> ObjectWriter {
        ObjectWriter { key, sink, bytes: 0, counters: Arc::clone(self.counters()) }
    }
}

/// Stages a file in the folder of the key, so that publishing only has to link it.
async fn stage(folder: &Arc<LocalFolder>, key: &ObjectKey) -> Result<Sink> {
    let (staging, key) = (Arc::clone(folder), key.clone());
    let staged = blocking(move || staging.stage(key.as_str())).await?;
    Ok(Sink::Folder(Arc::clone(folder), Some(staged)))
}

impl ObjectWriter {
    /// The size of every part of a multipart upload except the last. Some stores require equal
    /// parts.
    pub const PART_BYTES: usize = PART_BYTES as usize;
    /// How many parts are sent at a time.
    pub const PARTS_AT_ONCE: usize = PARTS_AT_ONCE;

    /// Takes the next bytes. Waits while too many bytes are in memory. After an error, only `abort`
    /// is useful.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes += bytes.len() as u64;
        match &mut self.sink {
            Sink::S3(writer) => writer.write(bytes).await,
            Sink::Spool(spool) => spool.write(bytes).await,
            Sink::Folder(_, staged) => {
                let Some(mut file) = staged.take() else {
                    return Err(Error::new(
                        ErrorKind::Misuse,
                        "an earlier write of this object failed; begin another one",
                    ));
                };
                let file = blocking(move || file.write(&bytes).map(|()| file)).await?;
                *staged = Some(file);
                Ok(())
            }
        }
    }

    /// Stages everything that was written, so that [`publish`](Self::publish) with the same key,
    /// perhaps much later, only has to make it visible. After an error, only `abort` is useful.
    pub(crate) async fn stage(&mut self, key: &ObjectKey, policy: BufferPolicy) -> Result<()> {
        if let Sink::Spool(spool) = &mut self.sink {
            self.sink = Sink::S3(spool.pour(key).await?);
        }
        match &mut self.sink {
            Sink::S3(writer) => writer.stage(policy).await,
            Sink::Spool(_) => Ok(()),
            Sink::Folder(_, staged) => {
                if let Some(mut file) = staged.take() {
                    *staged = Some(blocking(move || file.seal().map(|()| file)).await?);
                }
                Ok(())
            }
        }
    }

    /// From now on the caller aborts the uploads that crashed writers of the same key left.
    pub(crate) async fn leave_others(&mut self) {
        if let Sink::S3(writer) = &mut self.sink {
            writer.leave_others().await;
        }
    }

    /// How many bytes were written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Publishes the object: makes it visible, whole and durable, at the key it was begun with.
    ///
    /// If the same content is already there, that is success. Other content stays, and this is
    /// [`ErrorKind::Conflict`].
    pub async fn finish(mut self) -> Result<PutOutcome> {
        match self.key.take() {
            Some(key) => self.publish(&key).await,
            None => Err(Error::new(
                ErrorKind::Misuse,
                "this object has no key yet; finish it with ObjectWriter::finish_as",
            )),
        }
    }

    /// As [`finish`](Self::finish), at this key of the collection that it was begun for.
    pub async fn finish_as(self, key: &ObjectKey) -> Result<PutOutcome> {
        match (&self.key, key.target()) {
            (None, KeyTarget::Data { .. }) => self.publish(key).await,
            _ => Err(Error::new(
                ErrorKind::Misuse,
                "only an object that ColdStorage::create_data began gets its key at the end",
            )
            .at(key.as_str())),
        }
    }

    /// Removes what was sent. An error says what may be left in the store.
    pub async fn abort(self) -> Result<()> {
        match self.sink {
            Sink::S3(writer) => writer.abort().await,
            // Dropping their file removes it.
            Sink::Folder(..) | Sink::Spool(_) => Ok(()),
        }
    }

    /// Removes what was sent, because of `error`. The returned error also says if that failed.
    pub(crate) async fn give_up(self, error: Error) -> Error {
        match self.sink {
            Sink::S3(writer) => writer.give_up(error).await,
            Sink::Folder(..) | Sink::Spool(_) => error,
        }
    }

    /// As [`finish`](Self::finish). If the object was begun with a key, `key` is that key.
    pub(crate) async fn publish(self, key: &ObjectKey) -> Result<PutOutcome> {
        let outcome = match self.sink {
            Sink::S3(writer) => writer.finish().await?,
            Sink::Spool(mut spool) => spool.pour(key).await?.finish().await?,
            Sink::Folder(folder, Some(staged)) => {
                let key = key.clone();
                blocking(move || folder.publish_new(staged, key.as_str())).await?
            }
            Sink::Folder(_, None) => {
                let message = "a write of this object failed; begin another one";
                return Err(Error::new(ErrorKind::Misuse, message).at(key.as_str()));
            }
        };
        if outcome == PutOutcome::Created {
            self.counters.bytes.fetch_add(self.bytes, Ordering::Relaxed);
            self.counters.files.fetch_add(1, Ordering::Relaxed);
        }
        tracing::info!(%key, bytes = self.bytes, ?outcome, "stored an object");
        Ok(outcome)
    }
}
