//! Which grant an upload uses, and when it asks for another one.

use super::action::Action;
use super::chunks::Chunks;
use super::machine::Put;
use super::question::{no_grant, unanswered};
use super::response::without_queries;
use super::stage::{Purpose, Stage};
use crate::grant::SHA256_HEADER;
use crate::{Error, ErrorKind, Grant, GrantedWrite, Result, Sha256Digest, SignedRequest};

/// How many times in a row the machine asks for another grant without storing a part in between.
const ASKS_IDLE_MAX: u32 = 4;

impl Put {
    pub(super) fn take_first_grant(&mut self, grant: Grant, now_ms: u64) {
        match self.fit(&grant) {
            Ok(()) => self.take(grant, now_ms),
            Err(error) => {
                self.abort_unused(&grant, now_ms);
                self.grants.want(Some(error), now_ms);
            }
        }
    }

    pub(super) fn take_asked_grant(&mut self, grant: Grant, now_ms: u64) {
        if self.is_over() || !self.grants.question.is_open() {
            // The answer came twice, or too late. But the grant server has begun a multipart upload
            // for it.
            self.abort_unused(&grant, now_ms);
            return;
        }
        match self.fit(&grant) {
            Ok(()) => self.take(grant, now_ms),
            Err(error) => {
                self.abort_unused(&grant, now_ms);
                self.fail(error, now_ms);
            }
        }
    }

    pub(super) fn grant_refused(
        &mut self,
        kind: ErrorKind,
        message: &str,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) {
        if !self.grants.question.is_asked() || self.is_over() {
            return;
        }
        self.retry_after_ms = retry_after_ms.or(self.retry_after_ms);
        self.last_failure = without_queries(message);
        let (backoff, random) = (self.settings.backoff(), &mut self.random);
        if !self.grants.question.refused(kind, &backoff, random, retry_after_ms, now_ms) {
            let error = no_grant(self.grants.why.as_ref(), kind, message, &self.settings);
            self.fail(error, now_ms);
        }
    }

    /// Asks for another grant, for this reason. Fails if too many grants in a row were of no use.
    pub(super) fn want_grant(&mut self, why: Error, now_ms: u64) {
        if self.grants.question.is_open() {
            return;
        }
        self.grants.asks_idle += 1;
        if self.grants.asks_idle > ASKS_IDLE_MAX {
            let message = format!(
                "{ASKS_IDLE_MAX} grants in a row ended before a part was stored ({why}); let \
                 grants be valid longer, and compare the clocks of the grant server and the store"
            );
            self.fail(Error::new(why.kind(), message), now_ms);
            return;
        }
        self.grants.want(Some(why), now_ms);
    }

    pub(super) fn poll_question(&mut self, now_ms: u64) -> Option<Action> {
        if !self.grants.question.is_due(now_ms) {
            return None;
        }
        let id = self.id();
        let deadline_ms = now_ms.saturating_add(self.settings.timeout_ms());
        self.grants.question.asked(id, deadline_ms);
        let multipart = self.grants.multipart().filter(|_| self.grants.is_open);
        Some(Action::AskGrant {
            id,
            upload_id: multipart.map(|multipart| multipart.upload_id.clone()),
        })
    }

    pub(super) fn expire_question(&mut self, now_ms: u64) {
        let Some(id) = self.grants.question.late(now_ms) else { return };
        self.cancels.push_back(id);
        let message = unanswered(&self.settings);
        self.grant_refused(ErrorKind::Unavailable, &message, None, now_ms);
    }

