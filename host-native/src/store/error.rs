//! Turns failures of stores and operating systems into [`Error`]s without secrets.

use std::error::Error as StdError;
use std::{fmt, io};

use coldpress_core::{Meaning, Verdict};
use object_store::Error as StoreError;

use crate::error::{Error, ErrorKind};
use crate::store::secrets::{Origin, Secrets};

/// Why a layer of ours below object_store passes no answer on.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The table's verdict, without secrets.
    Judged(Box<Verdict>),
    /// An answer that S3 would not give.
    Unreadable { kind: ErrorKind, message: &'static str },
    /// A path of a local folder that is not safe to use. The message says what to do.
    UnsafePath { kind: ErrorKind, message: String },
    /// There are no credentials to sign with. The error says what to do.
    NoCredentials(Error),
}

impl Refusal {
    /// The refusal that caused this error, if any.
    fn within(error: &StoreError) -> Option<&Refusal> {
        chain(error).find_map(|cause| cause.downcast_ref::<Refusal>())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Judged(verdict) => f.write_str(&verdict.said()),
            Refusal::Unreadable { message, .. } => f.write_str(message),
            Refusal::UnsafePath { message, .. } => f.write_str(message),
            Refusal::NoCredentials(error) => error.fmt(f),
        }
    }
}

impl StdError for Refusal {}

/// What the store meant by this error, if its answer was judged.
pub(crate) fn meaning(error: &StoreError) -> Option<Meaning> {
    match Refusal::within(error)? {
        Refusal::Judged(verdict) => Some(verdict.meaning),
        Refusal::Unreadable { .. } | Refusal::UnsafePath { .. } | Refusal::NoCredentials(_) => None,
    }
}

/// Turns the failures of one store into errors.
#[derive(Debug, Clone)]
pub(crate) struct StoreErrors {
    /// The store as shown to people.
    pub(crate) store: String,
    pub(crate) bucket: String,
    pub(crate) secrets: Secrets,
    pub(crate) origin: Origin,
}

impl StoreErrors {
    /// `doing` completes "could not …".
    pub(crate) fn error(&self, error: &StoreError, doing: &str, path: &str) -> Error {
        let answer = self.secrets.scrub(&whole_chain(error));
        let worded = match Refusal::within(error) {
            Some(Refusal::Judged(verdict)) => self.judged(verdict, doing, path),
            Some(Refusal::NoCredentials(why)) => self.no_credentials(why, doing, path),
            // It says already what to do: words of ours would only contradict it.
            Some(Refusal::UnsafePath { kind, message }) => {
                Error::new(*kind, format!("could not {doing}: {message}")).at(path)
            }
            _ => self.worded(kind_of(error), &essence(error), doing, path),
        };
        worded.with_answer(answer)
    }

    /// The error of a request that could not be signed.
    pub(crate) fn no_credentials(&self, why: &Error, doing: &str, path: &str) -> Error {
        let why_not = self.secrets.scrub(why.message());
        Error::new(why.kind(), format!("could not {doing}: {why_not}")).at(path)
    }

    /// The error of an answer that is no success.
    pub(crate) fn judged(&self, verdict: &Verdict, doing: &str, path: &str) -> Error {
        let (store, said) = (&self.store, verdict.said());
        let kind = Error::kind_of_core(verdict.kind);
        let message = match verdict.meaning {
            Meaning::NoBucket => format!(
                "could not {doing}: {store} has no bucket {:?} ({said}); create it, or name \
                another one",
                self.bucket
            ),
            Meaning::NothingSaid => format!(
                "could not {doing}: {store} answered 404 and does not say what is missing; check \
                that the endpoint is an S3 store and that it is up"
            ),
            Meaning::ClockSkewed => format!(
                "could not {doing}: {store} refused the request because the clock of this machine \
                differs too much from its own ({said}); set the clock (is NTP running?) and try \
                again"
            ),
            Meaning::Expired => self.expired(&said, doing),
            Meaning::Damaged => format!(
                "could not {doing}: the bytes arrived damaged at {store} each time they were sent \
                ({said}); check the network and the memory of this machine, and try again"
            ),
            Meaning::Blocked => format!(
                "could not {doing}: {store} has an object where a folder should be, or a folder \
                where an object should be ({said}); move it, or choose another name"
            ),
            Meaning::NoUpload | Meaning::PartsLost => format!(
                "could not {doing}: {store} has lost the multipart upload, or somebody aborted it \
                ({said}); put the object again"
            ),
            Meaning::BadKey => format!(
                "could not {doing}: {store} does not accept this object name ({said}); choose a \
                shorter or simpler one"
            ),
            _ => return self.worded(kind, &said, doing, path),
        };
        Error::new(kind, message).at(path)
    }

