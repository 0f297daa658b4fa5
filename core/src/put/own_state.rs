//! The state that only a put with the host's own credentials has.

use super::action::{PutRule, PutWay};
use super::fault::PutFault;
use super::settings::BufferPolicy;
use crate::Result;
use crate::retry::Retry;

/// The state that only a put with the host's own credentials has.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) part_bytes: u64,
    /// The rule of the store for one request, and for a completion; none until the host has said
    /// it.
    pub(super) whole_rule: Option<PutRule>,
    pub(super) parts_rule: Option<PutRule>,
    /// The question for a rule that is under way.
    pub(super) asked: Option<(u64, PutWay)>,
    /// Whether the body goes by a multipart upload.
    pub(super) is_parts: bool,
    pub(super) upload_id: Option<String>,
    /// The tries of the request that begins the multipart upload.
    pub(super) begin: Retry,
    /// An answer to that request was lost. So the store may hold another upload, and we do not know
    /// its id.
    pub(super) may_have_second_upload: bool,
    /// Why a put or a completion got no answer that tells whether the store did it.
    pub(super) doubt: Option<String>,
    /// Whether the body has ended.
    pub(super) is_ended: bool,
    /// Whether the host has published the object.
    pub(super) is_published: bool,
    /// Set once the body is staged.
    pub(super) buffer: Option<BufferPolicy>,
    /// Whether the machine has looked at the key, because the store would overwrite.
    pub(super) has_looked: bool,
    /// Another writer's object lies at the key. The machine sends nothing more, and compares the
    /// body with that object once the body has ended.
    pub(super) has_other_object: bool,
    pub(super) outcome: Option<Result<bool, PutFault>>,
}

/// How the body goes to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Not decided: more bytes, or the host's [`Put::publish`], must come first.
    Wait,
    /// Not decided: the rule of this way must be known first.
    Ask(PutWay),
    /// This way.
    Go(PutWay),
}
