//! What a put asks its host to do, and how an upload ended.

use std::ops::Range;

use crate::{Method, ObjectKey};

/// The next step of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this request. Answer with [`handle_response`](crate::Put::handle_response), whatever
    /// the status, or [`handle_failure`](crate::Put::handle_failure).
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
    /// An action that only a put by [`Put::own`](crate::Put::own) asks for.
    Own(OwnAction),
    /// Ask for a grant for this file; answer with [`handle_grant`](crate::Put::handle_grant) or
    /// [`handle_grant_failure`](crate::Put::handle_grant_failure).
    AskGrant {
        /// Names the question, for [`Action::Cancel`].
        id: u64,
        /// The multipart upload to go on with, for
        /// [`GrantRequest::upload_id`](crate::GrantRequest).
        upload_id: Option<String>,
    },
    /// Cancel this request or question, if it is still under way. Its answer does not matter.
    Cancel {
        /// The id of the action to cancel.
        id: u64,
    },
}

/// The next step of a host that puts with its own credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnAction {
    /// Sign this request with the host's own credentials and send it; answer as for
    /// [`Action::Request`].
    Send {
        /// Names the request in its answer.
        id: u64,
        /// What to ask of the store.
        request: StoreRequest,
        /// The body.
        body: RequestBody,
    },
    /// Find out what the store does with a put to a key where an object lies. Answer with
    /// [`handle_rule`](crate::Put::handle_rule) or [`handle_unknown`](crate::Put::handle_unknown).
    FindRule {
        /// Names the question in its answer.
        id: u64,
        /// For this way of storing.
        way: PutWay,
    },
    /// Compare what lies at the key with the body. Answer with
    /// [`handle_compared`](crate::Put::handle_compared) or
    /// [`handle_unknown`](crate::Put::handle_unknown).
    Compare {
        /// Names the question in its answer.
        id: u64,
    },
}

/// What the store does with a put to a key where an object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutRule {
    /// The store refuses the put, because it honours `If-None-Match: *`.
    Conditional,
    /// The store overwrites the object. So the machine looks at the key before it puts. Two writers
    /// that look at the same moment can still overwrite each other.
    LookFirst,
}

/// How the bytes of an object reach the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutWay {
    /// By one request.
    Whole,
    /// By a multipart upload.
    Parts,
}

/// A request that the host signs with its own credentials, and sends for the key of this put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreRequest {
    /// Put the whole object (PutObject).
    Put {
        /// Whether to send `If-None-Match: *`.
        create_only: bool,
    },
    /// Begin a multipart upload (CreateMultipartUpload).
    Begin,
    /// Store one part (UploadPart).
    Part {
        /// The store's name for the upload.
        upload_id: String,
        /// The number of the part, counted from 1.
        number: usize,
    },
    /// Complete the upload (CompleteMultipartUpload), with `If-None-Match: *`.
    Complete {
        /// The store's name for the upload.
        upload_id: String,
    },
    /// Abort the upload (AbortMultipartUpload).
    Abort {
        /// The store's name for the upload.
        upload_id: String,
    },
}

/// What lies at the key, compared with the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// The same content.
    Same,
    /// Other content.
    Other {
        /// The size of the object there.
        bytes_there: u64,
    },
    /// An object. It cannot be compared yet, because the body has not ended.
    Something,
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
    /// Whether this upload is known to have stored it. `false`: an object with the same content lay
    /// there. It came from an earlier upload, from another writer, or from a request of this upload
    /// whose answer was lost.
    pub created: bool,
}
