//! What stores and operating systems answer, turned into [`Error`]s free of secrets.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;

use coldpress_core::{Meaning, Next, Verdict};
use object_store::Error as StoreError;

use crate::{ColdStorageConfig, Error, ErrorKind};

/// The values that no message may show.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(crate) fn of(config: &ColdStorageConfig) -> Self {
        let values = [&config.secret_key, &config.session_token, &config.access_key];
        Secrets(values.into_iter().filter(|v| !v.is_empty()).cloned().collect())
    }

    pub(crate) fn scrub(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "(hidden)"))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(hidden)")
    }
}

/// Why our HTTP layer passes no answer on.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The table's verdict, without secrets.
    Judged(Box<Verdict>),
    /// An answer that is none of S3's.
    Unreadable { kind: ErrorKind, message: Cow<'static, str> },
}

impl Refusal {
    /// The one in this error, if any.
    fn within(error: &StoreError) -> Option<&Refusal> {
        chain(error).find_map(|cause| cause.downcast_ref::<Refusal>())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Judged(verdict) => f.write_str(&verdict.said()),
            Refusal::Unreadable { message, .. } => f.write_str(message),
        }
    }
}

impl StdError for Refusal {}

/// What is next after this error of a put: the table's word, or another try where no answer came.
pub(crate) fn next_after(error: &StoreError) -> Next {
    match Refusal::within(error) {
        Some(Refusal::Judged(verdict)) => verdict.next,
        Some(Refusal::Unreadable { .. }) => Next::Stop,
        None => Next::Retry,
    }
}

/// What the store said by this error, where it was judged.
pub(crate) fn meaning(error: &StoreError) -> Option<Meaning> {
    match Refusal::within(error)? {
        Refusal::Judged(verdict) => Some(verdict.meaning),
        Refusal::Unreadable { .. } => None,
    }
}

/// Speaks of one store: turns its failures into errors.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    /// The store as shown to people.
    pub(crate) store: String,
    pub(crate) bucket: String,
    pub(crate) secrets: Secrets,
}

impl Answers {
    /// `doing` completes "could not …".
    pub(crate) fn error(&self, error: &StoreError, doing: &str, path: &str) -> Error {
        let answer = self.secrets.scrub(&whole_chain(error));
        let worded = match Refusal::within(error) {
            Some(Refusal::Judged(verdict)) => self.judged(verdict, doing, path),
            _ => self.worded(kind_of(error), &essence(error), doing, path),
        };
        worded.with_answer(answer)
    }

