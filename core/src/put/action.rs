//! What an upload wants done, and what became of it.

use std::ops::Range;

#[cfg(doc)]
use super::Upload;
use crate::{Method, ObjectKey};

/// What the host is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this request; answer with [`Upload::handle_response`], whatever the status, or
    /// [`Upload::handle_failure`].
    Request {
        /// Names the request in its answer.
        id: u64,
        /// The method.
        method: Method,
        /// The URL: a secret until it expires, not to be logged.
        url: String,
        /// All headers, names in lower case.
        headers: Vec<(String, String)>,
        /// The body.
        body: RequestBody,
    },
    /// Ask for a grant for this file; answer with [`Upload::handle_grant`] or
    /// [`Upload::handle_grant_failure`].
    AskGrant {
        /// Names the question, for [`Action::Cancel`].
        id: u64,
        /// The multipart upload to go on with, for
        /// [`GrantRequest::upload_id`](crate::GrantRequest).
        upload_id: Option<String>,
    },
    /// Break off this request or question, if it is still under way. Its answer does not matter.
    Cancel {
        /// As in the action that began it.
        id: u64,
    },
}

/// The body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestBody {
    /// None.
    Empty,
    /// These bytes of the file.
    File(Range<u64>),
    /// These very bytes.
    Bytes(Vec<u8>),
}

/// An upload that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Where the object lies.
    pub key: ObjectKey,
    /// Its size.
    pub bytes: u64,
    /// Whether this upload is known to have stored it; `false`: an object of the same content lay
    /// there, from an earlier upload, another writer, or a request of this one whose answer was
    /// lost.
    pub created: bool,
}
