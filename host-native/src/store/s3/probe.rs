//! Probes: find out whether a store refuses to overwrite, before anything is put.

use std::sync::Arc;

use bytes::Bytes;
use coldpress_core::{
    GrantTerms, GrantedWrite, KeyPrefix, Meaning, Next, ObjectKey, Parts, PutRule, StoreStep,
    complete_multipart_body,
};
use object_store::{Error as StoreError, ObjectStoreExt, PutMode};

use crate::error::{Error, ErrorKind, Result};
use crate::store::error::meaning;
use crate::store::path::store_path;
use crate::store::s3::cleanup;
use crate::store::s3::cleanup::{parts_key, probe_name};
use crate::store::s3::client::S3Store;
use crate::store::s3::multipart::{PATIENCE, no_etag};
use crate::store::s3::retry::JudgedAnswer;
use crate::time::now_ms;

/// How often a probe is tried. Another process may delete its object or upload in the middle.
const PROBES_MAX: u32 = 3;

/// How an error names the completion of a multipart upload.
const COMPLETING: &str =
    "of a multipart upload's completion (only files of more than 16 MiB need one)";

impl S3Store {
    /// Whether puts refuse a taken key. Probed once, before the first put or grant.
    pub(crate) async fn rule(self: &Arc<Self>) -> Result<PutRule> {
        if let Some(rule) = self.rule.get() {
            return Ok(*rule);
        }
        let s3 = Arc::clone(self);
        self.run_to_completion(async move {
            s3.rule.get_or_try_init(|| Self::probe(&s3)).await.copied()
        })
        .await
    }

    /// Probes the store. A task in the background cleans up probes that crashed processes left
    /// behind.
    async fn probe(self: &Arc<Self>) -> Result<PutRule> {
        let key = probe_name(&self.prefix);
        let (s3, own) = (Arc::clone(self), key.clone());
        self.spawn_cleanup(async move { cleanup::delete_old_probes(&s3, &own).await });
        Ok(self.warn_if_unconditional(self.probe_at(&key).await?))
    }

