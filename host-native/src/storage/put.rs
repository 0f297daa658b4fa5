//! Puts rows and files, each as one object.

use std::borrow::Cow;
use std::{slice, vec};

use coldpress_core::{EncodedFile, Encoder, LsnRange, ObjectKey, Settings, Target, Wanted};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::error::{Error, ErrorKind, Result};
use crate::storage::claims::{Claim, ClaimAs, NotClaimed};
use crate::storage::cold_storage::ColdStorage;
use crate::store::outcome::PutOutcome;
use crate::threads::internal;

/// How many rows go to the encoder's thread at a time. Other tasks run in between.
const CHUNK_ROWS: usize = 256;

impl ColdStorage {
    /// Encodes rows of (id, document) as one Parquet file, stores it, and returns its key.
    ///
    /// `rows` is a slice, an array or a `Vec`, borrowed or owned. Borrowed rows are copied, a few
    /// at a time. Owned rows are not copied.
    ///
    /// If any row cannot be stored without loss, nothing is stored. Storing the same rows at the
    /// same key again is success. Other rows at that key, or LSNs that another object holds, are
    /// [`ErrorKind::Conflict`].
    pub async fn encode_and_upload(
        &self,
        collection: &str,
        tenant_id: u64,
        rows: impl Into<Cow<'_, [(String, Value)]>>,
        min_lsn: u64,
        max_lsn: u64,
    ) -> Result<ObjectKey> {
        let target = self.target_of(collection, tenant_id, min_lsn, max_lsn)?;
        let file = encode(self.settings.clone(), target, rows.into()).await?;
        self.put_file(&file).await?;
        Ok(file.key)
    }

    /// The target of one object. A wrong name is an error before the work of encoding, and not
    /// after it.
    pub(super) fn target_of(
        &self,
        collection: &str,
        tenant_id: u64,
        min_lsn: u64,
        max_lsn: u64,
    ) -> Result<Target> {
        let lsns = LsnRange::new(min_lsn, max_lsn)?;
        ObjectKey::data(&self.prefix, tenant_id, collection, lsns, self.lsn_width)?;
        Ok(self.target(tenant_id, collection, Some(lsns)))
    }

    /// Stores a file that the core's `Encoder` made for [`ColdStorage::target`].
    ///
    /// If another object, or another put that runs now, holds some of its LSNs, this is
    /// [`ErrorKind::Conflict`], and the message names the other one. Without the permission to list
    /// the bucket, the put goes on without this check.
    pub async fn put_file(&self, file: &EncodedFile) -> Result<PutOutcome> {
        if ObjectKey::parse(&self.prefix, file.key.as_str()).is_err() {
            let message = "this key is for another prefix; encode the file for ColdStorage::target";
            return Err(Error::new(ErrorKind::Misuse, message).at(file.key.as_str()));
        }
        let wanted = Wanted::Keys(vec![file.key.clone()]);
        let claim = match self.claim(&file.key, wanted, ClaimAs::Put, Vec::new()).await {
            Err(NotClaimed::Unseen(error)) => {
                tracing::warn!(
                    key = %file.key,
                    %error,
                    "no permission to list: putting without checking for overlapping LSNs"
                );
                None
            }
            claimed => Some(claimed.map_err(Error::from)?),
        };
        let claim = claim.map(Claim::kept);
        let put = self.put(&file.key, &file.bytes).await;
        if let Some(claim) = claim {
            claim.end(self, put.as_ref().err()).await;
        }
        let outcome = match put {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.explain_conflict(error).await),
        };
        let (key, bytes, rows) = (&file.key, file.bytes.len(), file.summary.rows);
        tracing::info!(%key, bytes, rows, ?outcome, "stored rows");
        Ok(outcome)
    }
}

/// Encodes on a blocking thread. The thread stops if the caller is dropped.
async fn encode(
    settings: Settings,
    target: Target,
    rows: Cow<'_, [(String, Value)]>,
) -> Result<EncodedFile> {
    let (sender, mut receiver) = mpsc::channel::<Vec<(String, Value)>>(2);
    let encoding = tokio::task::spawn_blocking(move || -> Result<EncodedFile> {
        let mut encoder = Encoder::new(settings)?;
        while let Some(chunk) = receiver.blocking_recv() {
            encoder.push_rows(&chunk)?;
        }
        Ok(encoder.finish(&target)?)
    });
    for chunk in Chunks::of(rows) {
        if sender.send(chunk).await.is_err() {
            // The encoder stopped at a row that it refused; its error is returned below.
            break;
        }
    }
    drop(sender);
    encoding.await.map_err(|error| internal(&error))?
}

/// Rows for another thread, a few at a time. Owned rows are moved, and borrowed rows are copied.
enum Chunks<'r> {
    Owned(vec::IntoIter<(String, Value)>),
    Borrowed(slice::Chunks<'r, (String, Value)>),
}

impl<'r> Chunks<'r> {
    fn of(rows: Cow<'r, [(String, Value)]>) -> Self {
        match rows {
            Cow::Owned(rows) => Chunks::Owned(rows.into_iter()),
            Cow::Borrowed(rows) => Chunks::Borrowed(rows.chunks(CHUNK_ROWS)),
        }
    }
}

impl Iterator for Chunks<'_> {
    type Item = Vec<(String, Value)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Chunks::Owned(rows) => {
                let chunk: Vec<_> = rows.take(CHUNK_ROWS).collect();
                (!chunk.is_empty()).then_some(chunk)
            }
            Chunks::Borrowed(chunks) => chunks.next().map(<[_]>::to_vec),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The addresses of the texts of these rows in memory.
    fn places<'a>(rows: impl IntoIterator<Item = &'a (String, Value)>) -> Vec<[*const u8; 2]> {
        let place = |(id, document): &(String, Value)| {
            [id.as_ptr(), document["text"].as_str().unwrap().as_ptr()]
        };
        rows.into_iter().map(place).collect()
    }

    #[test]
    fn owned_rows_are_not_cloned() {
        let row = |n: usize| (format!("id-{n}"), json!({ "text": format!("text {n}") }));
        let rows: Vec<_> = (0..2 * CHUNK_ROWS + 1).map(row).collect();
        let before = places(&rows);
        let borrowed: Vec<_> = Chunks::of(Cow::from(&rows)).collect();
        assert_eq!(borrowed.iter().map(Vec::len).collect::<Vec<_>>(), [CHUNK_ROWS, CHUNK_ROWS, 1]);
        assert_eq!(borrowed.concat(), rows);
        let copied = places(borrowed.iter().flatten());
        assert!(
            copied.iter().zip(&before).all(|(copy, row)| copy[0] != row[0] && copy[1] != row[1])
        );
        let owned: Vec<_> = Chunks::of(Cow::from(rows)).collect();
        assert_eq!(owned, borrowed);
        assert_eq!(places(owned.iter().flatten()), before);
    }
}