    /// The error that an answer is which does not say yes.
    pub(crate) fn judged(&self, verdict: &Verdict, doing: &str, path: &str) -> Error {
        let (store, said) = (&self.store, verdict.said());
        let kind = Error::kind_of_core(verdict.kind);
        let message = match verdict.meaning {
            Meaning::NoBucket => format!(
                "could not {doing}: {store} has no bucket {:?} ({said}); make it, or name another",
                self.bucket
            ),
            Meaning::NothingSaid => format!(
                "could not {doing}: {store} answered 404 and does not say what is missing; check that the endpoint is an S3 store and that it is up"
            ),
            Meaning::ClockSkewed => format!(
                "could not {doing}: {store} refused the request because this machine's clock and its own are too far apart ({said}); set the clock (is NTP running?) and try again"
            ),
            Meaning::Expired => format!(
                "could not {doing}: {store} says that the credentials have expired ({said}); get new ones (access_key, secret_key and session_token; for the command: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"
            ),
            Meaning::Damaged => format!(
                "could not {doing}: the bytes were damaged on their way to {store} each time they were sent ({said}); check the network and this machine's memory, and try again"
            ),
            Meaning::Blocked => format!(
                "could not {doing}: in {store} an object lies where a folder should be, or the reverse ({said}); move it, or choose another name"
            ),
            Meaning::NoUpload | Meaning::PartsLost => format!(
                "could not {doing}: {store} has lost the multipart upload, or somebody aborted it ({said}); put the object again"
            ),
            Meaning::BadKey => format!(
                "could not {doing}: {store} does not take this name of an object ({said}); choose a shorter or simpler one"
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
                format!("could not {doing}: nothing lies there in {store}; list what does")
            }
            ErrorKind::Denied if self.bucket.is_empty() => {
                format!("could not {doing}: {said}; check who may use the folder")
            }
            ErrorKind::Denied => format!(
                "could not {doing}: {store} refused the credentials ({said}); check access_key and secret_key (for the command: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN) and what they may do in the bucket {:?}",
                self.bucket
            ),
            ErrorKind::Settings => format!(
                "could not {doing}: {store} does not take the request ({said}); check endpoint, region and bucket"
            ),
            ErrorKind::Limit => {
                format!(
                    "could not {doing}: {store} finds it too large ({said}); make smaller files"
                )
            }
            ErrorKind::Key => format!(
                "could not {doing}: {store} holds a name that cannot be read ({said}); move that object out of the prefix"
            ),
            ErrorKind::Corrupt => format!(
                "could not {doing}: the object in {store} is not what it was ({said}); store it again"
            ),
            _ => format!(
                "could not {doing}: {store} gave no useful answer ({said}); see that it is up, and try again"
            ),
        };
        Error::new(kind, message).at(path)
    }

    /// For an operation that took longer than it may.
    pub(crate) fn too_slow(&self, doing: &str, path: &str, limit_ms: u64) -> Error {
        let message = format!(
            "could not {doing}: {} took longer than {limit_ms} ms; try again, or raise timeout_ms",
            self.store
        );
        Error::new(ErrorKind::Unavailable, message).at(path)
    }

    /// For a key that stays taken while nothing can be read there.
    pub(crate) fn taken_by_nobody(&self, doing: &str, path: &str) -> Error {
        let message = format!(
            "could not {doing}: {} says that the key is taken, but nothing can be read there; try again",
            self.store
        );
        Error::new(ErrorKind::Unavailable, message).at(path)
    }
}

/// Another object lies where this one should go.
pub(crate) fn conflict(key: &str, bytes_there: u64, bytes_new: u64) -> Error {
    let message = format!(
        "another object, of other content, already lies here ({bytes_there} bytes there, {bytes_new} bytes now), and objects are never overwritten; give these rows an LSN range (or this segment a name) of their own, or delete that object first"
    );
    Error::new(ErrorKind::Conflict, message).at(key)
}

/// A failure of the local file system. `doing` completes "could not …".
pub(crate) fn io_error(error: &io::Error, doing: &str, path: &Path) -> Error {
    let (kind, next) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::NotFound, "check the path"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (ErrorKind::Denied, "check who may use the folder")
        }
        io::ErrorKind::AlreadyExists
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory => {
            (ErrorKind::Conflict, "a file lies where a folder should be, or the reverse; move it")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::Unavailable, "free some space, and try again")
        }
        io::ErrorKind::FileTooLarge => (ErrorKind::Limit, "make smaller files"),
        io::ErrorKind::Unsupported => {
            (ErrorKind::Settings, "this file system lacks hard links; choose a folder on another")
        }
        _ => (ErrorKind::Unavailable, "check the disk, and try again"),
    };
    Error::new(kind, format!("could not {doing}: {error}; {next}")).at(path.display().to_string())
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
        StoreError::InvalidPath { .. } => return ErrorKind::Key,
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
        if let Some(e) = cause.downcast_ref::<io::Error>()
            && e.kind() == io::ErrorKind::PermissionDenied
        {
            return ErrorKind::Denied;
        }
    }
    ErrorKind::Unavailable
}

fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Every link of the chain that adds something.
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

/// The part that tells a person what happened: the deepest cause.
fn essence(error: &StoreError) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