    fn take(&mut self, grant: Grant, now_ms: u64) {
        // A grant with another multipart upload begins the file anew: parts belong to one upload,
        // and the earlier upload would stay open for ever.
        if !self.continues(&grant) {
            let parts_under_way =
                self.cancel(|purpose| matches!(purpose, Purpose::Chunk(_) | Purpose::Complete));
            self.abort_current(parts_under_way, now_ms);
            let chunk_bytes = match grant.write() {
                GrantedWrite::Put(_) => self.body.bytes,
                GrantedWrite::Multipart(multipart) => multipart.part_bytes,
            };
            self.chunks = Chunks::new(self.body.bytes, chunk_bytes, now_ms);
            if matches!(self.stage, Stage::Completing(_)) {
                self.stage = Stage::Sending;
            }
        }
        let grants = &mut self.grants;
        grants.is_open = matches!(grant.write(), GrantedWrite::Multipart(_));
        grants.clock_believed = grant.expires_ms() > now_ms;
        grants.epoch += 1;
        grants.question.answered();
        grants.current = Some(grant);
    }

    /// Whether the parts that the current grant stored also count under this grant.
    fn continues(&self, grant: &Grant) -> bool {
        let Some(current) = &self.grants.current else { return false };
        match (current.write(), grant.write()) {
            (GrantedWrite::Put(_), GrantedWrite::Put(_)) => true,
            (GrantedWrite::Multipart(old), GrantedWrite::Multipart(new)) => {
                self.grants.is_open
                    && old.upload_id == new.upload_id
                    && old.part_bytes == new.part_bytes
            }
            _ => false,
        }
    }

    /// Aborts the multipart upload of a grant that the machine does not use, unless the current
    /// grant has the same upload.
    fn abort_unused(&mut self, grant: &Grant, now_ms: u64) {
        let GrantedWrite::Multipart(multipart) = grant.write() else { return };
        let current = self.grants.multipart().filter(|_| self.grants.is_open);
        if current.is_none_or(|current| current.upload_id != multipart.upload_id) {
            self.abort_upload(&multipart.upload_id, &multipart.abort, false, now_ms);
        }
    }

    /// An error if the grant does not fit this file. Keeps the key and the SHA-256 that the grant
    /// names.
    fn fit(&mut self, grant: &Grant) -> Result<()> {
        if let Some(key) = &self.body.key
            && key != grant.key()
        {
            return Err(Error::key(format!(
                "the grant is for {}, but the file is for {key}; ask for a grant for the \
                 collection and the LSNs of the file",
                grant.key()
            )));
        }
        let bytes = self.body.bytes;
        if bytes > grant.bytes_max() {
            let message = format!(
                "{}: the grant allows at most {} bytes, but the file has {bytes}; name the size \
                 when you ask for the grant, or split the rows",
                grant.key(),
                grant.bytes_max()
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
        let first = match grant.write() {
            GrantedWrite::Put(put) => {
                demand_length(grant, put, bytes)?;
                put
            }
            GrantedWrite::Multipart(multipart) => {
                let chunks = Chunks::new(bytes, multipart.part_bytes, 0);
                for (i, part) in multipart.parts.iter().enumerate().take(chunks.count()) {
                    let range = chunks.range(i);
                    demand_length(grant, part, range.end - range.start)?;
                }
                &multipart.parts[0]
            }
        };
        let granted = first.header(SHA256_HEADER).map(Sha256Digest::from_hex).transpose()?;
        match (granted, self.body.sha256) {
            (Some(granted), Some(ours)) if granted != ours => {
                let message = format!(
                    "{}: the grant is for other content (SHA-256 {granted}, but that of the file \
                     is {ours}); ask for a grant for this file",
                    grant.key()
                );
                return Err(Error::new(ErrorKind::Corrupt, message));
            }
            (Some(granted), None) => self.body.sha256 = Some(granted),
            _ => {}
        }
        self.body.key.get_or_insert_with(|| grant.key().clone());
        Ok(())
    }
}

/// An error if a request of this many bytes breaks the `content-length` that the grant signed.
fn demand_length(grant: &Grant, request: &SignedRequest, bytes: u64) -> Result<()> {
    match request.header("content-length") {
        Some(length) if length != bytes.to_string() => Err(Error::new(
            ErrorKind::Limit,
            format!(
                "{}: the grant is for a request of exactly {length} bytes, but this file needs one \
                 of {bytes}; ask for a grant for the size of the file",
                grant.key()
            ),
        )),
        _ => Ok(()),
    }
}
