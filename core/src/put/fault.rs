//! Why a put ends without its object.

use super::verdict::{StoreStep, Verdict};
use crate::Error;

/// Why a put with the host's own credentials failed. The host finds the words.
#[derive(Debug, Clone)]
pub enum PutFault {
    /// The store gave this answer to the step. Another try is of no use, or the tries are used up.
    Answered {
        /// What was asked.
        step: StoreStep,
        /// What the table says of the answer. Its text may repeat secrets, if the store did.
        verdict: Box<Verdict>,
    },
    /// The step was tried, and no answer tells whether the store did it.
    Unanswered {
        /// What was asked.
        step: StoreStep,
        /// Why, in words. They may repeat what the store answered to a later try.
        said: String,
    },
    /// The store says that the key is taken, but no object lies there.
    TakenByNobody {
        /// What was asked.
        step: StoreStep,
    },
    /// An object of another writer lay at the key, and then it was gone.
    TakenAndGone,
    /// An object with other content lies at the key.
    Conflict {
        /// Its size.
        bytes_there: u64,
    },
    /// The answer to a part has no ETag.
    NoEtag,
    /// The answer to the beginning of a multipart upload names no upload.
    NoUploadId(Error),
    /// The body has more parts than an upload can have.
    TooManyParts,
    /// It did not finish within the time that the settings allow.
    TooSlow,
    /// It was aborted.
    Aborted,
    /// The host could not find the rule, or could not compare. The host knows why.
    Host {
        /// Why an earlier request may have stored the object all the same; none if no request can
        /// have. The words may repeat what the store said.
        doubt: Option<String>,
    },
}

impl PutFault {
    /// Whether the object may lie at the key in spite of the fault: now, or when a request without
    /// an answer reaches the store later.
    pub fn leaves_doubt(&self) -> bool {
        let writes_whole = |step| matches!(step, StoreStep::PutObject | StoreStep::Complete);
        match self {
            PutFault::Answered { step, verdict } => writes_whole(*step) && verdict.leaves_doubt(),
            PutFault::Unanswered { step, .. } => writes_whole(*step),
            PutFault::TooSlow | PutFault::Aborted => true,
            PutFault::Host { doubt } => doubt.is_some(),
            PutFault::TakenByNobody { .. }
            | PutFault::TakenAndGone
            | PutFault::Conflict { .. }
            | PutFault::NoEtag
            | PutFault::NoUploadId(_)
            | PutFault::TooManyParts => false,
        }
    }
}

/// Why a put ends without its object.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// A put by grant failed: the error for its user.
    Error(Error),
    /// A put with the host's own credentials failed. The host finds the words.
    Fault(PutFault),
}

impl Failure {
    /// What the store answered, in words.
    pub(super) fn said(&self) -> String {
        match self {
            Failure::Fault(PutFault::Answered { verdict, .. }) => verdict.said(),
            Failure::Fault(fault) => format!("{fault:?}"),
            Failure::Error(error) => error.to_string(),
        }
    }
}
