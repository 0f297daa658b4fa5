//! Many objects deleted with one request, and what became of each.

use std::collections::BTreeMap;

use bytes::Bytes;
use coldpress_core::{Next, Sha256Digest, StoreStep, Verdict, judge_deleted};
use md5::{Digest as _, Md5};

use crate::backoff::Tries;
use crate::grant::now_ms;
use crate::http::{element, elements, unescaped};
use crate::remote::RemoteStore;
use crate::uploads::LIFETIME_MS;
use crate::{Error, ErrorKind, Result};

/// Completes "could not …".
const DOING: &str = "delete the object";

impl RemoteStore {
    /// Deletes these keys, a thousand at most. What became of each, in order: absent is success.
    ///
    /// An error is that nothing is known of any.
    pub(crate) async fn delete_many(&self, keys: &[&str]) -> Result<Vec<Result<()>>> {
        let mut outcomes: BTreeMap<&str, Result<()>> = BTreeMap::new();
        let mut waits = Tries::new(self.patience());
        loop {
            let left: Vec<&str> =
                keys.iter().copied().filter(|key| !outcomes.contains_key(key)).collect();
            if left.is_empty() {
                break;
            }
            let told = match self.delete_once(&left).await {
                Ok(told) => told,
                Err(error) if outcomes.is_empty() => return Err(error),
                // Some are gone already, which must not be lost.
                Err(error) => {
                    outcomes.extend(left.iter().map(|key| (*key, Err(error.clone()))));
                    break;
                }
            };
            let mut again = None;
            for key in &left {
                match told.get(*key) {
                    Some(Some(verdict)) if verdict.next == Next::Retry => again = Some(verdict),
                    Some(told) => _ = outcomes.insert(key, self.deleted(told.as_ref(), key)),
                    None => _ = outcomes.insert(key, Err(unsaid(DOING, key))),
                }
            }
            let Some(verdict) = again else { break };
            if !waits.again_after(verdict).await {
                for key in left {
                    if let (None, Some(told)) = (outcomes.get(key), told.get(key)) {
                        outcomes.insert(key, self.deleted(told.as_ref(), key));
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

    /// One request; by key what the store tells of it: a verdict where it was not deleted.
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
        let request = self.signer().delete_objects(digest, sha256, LIFETIME_MS, now_ms())?;
        let (step, patience) = (StoreStep::DeleteMany, self.patience());
        let heard =
            self.perform(step, &request, Bytes::from(body), patience, &doing, first).await?;
        let answer = self.done(heard, &doing, first)?;
        let mut told = BTreeMap::new();
        // Some stores name only what they did not delete.
        if answer.body.trim_end().ends_with("</DeleteResult>") {
            told.extend(keys.iter().map(|key| ((*key).to_owned(), None)));
        }
        for deleted in elements(&answer.body, "Deleted") {
            if let Some(key) = element(deleted, "Key") {
                told.insert(unescaped(key), None);
            }
        }
        for error in elements(&answer.body, "Error") {
            let text = |name| element(error, name).map(unescaped).unwrap_or_default();
            let verdict = judge_deleted(&text("Code"), &text("Message"));
            let verdict = verdict.scrubbed(|text| self.answers().secrets.scrub(text));
            told.insert(text("Key"), Some(verdict));
        }
        match told.is_empty() {
            true => Err(unsaid(&doing, first)),
            false => Ok(told),
        }
    }

    fn deleted(&self, told: Option<&Verdict>, key: &str) -> Result<()> {
        match told {
            None => Ok(()),
            Some(verdict) if verdict.next == Next::Absent => Ok(()),
            Some(verdict) => {
                let error = self.answers().judged(verdict, DOING, key);
                Err(match error.kind() {
                    ErrorKind::Denied => error.with_note("deleting needs s3:DeleteObject"),
                    _ => error,
                })
            }
        }
    }
}

fn unsaid(doing: &str, key: &str) -> Error {
    let message = format!("could not {doing}: the store did not say so of each; try again");
    Error::new(ErrorKind::Unavailable, message).at(key)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
