//! What stores and operating systems answer, turned into [`Error`]s free of secrets.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;

use object_store::Error as StoreError;
use object_store::client::HttpError;

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

/// An answer that our HTTP layer refused to pass on as it was.
#[derive(Debug)]
pub(crate) struct RefusedAnswer {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

impl fmt::Display for RefusedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for RefusedAnswer {}

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
        self.worded(kind_of(error), &essence(error), doing, path).with_answer(answer)
    }

    /// For an answer of this status; `said` is what it said, status included.
    pub(crate) fn status(&self, status: u16, said: &str, doing: &str, path: &str) -> Error {
        let kind = kind_of_status(&format!("status code: {status} {said}"));
        self.worded(kind, said, doing, path)
    }

    /// `said` is what the store or the network said.
    pub(crate) fn worded(&self, kind: ErrorKind, said: &str, doing: &str, path: &str) -> Error {
        let said = self.secrets.scrub(said);
        let store = &self.store;
        let message = match kind {
            ErrorKind::NotFound if said.contains("NoSuchBucket") => format!(
                "could not {doing}: {store} has no bucket {:?}; make it, or name another",
                self.bucket
            ),
            ErrorKind::NotFound => {
                format!("could not {doing}: nothing lies there in {store}; list what does")
            }
            ErrorKind::Denied if self.bucket.is_empty() => {
                format!("could not {doing}: {said}; check who may use the folder")
            }
            ErrorKind::Denied if said.contains("TooSkewed") => format!(
                "could not {doing}: {store} refused the request because this machine's clock and its own are too far apart ({said}); set the clock (is NTP running?) and try again"
            ),
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
        if let Some(refused) = cause.downcast_ref::<RefusedAnswer>() {
            return refused.kind;
        }
        if let Some(e) = cause.downcast_ref::<io::Error>()
            && e.kind() == io::ErrorKind::PermissionDenied
        {
            return ErrorKind::Denied;
        }
    }
    kind_of_status(&error.to_string())
}

/// object_store keeps the type with the status to itself, so it is read from its text.
fn kind_of_status(text: &str) -> ErrorKind {
    const CREDENTIALS: [&str; 4] =
        ["ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "TokenRefreshRequired"];
    if text.contains("redirect without LOCATION") {
        return ErrorKind::Settings;
    }
    let status = text
        .split_once("status code: ")
        .and_then(|(_, rest)| rest.get(..3))
        .and_then(|digits| digits.parse::<u16>().ok());
    match status {
        Some(400) if CREDENTIALS.iter().any(|code| text.contains(code)) => ErrorKind::Denied,
        // Listings come without a kind of their own.
        Some(401 | 403) => ErrorKind::Denied,
        Some(404) => ErrorKind::NotFound,
        Some(413) => ErrorKind::Limit,
        Some(400) if text.contains("EntityTooLarge") => ErrorKind::Limit,
        Some(408 | 429) => ErrorKind::Unavailable,
        Some(300..=499) => ErrorKind::Settings,
        _ => ErrorKind::Unavailable,
    }
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

/// The part that tells a person what happened: status and code, or the deepest cause.
fn essence(error: &StoreError) -> String {
    const STATUS: &str = "status code: ";
    for cause in chain(error) {
        if let Some(refused) = cause.downcast_ref::<RefusedAnswer>() {
            return refused.message.clone();
        }
        let text = cause.to_string();
        if let Some(at) = text.find(STATUS) {
            return text[at + STATUS.len()..].trim_end_matches([':', ' ']).to_owned();
        }
        if let Some(http) = cause.downcast_ref::<HttpError>() {
            let deepest = chain(http).last().map(ToString::to_string);
            return deepest.unwrap_or_else(|| http.to_string());
        }
    }
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}