    /// Puts the same new object twice with `If-None-Match: *`. A store that honours the condition
    /// refuses the second put.
    async fn probe_at(&self, key: &str) -> Result<PutRule> {
        let path = store_path(key)?;
        let doing = "try whether the store refuses to overwrite";
        match self.put(&path, Bytes::from_static(b"first"), PutMode::Create).await {
            // The name is unique. So "taken" can only mean that the first try stored the object,
            // its answer was lost, and the put was tried again.
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) if is_condition_unsupported(&error) => {
                return self.rule_without_condition("of a put");
            }
            Err(error) => return Err(self.errors.error(&error, doing, key)),
        }
        let mut second = Ok(());
        for _ in 0..PROBES_MAX {
            second = self.put(&path, Bytes::from_static(b"second"), PutMode::Create).await;
            // The second put succeeded. That proves nothing yet: a process whose clock is ahead
            // may have taken the first object for an old probe and deleted it. So try again.
            if second.is_err() {
                break;
            }
        }
        self.delete_probe(key).await;
        match second {
            Err(StoreError::AlreadyExists { .. }) => Ok(PutRule::Conditional),
            Ok(()) => self.rule_without_condition("of a put"),
            Err(error) if is_condition_unsupported(&error) => {
                self.rule_without_condition("of a put")
            }
            Err(error) => Err(self.errors.error(&error, doing, key)),
        }
    }

    /// Warns, if the caller allows such a store, that it can overwrite. Warns once, because a store
    /// is probed once.
    pub(crate) fn warn_if_unconditional(&self, rule: PutRule) -> PutRule {
        if rule == PutRule::LookFirst && self.allow_unconditional_put {
            let store = &self.errors.store;
            tracing::warn!(
                %store,
                "the store ignores If-None-Match: two writers at the same moment can overwrite \
                each other"
            );
        }
        rule
    }

    /// The rule for a store that ignores the condition: look first, if the caller allows that; else
    /// an error.
    ///
    /// `whose` is the operation whose condition it ignores.
    pub(crate) fn rule_without_condition(&self, whose: &str) -> Result<PutRule> {
        let store = &self.errors.store;
        if self.allow_unconditional_put {
            return Ok(PutRule::LookFirst);
        }
        Err(Error::settings(format!(
            "{store} ignores `If-None-Match: *` {whose}, so two writers could overwrite each \
            other unnoticed; use a store that honours it, or set allow_unconditional_put: then each put \
            first looks whether the key is free, which is not safe with several writers"
        )))
    }

    /// Stores the object over which a probe tries to complete a multipart upload.
    pub(crate) async fn put_probe(&self, key: &str) -> Result<()> {
        let put = self.put(&store_path(key)?, Bytes::from_static(b"first"), PutMode::Create).await;
        put.map_err(|error| self.errors.error(&error, "put a probe", key))
    }

    pub(crate) async fn delete_probe(&self, key: &str) {
        let Ok(path) = store_path(key) else { return };
        if let Err(error) = self.store.delete(&path).await {
            let error = self.errors.error(&error, "delete the probe", key);
            tracing::warn!(%error, "could not delete the probe object; delete it by hand");
        }
    }

    /// As [`parts_rule`](Self::parts_rule), but an error if the store can overwrite and the caller
    /// does not allow that.
    pub(crate) async fn require_create_only_parts(self: &Arc<Self>) -> Result<PutRule> {
        match self.parts_rule().await? {
            PutRule::Conditional => Ok(PutRule::Conditional),
            PutRule::LookFirst => self.rule_without_condition(COMPLETING),
        }
    }

    /// Whether completing a multipart upload refuses a taken key. Probed once, apart from
    /// [`rule`](Self::rule): stores implement the two separately, and some have only one of them.
    pub(crate) async fn parts_rule(self: &Arc<Self>) -> Result<PutRule> {
        match self.rule().await? {
            PutRule::LookFirst => Ok(PutRule::LookFirst),
            PutRule::Conditional => {
                let s3 = Arc::clone(self);
                let probe = async move {
                    s3.parts_rule.get_or_try_init(|| s3.probe_parts()).await.copied()
                };
                match self.parts_rule.get() {
                    Some(rule) => Ok(*rule),
                    None => self.run_to_completion(probe).await,
                }
            }
        }
    }

    /// Puts a new object, then completes a multipart upload over it, which the store must refuse.
    async fn probe_parts(&self) -> Result<PutRule> {
        let doing = "try whether the store refuses to overwrite by a multipart upload";
        let mut tries = 0;
        loop {
            let (prefix, key) = parts_key(&probe_name(self.prefix()))?;
            self.put_probe(key.as_str()).await?;
            let completed = self.complete_over(&prefix, &key, doing).await;
            self.delete_probe(key.as_str()).await;
            let verdict = completed?.verdict;
            tries += 1;
            match (verdict.next, verdict.meaning) {
                (Next::LookThenRetry, _) => return Ok(PutRule::Conditional),
                // A process whose clock is ahead may have deleted the object or aborted the upload.
                (Next::Done | Next::LookThenBeginAnew | Next::BeginAnew, _)
                    if tries < PROBES_MAX => {}
                (Next::Done, _) | (_, Meaning::Unsupported) => {
                    return Ok(self.warn_if_unconditional(PutRule::LookFirst));
                }
                _ => return Err(self.errors().judged(&verdict, doing, key.as_str())),
            }
        }
    }

    /// The answer to completing a multipart upload of one small part. If the upload is gone before
    /// that: the answer to the part.
    async fn complete_over(
        &self,
        prefix: &KeyPrefix,
        key: &ObjectKey,
        doing: &str,
    ) -> Result<JudgedAnswer> {
        let terms = GrantTerms { lifetime_ms: 10 * 60_000, ..GrantTerms::default() };
        let path = key.as_str();
        let upload_id = self.begin_multipart(key, &terms, PATIENCE).await?;
        let parts = Parts { part_bytes: 1 << 20, count: 1 };
        let credentials = self.current_credentials(doing, path).await?;
        let signer = self.signer_with(&credentials)?;
        let grant = signer.grant_multipart(prefix, key, &upload_id, parts, &terms, now_ms())?;
        let GrantedWrite::Multipart(multipart) = grant.write() else {
            return Err(Error::new(
                ErrorKind::Internal,
                "a multipart grant has no parts; report this",
            ));
        };
        let part = Bytes::from_static(b"second");
        let (step, request) = (StoreStep::PutPart, &multipart.parts[0]);
        let part = self.perform(step, request, part, PATIENCE, doing, path).await?;
        let completed = match part.verdict.next {
            Next::BeginAnew => Ok(part),
            _ => match self.expect_done(part, doing, path)?.header("etag") {
                Some(etag) => {
                    let body = Bytes::from(complete_multipart_body([etag]));
                    let (step, request) = (StoreStep::Complete, &multipart.complete);
                    self.perform(step, request, body, PATIENCE, doing, path).await
                }
                None => Err(no_etag(path)),
            },
        };
        let (step, request) = (StoreStep::Abort, &multipart.abort);
        let aborted = self.perform(step, request, Bytes::new(), PATIENCE, doing, path).await;
        if let Err(error) = aborted {
            tracing::warn!(%error, "could not abort the probe's multipart upload; abort it by \
                hand");
        }
        completed
    }
}

/// Whether the store said that it does not support the condition.
fn is_condition_unsupported(error: &StoreError) -> bool {
    meaning(error) == Some(Meaning::Unsupported)
}