    /// `said` is what the store or the network said.
    pub(crate) fn worded(&self, kind: ErrorKind, said: &str, doing: &str, path: &str) -> Error {
        let said = self.secrets.scrub(said);
        let store = &self.store;
        let message = match kind {
            ErrorKind::NotFound => {
                format!(
                    "could not {doing}: {store} has no such object; list the objects to see their \
                    keys"
                )
            }
            ErrorKind::Denied if self.bucket.is_empty() => {
                format!("could not {doing}: {said}; check the permissions of the folder")
            }
            ErrorKind::Denied => self.refused(&said, doing),
            ErrorKind::Settings => format!(
                "could not {doing}: {store} does not accept the request ({said}); check endpoint, \
                region and bucket"
            ),
            ErrorKind::Limit => {
                format!(
                    "could not {doing}: {store} says that the request is too large ({said}); make \
                    smaller files"
                )
            }
            ErrorKind::Key => format!(
                "could not {doing}: {store} does not accept this name ({said}); use another name, or \
                move the object that has it"
            ),
            ErrorKind::Corrupt => format!(
                "could not {doing}: the object in {store} is not what was stored ({said}); store \
                it again"
            ),
            _ => format!(
                "could not {doing}: {store} gave no usable answer ({said}); check that it is up \
                and can be reached, and try again"
            ),
        };
        Error::new(kind, message).at(path)
    }

    /// The store says that the credentials have expired.
    fn expired(&self, said: &str, doing: &str) -> String {
        let store = &self.store;
        match self.origin.get() {
            Some(origin) => format!(
                "could not {doing}: {store} says that the credentials of {origin} have expired \
                ({said}), and there are no newer ones; sign in again"
            ),
            None => format!(
                "could not {doing}: {store} says that the credentials have expired ({said}); get \
                new ones (access_key, secret_key and session_token; for the command: \
                AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"
            ),
        }
    }

    /// The store refuses the credentials.
    fn refused(&self, said: &str, doing: &str) -> String {
        let (store, bucket) = (&self.store, &self.bucket);
        match self.origin.get() {
            Some(origin) => format!(
                "could not {doing}: {store} refused the credentials of {origin} ({said}); check \
                them, and their permissions in the bucket {bucket:?}"
            ),
            None => format!(
                "could not {doing}: {store} refused the credentials ({said}); check access_key and \
                secret_key (for the command: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, \
                AWS_SESSION_TOKEN) and their permissions in the bucket {bucket:?}"
            ),
        }
    }

    /// The error of an operation that took too long.
    pub(crate) fn too_slow(&self, doing: &str, path: &str, limit_ms: u64) -> Error {
        let message = format!(
            "could not {doing}: {} took longer than {limit_ms} ms; try again, or raise timeout",
            self.store
        );
        Error::new(ErrorKind::Unavailable, message).at(path)
    }

    /// The error of a key that the store calls taken, although it has no object there.
    pub(crate) fn taken_but_absent(&self, doing: &str, path: &str) -> Error {
        let message = format!(
            "could not {doing}: {} says that the key is taken, but it has no object there; try \
            again",
            self.store
        );
        Error::new(ErrorKind::Unavailable, message).at(path)
    }
}

/// The error of a put to a key where other content is stored.
pub(crate) fn conflict(key: &str, bytes_there: u64, bytes_new: u64) -> Error {
    let message = format!(
        "an object with other content is already stored here ({bytes_there} bytes there, \
        {bytes_new} bytes now), and objects are never overwritten; give these rows another LSN \
        range (or this segment another name), or delete that object first"
    );
    Error::new(ErrorKind::Conflict, message).at(key)
}

fn kind_of(error: &StoreError) -> ErrorKind {
    match error {
        StoreError::NotFound { .. } => return ErrorKind::NotFound,
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => {
            return ErrorKind::Conflict;
        }
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            return ErrorKind::Denied;
        }
        // object_store says this also of a path that we may not read.
        StoreError::InvalidPath { .. } if !is_forbidden(error) => return ErrorKind::Key,
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => {
            return ErrorKind::Settings;
        }
        StoreError::JoinError { .. } => return ErrorKind::Internal,
        _ => {}
    }
    for cause in chain(error) {
        if let Some(Refusal::Unreadable { kind, .. }) = cause.downcast_ref::<Refusal>() {
            return *kind;
        }
    }
    match is_forbidden(error) {
        true => ErrorKind::Denied,
        false => ErrorKind::Unavailable,
    }
}

/// Whether the operating system refused the access.
fn is_forbidden(error: &StoreError) -> bool {
    let mut causes = chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::PermissionDenied)
}

fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// All causes of an error; a cause that repeats the text before it is left out.
fn whole_chain(error: &StoreError) -> String {
    let mut whole = error.to_string();
    for cause in chain(error) {
        let text = cause.to_string();
        if !whole.contains(&text) {
            whole = format!("{whole}: {text}");
        }
    }
    whole
}

/// The deepest cause: the one that says what happened.
fn essence(error: &StoreError) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_we_may_not_read_is_denied_and_not_a_bad_name() {
        let invalid = |kind: io::ErrorKind| {
            let path = "/data/7".into();
            let source = object_store::path::Error::Canonicalize { path, source: kind.into() };
            StoreError::InvalidPath { source }
        };
        assert_eq!(kind_of(&invalid(io::ErrorKind::PermissionDenied)), ErrorKind::Denied);
        assert_eq!(kind_of(&invalid(io::ErrorKind::InvalidInput)), ErrorKind::Key);
    }
}
