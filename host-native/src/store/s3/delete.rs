//! Deletes many objects with one request.

use std::collections::BTreeMap;

use bytes::Bytes;
use coldpress_core::{Next, Sha256Digest, Signer, StoreStep, Verdict, judge_deleted};
use md5::{Digest as _, Md5};

use crate::backoff::Tries;
use crate::error::{Error, ErrorKind, Result};
use crate::store::s3::client::{LIFETIME_MS, S3Store};
use crate::store::s3::xml::{element, elements, unescaped};
use crate::time::now_ms;

/// Completes "could not …".
const DOING: &str = "delete the object";

impl S3Store {
    /// Deletes these keys, a thousand at most. Returns the outcome of each, in order; a key without
    /// an object counts as deleted.
    ///
    /// An error means that the outcome of no key is known.
    pub(crate) async fn delete_many(&self, keys: &[&str]) -> Result<Vec<Result<()>>> {
        let mut outcomes: BTreeMap<&str, Result<()>> = BTreeMap::new();
        let mut waits = Tries::new(self.patience());
        loop {
            let left: Vec<&str> =
                keys.iter().copied().filter(|key| !outcomes.contains_key(key)).collect();
            if left.is_empty() {
                break;
            }
            let results = match self.delete_once(&left).await {
                Ok(results) => results,
                Err(error) if outcomes.is_empty() => return Err(error),
                // Some objects are deleted already, and the caller must learn which.
                Err(error) => {
                    outcomes.extend(left.iter().map(|key| (*key, Err(error.clone()))));
                    break;
                }
            };
            let mut again = None;
            for key in &left {
                match results.get(*key) {
                    Some(Some(verdict)) if verdict.next == Next::Retry => again = Some(verdict),
                    Some(result) => _ = outcomes.insert(key, self.deleted(result.as_ref(), key)),
                    None => _ = outcomes.insert(key, Err(unsaid(DOING, key))),
                }
            }
            let Some(verdict) = again else { break };
            if !waits.again_after(verdict).await {
                for key in left {
                    if let (None, Some(result)) = (outcomes.get(key), results.get(key)) {
                        outcomes.insert(key, self.deleted(result.as_ref(), key));
                    }
                }
                break;
            }
        }
        Ok(keys
            .iter()
            .map(|key| outcomes.remove(key).unwrap_or_else(|| Err(unsaid(DOING, key))))
            .collect())
    }

    /// Sends one request. Returns what the store says of each key: `None` if it is deleted, else
    /// the verdict.
    async fn delete_once(&self, keys: &[&str]) -> Result<BTreeMap<String, Option<Verdict>>> {
        let first = keys.first().copied().unwrap_or_default();
        let doing = match keys.len() {
            1 => DOING.to_owned(),
            count => format!("delete this object and {} after it", count - 1),
        };
        let objects: String = keys
            .iter()
            .map(|key| format!("<Object><Key>{}</Key></Object>", escaped(key)))
            .collect();
        let body =
            format!("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{objects}</Delete>");
        let digest: [u8; 16] = Md5::digest(body.as_bytes()).into();
        let sha256 = Sha256Digest::of(body.as_bytes());
        let sign = |signer: &Signer| signer.delete_objects(digest, sha256, LIFETIME_MS, now_ms());
        let (step, patience) = (StoreStep::DeleteMany, self.patience());
        let judged =
            self.perform_own(step, sign, Bytes::from(body), patience, (&doing, first)).await?;
        let answer = self.expect_done(judged, &doing, first)?;
        let mut results = BTreeMap::new();
        // Some stores list only the keys that they did not delete.
        if answer.body.trim_end().ends_with("</DeleteResult>") {
            results.extend(keys.iter().map(|key| ((*key).to_owned(), None)));
        }
        for deleted in elements(&answer.body, "Deleted") {
            if let Some(key) = element(deleted, "Key") {
                results.insert(unescaped(key), None);
            }
        }
        for error in elements(&answer.body, "Error") {
            let text = |name| element(error, name).map(unescaped).unwrap_or_default();
            let verdict = judge_deleted(&text("Code"), &text("Message"));
            let verdict = verdict.scrubbed(|text| self.errors().secrets.scrub(text));
            results.insert(text("Key"), Some(verdict));
        }
        match results.is_empty() {
            true => Err(unsaid(&doing, first)),
            false => Ok(results),
        }
    }

    fn deleted(&self, result: Option<&Verdict>, key: &str) -> Result<()> {
        match result {
            None => Ok(()),
            Some(verdict) if verdict.next == Next::Absent => Ok(()),
            Some(verdict) => {
                let error = self.errors().judged(verdict, DOING, key);
                Err(match error.kind() {
                    ErrorKind::Denied => {
                        error.with_note("deleting needs the permission s3:DeleteObject")
                    }
                    _ => error,
                })
            }
        }
    }
}

fn unsaid(doing: &str, key: &str) -> Error {
    let message = format!("could not {doing}: the store did not confirm it; try again");
    Error::new(ErrorKind::Unavailable, message).at(key)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
