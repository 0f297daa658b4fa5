//! A put with the host's own credentials. Its body may grow while parts of it are sent, and the
//! host says when to publish the object.

use super::action::{Found, PutRule, PutWay};
use super::fault::{Failure, PutFault};
use super::machine::Put;
use super::own_state::{Own, Way};
use super::settings::{BufferPolicy, PutBody, UploadSettings};
use super::stage::{Purpose, Stage};
use crate::Result;
use crate::retry::Retry;

impl Put {
    /// A put with the host's own credentials, of a body that has no bytes yet.
    ///
    /// A body of at most `part_bytes` goes by one request. A larger body goes by a multipart
    /// upload, and each part is sent as soon as it is full. The host says how the body grows with
    /// [`handle_bytes`](Self::handle_bytes) and [`end_body`](Self::end_body), and makes the object
    /// visible with [`publish`](Self::publish). It stops when [`own_outcome`](Self::own_outcome)
    /// gives one.
    ///
    /// # Errors
    ///
    /// `Settings` if a setting is out of range.
    pub fn own(part_bytes: u64, settings: UploadSettings, seed: u64, now_ms: u64) -> Result<Self> {
        settings.check()?;
        let own = Own {
            part_bytes: part_bytes.max(1),
            whole_rule: None,
            parts_rule: None,
            asked: None,
            is_parts: false,
            upload_id: None,
            begin: Retry::from(now_ms),
            may_have_second_upload: false,
            doubt: None,
            is_ended: false,
            is_published: false,
            buffer: None,
            has_looked: false,
            has_other_object: false,
            outcome: None,
        };
        let body = PutBody { bytes: 0, sha256: None, key: None };
        Ok(Put { own: Some(own), ..Self::begun(body, settings, seed, now_ms) })
    }

    /// The body has this many more bytes.
    pub fn handle_bytes(&mut self, bytes: u64, now_ms: u64) {
        self.body.bytes = self.body.bytes.saturating_add(bytes);
        self.grow(now_ms);
        self.try_finish();
    }

    /// The body has ended: no more bytes follow.
    pub fn end_body(&mut self, now_ms: u64) {
        let Some(own) = &mut self.own else { return };
        own.is_ended = true;
        self.grow(now_ms);
        self.try_finish();
    }

    /// Ends the body and stages it: sends all bytes that the policy does not let wait. The object
    /// is not visible before [`publish`](Self::publish). [`is_staged`](Self::is_staged) says when
    /// all is sent.
    pub fn stage(&mut self, policy: BufferPolicy, now_ms: u64) {
        let Some(own) = &mut self.own else { return };
        own.buffer = Some(policy);
        self.end_body(now_ms);
    }

    /// Makes the object visible, once the body has ended and all of it is sent.
    pub fn publish(&mut self, now_ms: u64) {
        let Some(own) = &mut self.own else { return };
        own.is_published = true;
        self.grow(now_ms);
        self.try_finish();
    }

    /// Whether nothing is left to do before [`publish`](Self::publish): all bytes are sent, or may
    /// wait.
    pub fn is_staged(&self) -> bool {
        let Some(own) = &self.own else { return false };
        match self.stage {
            Stage::Over => true,
            Stage::Completing(_) => true,
            Stage::Checking(_) => false,
            Stage::Sending => own.is_ended && (own.has_other_object || self.way() == Way::Wait),
        }
    }

    /// How many more bytes the body may get now. So the host's memory holds at most one part for
    /// each parallel request, and one part that fills.
    pub fn room(&self) -> u64 {
        let Some(own) = &self.own else { return 0 };
        if own.has_other_object || self.is_over() {
            return u64::MAX;
        }
        let parts = (self.settings.concurrency as u64).saturating_add(1);
        let held = self.body.bytes.saturating_sub(self.released_bytes());
        parts.saturating_mul(own.part_bytes).saturating_sub(held)
    }

    /// The host may drop the bytes of the body before this one: they are stored, or not needed any
    /// more.
    pub fn released_bytes(&self) -> u64 {
        match &self.own {
            Some(own) if own.has_other_object || self.is_over() => self.body.bytes,
            Some(own) if own.is_parts => self.chunks.stored_prefix_bytes(),
            _ => 0,
        }
    }

    /// The answer to [`OwnAction::FindRule`](super::OwnAction::FindRule).
    pub fn handle_rule(&mut self, id: u64, rule: PutRule, now_ms: u64) {
        let Some(own) = &mut self.own else { return };
        let Some((_, way)) = own.asked.take_if(|(asked, _)| *asked == id) else { return };
        match way {
            PutWay::Whole => own.whole_rule = Some(rule),
            PutWay::Parts => own.parts_rule = Some(rule),
        }
        self.grow(now_ms);
        self.try_finish();
    }

    /// The answer to [`OwnAction::Compare`](super::OwnAction::Compare).
    pub fn handle_compared(&mut self, id: u64, found: Found, now_ms: u64) {
        if self.sent.remove(&id).is_some() {
            self.compared(found, now_ms);
        }
        self.try_finish();
    }

    /// The host could not answer [`OwnAction::FindRule`](super::OwnAction::FindRule) or
    /// [`OwnAction::Compare`](super::OwnAction::Compare). The put ends with [`PutFault::Host`], or
    /// with the earlier failure that led to the question.
    pub fn handle_unknown(&mut self, id: u64, now_ms: u64) {
        let of_rule =
            self.own.as_mut().and_then(|own| own.asked.take_if(|(asked, _)| *asked == id));
        if of_rule.is_some() {
            self.fail_with(Failure::Fault(PutFault::Host { doubt: None }), now_ms);
        } else if self.sent.remove(&id).is_some() {
            self.not_compared(now_ms);
        }
        self.try_finish();
    }

    /// How a put with own credentials ended; `None` before its end. `true`: this put is known to
    /// have stored the object. `false`: an object with the same content lay there.
    pub fn own_outcome(&self) -> Option<&Result<bool, PutFault>> {
        self.own.as_ref()?.outcome.as_ref()
    }

    /// Whether the store may hold another multipart upload of this put, whose id we do not know.
    pub fn may_have_double(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.may_have_second_upload)
    }

    /// Whether the body goes, or went, by a multipart upload.
    pub fn went_by_parts(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.is_parts)
    }

    /// How the body goes to the store, as far as that is decided.
    pub(super) fn way(&self) -> Way {
        let Some(own) = &self.own else { return Way::Wait };
        let one_put = self.body.bytes <= own.part_bytes;
        match own.buffer {
            _ if own.is_parts || !one_put => Way::Go(PutWay::Parts),
            _ if !own.is_ended => Way::Wait,
            _ if own.is_published => Way::Go(PutWay::Whole),
            None => Way::Wait,
            // A multipart upload needs at least one part, and no part is empty here.
            Some(_) if self.body.bytes == 0 => Way::Wait,
            Some(BufferPolicy::Nothing) => Way::Go(PutWay::Parts),
            Some(BufferPolicy::UpTo(held)) if self.body.bytes <= held => Way::Wait,
            Some(BufferPolicy::UpTo(_)) => match own.parts_rule {
                None => Way::Ask(PutWay::Parts),
                Some(PutRule::Conditional) => Way::Go(PutWay::Parts),
                Some(PutRule::LookFirst) => Way::Wait,
            },
        }
    }

    /// Whether a request of this purpose is under way.
    pub(super) fn is_under_way(&self, purpose: Purpose) -> bool {
        self.sent.values().any(|sent| sent.purpose == purpose)
    }
}
