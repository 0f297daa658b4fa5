//! An object on its way into an S3 store: one put where it is small, else parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use coldpress_core::{ObjectKey, PARTS_MAX, Sha256Digest, complete_multipart_body};
use object_store::ObjectStoreExt;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{Hold, ObjectWriter};
use crate::grant::now_ms;
use crate::http::element;
use crate::remote::{PutRule, RemoteStore, store_path};
use crate::upload::transport::Answer;
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
    sending: JoinSet<Result<(usize, String)>>,
    own: OwnUpload,
    etags: BTreeMap<usize, String>,
    begun: usize,
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
            Err(error) => self.unless_taken(error).await,
            finished => finished,
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
    async fn unless_swept(&mut self, sent: Result<()>) -> Result<()> {
        match sent {
            Err(error) if error.kind() == ErrorKind::NotFound && self.is_there().await => {
                // What we sent went with our upload.
                self.upload.take().map(Upload::ended);
                self.waiting.clear();
                self.taken = true;
                Ok(())
            }
            sent => sent,
        }
    }

    /// Our upload is gone: where another writer was first, its [`sweep`] took ours away, and what lies there tells how
    /// ours ends.
    async fn unless_taken(&self, error: Error) -> Result<PutOutcome> {
        if error.kind() != ErrorKind::NotFound {
            return Err(error);
        }
        self.compare().await?.ok_or(error)
    }

    async fn is_there(&self) -> bool {
        let Ok(path) = store_path(self.key.as_str()) else { return false };
        self.remote.object_store().head(&path).await.is_ok()
    }

    async fn send_part(&mut self) -> Result<()> {
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
            return Err(Error::new(ErrorKind::Limit, message).at(self.key.as_str()));
        }
        let (remote, key, id) =
            (Arc::clone(&self.remote), self.key.clone(), upload.own.id().to_owned());
        upload.sending.spawn(async move { send(&remote, &key, &id, number, part).await });
        Ok(())
    }

    /// Sends what is less than a part, and waits for all parts.
    async fn send_rest(&mut self) -> Result<()> {
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

    async fn complete(&mut self) -> Result<PutOutcome> {
        if self.taken {
            let gone =
                Error::new(ErrorKind::NotFound, "the object that lay there is gone; put it again");
            return Err(gone.at(self.key.as_str()));
        }
        self.send_rest().await?;
        let Some(upload) = &self.upload else {
            return Err(Error::new(
                ErrorKind::Internal,
                "there are no parts to complete; report this",
            ));
        };
        let (id, doing, path) =
            (upload.own.id().to_owned(), "complete the multipart upload", self.key.as_str());
        let body = Bytes::from(complete_multipart_body(upload.etags.values().map(String::as_str)));
        // The condition of the completion is of no use there.
        if self.remote.parts_rule().await? == PutRule::LookFirst
            && let Some(outcome) = self.compare().await?
        {
            uploads::abort(&self.remote, path, &id, ABORT_PATIENCE).await?;
            return Ok(outcome);
        }
        let signer = self.remote.signer();
        let request = signer.complete_multipart(&self.key, &id, LIFETIME_MS, now_ms())?;
        let patience = self.remote.patience();
        let answer = self.remote.perform(&request, body, patience, doing, path).await;
        let failed = match answer {
            Ok(answer) if completed(&answer) => return Ok(PutOutcome::Created),
            Ok(answer) => self.remote.refused(&answer, doing, path),
            Err(error) => error,
        };
        // The key is taken, or an answer was lost: what lies there tells.
        match self.compare().await {
            Ok(Some(outcome)) => {
                uploads::abort(&self.remote, path, &id, ABORT_PATIENCE).await?;
                Ok(outcome)
            }
            Ok(None) => Err(failed),
            Err(error) if error.kind() == ErrorKind::Conflict => Err(error),
            Err(_) => Err(failed),
        }
    }

    async fn compare(&self) -> Result<Option<PutOutcome>> {
        let digest = Sha256Digest(self.hash.clone().finalize().into());
        self.remote.compare_digest(self.key.as_str(), self.bytes, digest).await
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
    async fn arrived(&mut self) -> Result<()> {
        if let Some(sent) = self.sending.join_next().await {
            let (number, etag) = sent.map_err(|error| crate::storage::internal(&error))??;
            self.etags.insert(number, etag);
        }
        Ok(())
    }
}

/// Stores one part; its number and ETag.
async fn send(
    remote: &RemoteStore,
    key: &ObjectKey,
    id: &str,
    number: usize,
    part: Bytes,
) -> Result<(usize, String)> {
    let (doing, bytes) = ("store a part", Some(part.len() as u64));
    let request = remote.signer().part(key, id, number, bytes, LIFETIME_MS, now_ms())?;
    let answer = remote.perform(&request, part, remote.patience(), doing, key.as_str()).await?;
    let etag = answer.headers.iter().find(|(name, _)| name == "etag");
    match etag {
        Some((_, etag)) if answer.status / 100 == 2 => Ok((number, etag.clone())),
        _ => Err(remote.refused(&answer, doing, key.as_str())),
    }
}

fn completed(answer: &Answer) -> bool {
    answer.status / 100 == 2 && element(&answer.body, "Code").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_200_that_carries_an_error_is_none() {
        let answer =
            |status, body: &str| Answer { status, headers: Vec::new(), body: body.to_owned() };
        assert!(completed(&answer(
            200,
            "<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>"
        )));
        assert!(!completed(&answer(200, "<Error><Code>InternalError</Code></Error>")));
        assert!(!completed(&answer(412, "")));
    }
}
