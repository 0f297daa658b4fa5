//! An object on its way into an S3 store: one put where it is small, else parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use coldpress_core::{
    Next, ObjectKey, PARTS_MAX, Sha256Digest, StoreStep, complete_multipart_body,
};
use object_store::ObjectStoreExt;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{Hold, ObjectWriter};
use crate::create::{Creating, Sent, create_only};
use crate::grant::{no_etag, now_ms};
use crate::remote::{PutRule, RemoteStore, store_path};
use crate::uploads::{self, ABORT_PATIENCE, LIFETIME_MS, OwnUpload, sweep};
use crate::{Error, ErrorKind, PutOutcome, Result};

/// What [`Hold::Small`] holds.
const HELD_BYTES_MAX: usize = 1 << 20;

/// Bytes for one object, cut into parts.
#[derive(Debug)]
pub(super) struct Multipart {
    remote: Arc<RemoteStore>,
    key: ObjectKey,
    /// Less than a part.
    waiting: BytesMut,
    hash: Sha256,
    bytes: u64,
    /// Once there is more than one part.
    upload: Option<Upload>,
    /// Whether what others left of this object is somebody else's to take away.
    leaves_others: bool,
    /// Another writer's object lies at the key: nothing more is sent, and at the end ours is compared with it.
    taken: bool,
}

/// A multipart upload under way. Dropped, it sends nothing more, and then its parts are taken back.
#[derive(Debug)]
struct Upload {
    sending: JoinSet<Result<(usize, String), Failed>>,
    own: OwnUpload,
    etags: BTreeMap<usize, String>,
    begun: usize,
}

/// Why parts could not be sent.
#[derive(Debug)]
enum Failed {
    /// The upload is gone from the store, and its parts with it.
    Gone(Error),
    Other(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::Other(error)
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Gone(error) | Failed::Other(error) => error,
        }
    }
}

impl Multipart {
    pub(super) fn new(remote: Arc<RemoteStore>, key: ObjectKey) -> Self {
        let waiting = BytesMut::new();
        Multipart {
            remote,
            key,
            waiting,
            hash: Sha256::new(),
            bytes: 0,
            upload: None,
            leaves_others: false,
            taken: false,
        }
    }

    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.hash.update(&bytes);
        self.bytes += bytes.len() as u64;
        if self.taken {
            return Ok(());
        }
        while !bytes.is_empty() {
            let room = ObjectWriter::PART_BYTES - self.waiting.len();
            self.waiting.extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            // Not before more comes: what is just one part goes by a simple put.
            if self.waiting.len() == ObjectWriter::PART_BYTES && !bytes.is_empty() {
                let sent = self.send_part().await;
                self.unless_swept(sent).await?;
            }
        }
        Ok(())
    }

    pub(super) fn leave_others(&mut self) {
        self.leaves_others = true;
    }

    /// Sends all of it, but for what goes by one put and is to be held here.
    pub(super) async fn stage(&mut self, hold: Hold) -> Result<()> {
        let is_one_put = self.upload.is_none() && !self.taken;
        if is_one_put
            && hold == Hold::Small
            && (self.waiting.len() <= HELD_BYTES_MAX
                || self.remote.parts_rule().await? == PutRule::LookFirst)
        {
            return Ok(());
        }
        let sent = self.send_rest().await;
        self.unless_swept(sent).await
    }

    pub(super) async fn finish(mut self) -> Result<PutOutcome> {
        if self.upload.is_none() && !self.taken {
            let bytes = std::mem::take(&mut self.waiting).freeze();
            return self.remote.put_new(self.key.as_str(), &bytes).await;
        }
        let finished = match self.complete().await {
            Ok(outcome) => Ok(outcome),
            Err(failed) => self.unless_taken(failed).await,
        };
        match finished {
            Ok(outcome) => {
                let has_double = self.upload.take().is_some_and(Upload::ended);
                // Whoever was killed in the middle of this very object has left parts that nobody can use any more.
                if has_double || !self.leaves_others {
                    sweep(&self.remote, self.key.as_str()).await;
                }
                Ok(outcome)
            }
            Err(error) => Err(self.give_up(error).await),
        }
    }

    pub(super) async fn abort(mut self) -> Result<()> {
        match self.upload.take() {
            None => Ok(()),
            Some(upload) => {
                drop(upload.sending);
                upload.own.abort().await
            }
        }
    }

    /// Takes back what was sent; `error` is why, and tells of it where that did not work.
    pub(super) async fn give_up(self, error: Error) -> Error {
        let key = self.key.clone();
        match self.abort().await {
            Ok(()) => error,
            Err(left) => {
                tracing::warn!(%key, %left, "parts stay in the store");
                error.with_note(
                    "parts of it may be left in the store, which a rule AbortIncompleteMultipartUpload of the bucket takes away",
                )
            }
        }
    }

    /// Where another writer was first, its sweep took our upload away.
    async fn unless_swept(&mut self, sent: Result<(), Failed>) -> Result<()> {
        match sent {
            Err(Failed::Gone(_)) if self.is_there().await => {
                // What we sent went with our upload.
                self.upload.take().map(Upload::ended);
                self.waiting.clear();
                self.taken = true;
                Ok(())
            }
            sent => Ok(sent?),
        }
    }

    /// Our upload is gone: where another writer was first, its [`sweep`] took ours away, and what lies there tells how
    /// ours ends.
    async fn unless_taken(&self, failed: Failed) -> Result<PutOutcome> {
        match failed {
            Failed::Gone(error) => self.compare().await?.ok_or(error),
            Failed::Other(error) => Err(error),
        }
    }

    async fn is_there(&self) -> bool {
        let Ok(path) = store_path(self.key.as_str()) else { return false };
        self.remote.object_store().head(&path).await.is_ok()
    }

    async fn send_part(&mut self) -> Result<(), Failed> {
        let part = std::mem::take(&mut self.waiting).freeze();
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let own = OwnUpload::begin(&self.remote, &self.key).await?;
                self.upload.insert(Upload::new(own))
            }
        };
        while upload.sending.len() >= ObjectWriter::PARTS_AT_ONCE {
            upload.arrived().await?;
        }
        upload.begun += 1;
        let number = upload.begun;
        if number > PARTS_MAX {
            let most = PARTS_MAX as u64 * ObjectWriter::PART_BYTES as u64;
            let message = format!("an object has at most {most} bytes; make smaller files");
            return Err(Error::new(ErrorKind::Limit, message).at(self.key.as_str()).into());
        }
        let (remote, key, id) =
            (Arc::clone(&self.remote), self.key.clone(), upload.own.id().to_owned());
        upload.sending.spawn(async move { send(&remote, &key, &id, number, part).await });
        Ok(())
    }

    /// Sends what is less than a part, and waits for all parts.
    async fn send_rest(&mut self) -> Result<(), Failed> {
        if !self.waiting.is_empty() {
            self.send_part().await?;
        }
        if let Some(upload) = &mut self.upload {
            while !upload.sending.is_empty() {
                upload.arrived().await?;
            }
        }
        Ok(())
    }

    async fn complete(&mut self) -> Result<PutOutcome, Failed> {
        let path = self.key.as_str().to_owned();
        if self.taken {
            let message = "another writer's object lay there and is gone again; put it again";
            return Err(Failed::Gone(Error::new(ErrorKind::Unavailable, message).at(path)));
        }
        self.send_rest().await?;
        let Some(upload) = &self.upload else {
            let message = "there are no parts to complete; report this";
            return Err(Error::new(ErrorKind::Internal, message).into());
        };
        let id = upload.own.id().to_owned();
        let body = Bytes::from(complete_multipart_body(upload.etags.values().map(String::as_str)));
        // The condition of the completion is of no use there.
        if self.remote.parts_rule().await? == PutRule::LookFirst
            && let Some(outcome) = self.compare().await?
        {
            uploads::abort(&self.remote, &path, &id, ABORT_PATIENCE).await?;
            return Ok(outcome);
        }
        let completion = Completion { object: self, id: &id, body };
        let outcome = create_only(&completion, self.remote.patience()).await?;
        if outcome == PutOutcome::AlreadyThere {
            uploads::abort(&self.remote, &path, &id, ABORT_PATIENCE).await?;
        }
        Ok(outcome)
    }

    async fn compare(&self) -> Result<Option<PutOutcome>> {
        let digest = Sha256Digest(self.hash.clone().finalize().into());
        self.remote.compare_digest(self.key.as_str(), self.bytes, digest).await
    }
}

