//! Objects written piece by piece, in memory that does not grow with them.

mod multipart;
mod spool;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use coldpress_core::{KeyTarget, LsnRange, LsnWidth, ObjectKey};

use crate::local::{LocalFolder, Staged};
use crate::storage::{Backend, Counters, blocking};
use crate::{ColdStorage, Error, ErrorKind, PutOutcome, Result};
use multipart::Multipart;
use spool::Spool;

/// One object on its way into the store: nothing can be seen of it until [`finish`](Self::finish) says so.
///
/// In a folder its bytes go into a file without a name; in an S3 store into parts of a multipart upload, a few of
/// them on their way at a time, or into one put where there are few. Dropping it takes back what was sent, as far as the
/// runtime still runs; [`abort`](Self::abort) does so and says whether it could.
///
/// # Invariants
///
/// * what lies at the key already is never overwritten
/// * at most [`PART_BYTES`](Self::PART_BYTES) times one more than [`PARTS_AT_ONCE`](Self::PARTS_AT_ONCE) of it are in memory
/// * once `finish` or `abort` has returned without an error, no multipart upload of the key is left open
#[derive(Debug)]
pub struct ObjectWriter {
    key: Option<ObjectKey>,
    sink: Sink,
    bytes: u64,
    counters: Arc<Counters>,
}

/// What of an object that is made ready may wait in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Nothing, as many objects may wait.
    Nothing,
    /// Up to 1 MiB, which is not worth two requests more; and whatever goes by one put to a store that would complete
    /// parts over another object.
    Small,
}

#[derive(Debug)]
enum Sink {
    Folder(Arc<LocalFolder>, Option<Staged>),
    Parts(Box<Multipart>),
    /// The key is not known yet, and parts need one.
    Spool(Box<Spool>),
}

impl ColdStorage {
    /// Begins an object of this key. What is written must be finished or aborted.
    pub async fn create(&self, key: &ObjectKey) -> Result<ObjectWriter> {
        if ObjectKey::parse(self.prefix(), key.as_str()).is_err() {
            let message = "this key was made for another prefix; make keys for ColdStorage::prefix";
            return Err(Error::new(ErrorKind::Misuse, message).at(key.as_str()));
        }
        let sink = match self.backend() {
            Backend::Local(folder) => stage(folder, key).await?,
            Backend::Remote(remote) => {
                Sink::Parts(Box::new(Multipart::new(Arc::clone(remote), key.clone())))
            }
        };
        Ok(self.writer(Some(key.clone()), sink))
    }

    /// Begins a data file of this collection whose key is known only at its end
    /// ([`ObjectWriter::finish_as`]), because its last LSN is not known before.
    ///
    /// For an S3 store its bytes wait in memory, and from 32 MiB on in a temporary file without a name.
    pub async fn create_data(&self, tenant_id: u64, collection: &str) -> Result<ObjectWriter> {
        let lsns = LsnRange::new(0, 0)?;
        let width = LsnWidth::default();
        let any = ObjectKey::data(self.prefix(), tenant_id, collection, lsns, width)?;
        let sink = match self.backend() {
            Backend::Local(folder) => stage(folder, &any).await?,
            Backend::Remote(remote) => Sink::Spool(Box::new(Spool::new(Arc::clone(remote)))),
        };
        Ok(self.writer(None, sink))
    }

    fn writer(&self, key: Option<ObjectKey>, sink: Sink) -> ObjectWriter {
        ObjectWriter { key, sink, bytes: 0, counters: Arc::clone(self.counters()) }
    }
}

/// In the folder of the key, so that the finished file only has to be linked.
async fn stage(folder: &Arc<LocalFolder>, key: &ObjectKey) -> Result<Sink> {
    let (staging, key) = (Arc::clone(folder), key.clone());
    let staged = blocking(move || staging.stage(key.as_str())).await?;
    Ok(Sink::Folder(Arc::clone(folder), Some(staged)))
}

impl ObjectWriter {
    /// The size of every part of a multipart upload but the last, which some stores want equal.
    pub const PART_BYTES: usize = 16 << 20;
    /// How many parts are on their way at a time.
    pub const PARTS_AT_ONCE: usize = 3;

    /// Takes the next bytes. Waits while too much is on its way. After an error only `abort` makes sense.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.bytes += bytes.len() as u64;
        match &mut self.sink {
            Sink::Parts(parts) => parts.write(bytes).await,
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

    /// Makes all that was written ready, so that [`settle`](Self::settle) at the same key, which may come much later, has
    /// only to show it. After an error only `abort` makes sense.
    pub(crate) async fn stage(&mut self, key: &ObjectKey, hold: Hold) -> Result<()> {
        if let Sink::Spool(spool) = &mut self.sink {
            self.sink = Sink::Parts(Box::new(spool.pour(key).await?));
        }
        match &mut self.sink {
            Sink::Parts(parts) => parts.stage(hold).await,
            Sink::Spool(_) => Ok(()),
            Sink::Folder(_, staged) => {
                if let Some(mut file) = staged.take() {
                    *staged = Some(blocking(move || file.seal().map(|()| file)).await?);
                }
                Ok(())
            }
        }
    }

    /// Leaves it to the caller to take away what killed writers of the same key left.
    pub(crate) fn leave_others(&mut self) {
        if let Sink::Parts(parts) = &mut self.sink {
            parts.leave_others();
        }
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the object visible, whole and durable, under the key it was begun with.
    ///
    /// The same content there already is success; other content is [`ErrorKind::Conflict`], and stays.
    pub async fn finish(mut self) -> Result<PutOutcome> {
        match self.key.take() {
            Some(key) => self.settle(&key).await,
            None => Err(Error::new(
                ErrorKind::Misuse,
                "this object has no key yet; finish it by ObjectWriter::finish_as",
            )),
        }
    }

    /// As [`finish`](Self::finish), under this key of the collection that it was begun for.
    pub async fn finish_as(self, key: &ObjectKey) -> Result<PutOutcome> {
        match (&self.key, key.target()) {
            (None, KeyTarget::Data { .. }) => self.settle(key).await,
            _ => Err(Error::new(
                ErrorKind::Misuse,
                "only an object of ColdStorage::create_data takes a key at its end",
            )
            .at(key.as_str())),
        }
    }

    /// Takes back what was sent. An error says what may be left in the store.
    pub async fn abort(self) -> Result<()> {
        match self.sink {
            Sink::Parts(parts) => parts.abort().await,
            // Gone with their last handle.
            Sink::Folder(..) | Sink::Spool(_) => Ok(()),
        }
    }

    /// Takes back what was sent; `error` is why, and tells of it where that did not work.
    pub(crate) async fn give_up(self, error: Error) -> Error {
        match self.sink {
            Sink::Parts(parts) => parts.give_up(error).await,
            Sink::Folder(..) | Sink::Spool(_) => error,
        }
    }

    /// As [`finish`](Self::finish). `key` is the one it was begun with, where it was with one.
    pub(crate) async fn settle(self, key: &ObjectKey) -> Result<PutOutcome> {
        let outcome = match self.sink {
            Sink::Parts(parts) => parts.finish().await?,
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
