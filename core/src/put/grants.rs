//! The grants of a put: the current one, and the question for another.

use super::question::Question;
use crate::{Error, Grant, GrantedWrite, MultipartGrant};

/// The current grant, and the question for another one.
#[derive(Debug, Default)]
pub(super) struct Grants {
    pub(super) current: Option<Grant>,
    /// Counts the grants that were accepted. A late answer to a request of an earlier grant says
    /// nothing about the current one.
    pub(super) epoch: u64,
    /// Whether the grant was still valid by our clock when it came. If not, the clocks disagree:
    /// then only the store's answer says that the grant has expired.
    pub(super) clock_believed: bool,
    /// Whether the multipart upload of the current grant must be aborted if the put fails.
    pub(super) is_open: bool,
    pub(super) question: Question,
    pub(super) asks_idle: u32,
    /// Why the machine asks for another grant.
    pub(super) why: Option<Error>,
}

impl Grants {
    pub(super) fn want(&mut self, why: Option<Error>, now_ms: u64) {
        self.why = why;
        self.question.want(now_ms);
    }

    /// The grant to use; none while the machine asks for another one.
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

    /// Whether the current grant has expired by our clock, if the clocks agree.
    pub(super) fn clock_expired(&self, now_ms: u64) -> bool {
        self.clock_believed
            && self.current.as_ref().is_some_and(|grant| now_ms >= grant.expires_ms())
    }

    /// A part was stored, so another grant is of use.
    pub(super) fn progressed(&mut self) {
        self.asks_idle = 0;
    }

    pub(super) fn forget(&mut self) {
        self.current = None;
        self.is_open = false;
    }
}
