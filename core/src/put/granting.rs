//! Which grant an upload works by, and when it asks for another.

use super::heard::without_queries;
use super::question::{Question, no_grant, unanswered};
use super::work::{Chunks, Purpose, Stage};
use super::{Action, Upload};
use crate::grant::SHA256_HEADER;
use crate::{
    Error, ErrorKind, Grant, GrantedWrite, MultipartGrant, Result, Sha256Digest, SignedRequest,
};

/// How many grants in a row may expire without anything having been stored.
const ASKS_IDLE_MAX: u32 = 4;

#[derive(Debug, Default)]
pub(super) struct Grants {
    current: Option<Grant>,
    /// Counts the grants taken: what was sent by an earlier one says nothing about this one.
    pub(super) epoch: u64,
    /// Whether the grant still held by our clock when it came. If not, the clocks disagree, and
    /// only the store's word counts.
    clock_believed: bool,
    /// Whether the multipart upload of the current grant is to be aborted if all else ends.
    pub(super) is_open: bool,
    pub(super) question: Question,
    asks_idle: u32,
    /// Why another grant is asked for.
    why: Option<Error>,
}

impl Grants {
    pub(super) fn want(&mut self, why: Option<Error>, now_ms: u64) {
        self.why = why;
        self.question.want(now_ms);
    }

    /// The grant to work by; none while another is asked for.
    pub(super) fn usable(&self) -> Option<&Grant> {
        self.current.as_ref().filter(|_| !self.question.is_open())
    }

    pub(super) fn is_usable(&self) -> bool {
        self.usable().is_some()
    }

    pub(super) fn multipart(&self) -> Option<&MultipartGrant> {
        match self.current.as_ref()?.write() {
            GrantedWrite::Multipart(multipart) => Some(multipart),
            GrantedWrite::Put(_) => None,
        }
    }

    /// Whether the current grant has expired, by a clock that is believed.
    pub(super) fn clock_expired(&self, now_ms: u64) -> bool {
        self.clock_believed
            && self.current.as_ref().is_some_and(|grant| now_ms >= grant.expires_ms())
    }

    /// Something was stored, so that fresh grants are of use.
    pub(super) fn progressed(&mut self) {
        self.asks_idle = 0;
    }

    pub(super) fn forget(&mut self) {
        self.current = None;
        self.is_open = false;
    }
}

impl Upload {
    pub(super) fn take_first_grant(&mut self, grant: Grant, now_ms: u64) {
        match self.fit(&grant) {
            Ok(()) => self.take(grant, now_ms),
            Err(error) => {
                self.give_back(&grant, now_ms);
                self.grants.want(Some(error), now_ms);
            }
        }
    }

    pub(super) fn take_asked_grant(&mut self, grant: Grant, now_ms: u64) {
        if self.is_over() || !self.grants.question.is_open() {
            // Perhaps an answer that came twice, perhaps one that came too late; a multipart upload
            // was begun either way.
            self.give_back(&grant, now_ms);
            return;
        }
        match self.fit(&grant) {
            Ok(()) => self.take(grant, now_ms),
            Err(error) => {
                self.give_back(&grant, now_ms);
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

    /// Another grant is needed, for this reason; unless too many have come to nothing.
    pub(super) fn want_grant(&mut self, why: Error, now_ms: u64) {
        if self.grants.question.is_open() {
            return;
        }
        self.grants.asks_idle += 1;
        if self.grants.asks_idle > ASKS_IDLE_MAX {
            let message = format!(
                "{ASKS_IDLE_MAX} grants in a row came to nothing ({why}); let grants hold longer, and compare the clocks of the granting server and the store"
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
        let deadline_ms = now_ms.saturating_add(self.settings.timeout_ms);
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

    /// Whether what is stored by the current grant counts under this one.
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

    /// Aborts the multipart upload of a grant that is not taken.
    fn give_back(&mut self, grant: &Grant, now_ms: u64) {
        let GrantedWrite::Multipart(multipart) = grant.write() else { return };
        let current = self.grants.multipart().filter(|_| self.grants.is_open);
        if current.is_none_or(|current| current.upload_id != multipart.upload_id) {
            self.abort_upload(&multipart.upload_id, &multipart.abort, false, now_ms);
        }
    }

    /// Whether the grant is for this file; what is known by it is kept.
    fn fit(&mut self, grant: &Grant) -> Result<()> {
        if let Some(key) = &self.body.key
            && key != grant.key()
        {
            return Err(Error::key(format!(
                "the grant is for {}, and the file for {key}; ask for a grant for the file's collection and LSNs",
                grant.key()
            )));
        }
        let bytes = self.body.bytes;
        if bytes > grant.bytes_max() {
            let message = format!(
                "{}: the grant takes at most {} bytes, and the file has {bytes}; name its size when asking, or split the rows",
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
                    "{}: the grant is for other content (SHA-256 {granted}, the file has {ours}); ask for one for this file",
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

fn demand_length(grant: &Grant, request: &SignedRequest, bytes: u64) -> Result<()> {
    match request.header("content-length") {
        Some(length) if length != bytes.to_string() => Err(Error::new(
            ErrorKind::Limit,
            format!(
                "{}: the grant is for a request of exactly {length} bytes, and this file needs one of {bytes}; ask for a grant for the file's size",
                grant.key()
            ),
        )),
        _ => Ok(()),
    }
}
