//! What a put says of its progress.

use super::machine::Put;
use super::progress::{NextTry, Phase, Progress};
use super::stage::{Purpose, Stage};
use crate::retry::Retry;

impl Put {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        let retry = self.next_try();
        let phase = match self.stage {
            _ if self.is_finished => Phase::Over,
            Stage::Over => Phase::Aborting,
            _ if retry.is_some() && self.is_idle() => Phase::Waiting,
            _ if self.own.is_none() && !self.grants.is_usable() => Phase::Granting,
            Stage::Sending => Phase::Sending,
            Stage::Completing(_) => Phase::Completing,
            Stage::Checking(_) => Phase::Checking,
        };
        let all = matches!(self.ending, Some(Ok(_)));
        Progress {
            phase,
            sent_bytes: if all { self.body.bytes } else { self.chunks.done_bytes },
            under_way_bytes: self.chunks_under_way().map(|i| self.chunks.bytes_of(i)).sum(),
            total_bytes: self.body.bytes,
            retry,
        }
    }

    /// Whether no request of the upload and no question is under way.
    fn is_idle(&self) -> bool {
        !self.grants.question.is_asked()
            && self.sent.values().all(|sent| matches!(sent.purpose, Purpose::Abort(_)))
    }

    fn chunks_under_way(&self) -> impl Iterator<Item = usize> {
        self.sent.values().filter_map(|sent| match sent.purpose {
            Purpose::Chunk(i) => Some(i),
            _ => None,
        })
    }

    /// The retry that is under way, or the next one if nothing is under way.
    fn next_try(&self) -> Option<NextTry> {
        if self.is_over() {
            return None;
        }
        let is_idle = self.is_idle();
        let retry = if self.own.is_none() && !self.grants.is_usable() {
            let question = &self.grants.question;
            if !is_idle && !question.is_asked() {
                return None;
            }
            question.retry
        } else {
            match &self.stage {
                Stage::Over => return None,
                Stage::Completing(retry) => *retry,
                Stage::Checking(check) => check.retry,
                Stage::Sending if is_idle => {
                    let (not_before_ms, i) = *self.chunks.waiting.first()?;
                    let mut retry = Retry::from(not_before_ms);
                    retry.failures =
                        self.chunks.retry(i).failures.saturating_add(self.taken_retry.failures);
                    retry
                }
                Stage::Sending => {
                    let tries = self.chunks_under_way().map(|i| self.chunks.retry(i));
                    tries.max_by_key(|retry| retry.failures)?
                }
            }
        };
        NextTry::of(&retry, &self.last_failure)
    }
}