/// An object that comes of its parts.
struct Completion<'a> {
    object: &'a Multipart,
    id: &'a str,
    body: Bytes,
}

#[async_trait]
impl Creating for Completion<'_> {
    async fn send(&self) -> Result<Sent> {
        let Multipart { remote, key, .. } = self.object;
        let (path, patience, body) = (key.as_str(), remote.patience(), self.body.clone());
        let request = remote.signer().complete_multipart(key, self.id, LIFETIME_MS, now_ms())?;
        let step = StoreStep::Complete;
        let heard = remote.perform(step, &request, body, patience, COMPLETING, path).await;
        Ok(match heard {
            Ok(heard) => match heard.verdict.next {
                Next::Done => Sent::Created,
                Next::LookThenRetry => Sent::Not(
                    Next::LookThenRetry,
                    remote.answers().taken_by_nobody(COMPLETING, path),
                ),
                next => Sent::Not(next, remote.answers().judged(&heard.verdict, COMPLETING, path)),
            },
            Err(error) => Sent::Not(Next::Retry, error),
        })
    }

    async fn look(&self) -> Result<Option<PutOutcome>> {
        self.object.compare().await
    }
}

impl Upload {
    fn new(own: OwnUpload) -> Self {
        Upload { sending: JoinSet::new(), own, etags: BTreeMap::new(), begun: 0 }
    }

    /// Nothing of it is left to take back; whether another of ours may be, that nobody knows.
    fn ended(self) -> bool {
        self.own.ended()
    }

    /// Waits for any part.
    async fn arrived(&mut self) -> Result<(), Failed> {
        if let Some(sent) = self.sending.join_next().await {
            let sent = sent.map_err(|error| crate::storage::internal(&error))?;
            let (number, etag) = sent?;
            self.etags.insert(number, etag);
        }
        Ok(())
    }
}

/// Completes "could not …".
const COMPLETING: &str = "complete the multipart upload";

/// Stores one part; its number and ETag.
async fn send(
    remote: &RemoteStore,
    key: &ObjectKey,
    id: &str,
    number: usize,
    part: Bytes,
) -> Result<(usize, String), Failed> {
    let (doing, bytes, path) = ("store a part", Some(part.len() as u64), key.as_str());
    let request = remote
        .signer()
        .part(key, id, number, bytes, LIFETIME_MS, now_ms())
        .map_err(|error| Failed::Other(error.into()))?;
    let (step, patience) = (StoreStep::PutPart, remote.patience());
    let heard = remote.perform(step, &request, part, patience, doing, path).await?;
    if heard.verdict.next == Next::BeginAnew {
        return Err(Failed::Gone(remote.answers().judged(&heard.verdict, doing, path)));
    }
    let answer = remote.done(heard, doing, path)?;
    match answer.header("etag") {
        Some(etag) => Ok((number, etag.to_owned())),
        None => Err(no_etag(path).into()),
    }
}
