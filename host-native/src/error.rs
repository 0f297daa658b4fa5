//! The one error of the native host: what was wrong, where, and what to do next.

use std::path::Path;
use std::{fmt, io};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting, a schema or the store itself does not fit, or the bucket does not exist: correct
    /// it and start again.
    Settings,
    /// The settings do not allow a row: correct the row, or choose settings that accept it.
    Row,
    /// A tenant, collection, segment, prefix or LSN range cannot be part of an object key, or a
    /// path is not one of our keys.
    Key,
    /// Bytes that should be a Coldpress file are not one, or are damaged: fetch them again, or
    /// restore them.
    Corrupt,
    /// Something is larger than a stated limit: split the input or raise the limit.
    Limit,
    /// The calling code broke the contract of a type: a bug in the caller.
    Misuse,
    /// The store gave no answer, or no useful one: try again later.
    Unavailable,
    /// The store refused the credentials, or they do not allow this.
    Denied,
    /// An object with other content is already stored at the key.
    Conflict,
    /// No object or file has that name, or a segment in the middle of a log is missing. For a
    /// store, this means that the store was reached and said so itself.
    NotFound,
    /// The grant has expired and no new one is available: ask for one.
    Expired,
    /// The caller stopped the operation.
    Aborted,
    /// A bug in this crate or in one below it: report it.
    Internal,
}

/// An error of the native host. Opaque: match on [`Error::kind`], show it with `Display`.
///
/// No secret of the configuration is ever part of it, nor of its
/// [`source`](std::error::Error::source).
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    path: Option<String>,
    cause: Cause,
}

#[derive(Debug, Clone)]
enum Cause {
    None,
    Core(coldpress_core::Error),
    Store(StoreAnswer),
}

/// What a store or an operating system said, already free of secrets.
#[derive(Debug, Clone)]
struct StoreAnswer(String);

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What failed and what to do, without the place.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// The object key or the local file at which it happened, if there is one.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// The core's error that caused it, with its row, id, line and column. For a
    /// [`Conflict`](ErrorKind::Conflict) with a damaged object: what is damaged in that object.
    pub fn core(&self) -> Option<&coldpress_core::Error> {
        match &self.0.cause {
            Cause::Core(error) => Some(error),
            Cause::None | Cause::Store(_) => None,
        }
    }

    /// A failure of the local file system. `doing` completes "could not …"; `path` says where it
    /// happened.
    pub fn from_io(error: &io::Error, doing: &str, path: &Path) -> Self {
        let (kind, next) = match error.kind() {
            io::ErrorKind::NotFound => (ErrorKind::NotFound, "check the path"),
            io::ErrorKind::PermissionDenied => {
                (ErrorKind::Denied, "check the permissions of the folder")
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                (ErrorKind::Denied, "mount the disk for writing, or choose another folder")
            }
            io::ErrorKind::AlreadyExists
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::NotADirectory => (
                ErrorKind::Conflict,
                "there is a file where a folder should be, or a folder where a file should be; \
                move it",
            ),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                (ErrorKind::Unavailable, "free some space, and try again")
            }
            io::ErrorKind::FileTooLarge => (ErrorKind::Limit, "make smaller files"),
            io::ErrorKind::Unsupported => (
                ErrorKind::Settings,
                "this file system has no hard links; choose a folder on another file system",
            ),
            _ => (ErrorKind::Unavailable, "check the disk, and try again"),
        };
        Self::new(kind, format!("could not {doing}: {error}; {next}"))
            .at(path.display().to_string())
    }

    /// An error of this kind. `message` says what failed, why, and what to do next; it must hold no
    /// secret.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), path: None, cause: Cause::None }))
    }

    /// An error of kind [`ErrorKind::Settings`].
    pub fn settings(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Settings, message)
    }

    /// The same error, at this object key or local file. An error that has a place keeps it.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.0.path.get_or_insert_with(|| path.into());
        self
    }

    /// The same error, with a note at the end of its message.
    pub(crate) fn with_note(mut self, note: &str) -> Self {
        self.0.message = format!("{}; {note}", self.0.message);
        self
    }

    /// The same conflict; the object at the key is damaged, and [`core`](Self::core) says how.
    pub(crate) fn of_damaged(mut self, why: coldpress_core::Error) -> Self {
        let key = self.path().unwrap_or_default();
        self.0.message = format!(
            "the object at this key is damaged ({why}), so a put cannot tell whether it held these \
            rows; do not put them elsewhere, because they may then be stored twice; repair the \
            object with `coldpress verify {key} --repair-from FILE` (ColdStorage::repair), where \
            FILE holds the rows or is a copy of the object"
        );
        self.0.cause = Cause::Core(why);
        self
    }

    /// The same error for a machine of the core, which returns it as its outcome.
    pub(crate) fn into_core(self) -> coldpress_core::Error {
        coldpress_core::Error::new(self.core_kind(), self.to_string())
    }

    /// What the core calls an error of this kind.
    pub(crate) fn core_kind(&self) -> coldpress_core::ErrorKind {
        use coldpress_core::ErrorKind as Core;
        match self.kind() {
            ErrorKind::Settings => Core::Settings,
            ErrorKind::Row => Core::Row,
            ErrorKind::Key => Core::Key,
            ErrorKind::Corrupt => Core::Corrupt,
            ErrorKind::Limit => Core::Limit,
            ErrorKind::Unavailable => Core::Unavailable,
            ErrorKind::Denied => Core::Denied,
            ErrorKind::NotFound => Core::Missing,
            ErrorKind::Conflict => Core::Conflict,
            ErrorKind::Expired => Core::Expired,
            ErrorKind::Aborted => Core::Aborted,
            ErrorKind::Misuse | ErrorKind::Internal => Core::Misuse,
        }
    }

    /// What we call an error of this kind of the core's.
    pub(crate) fn kind_of_core(kind: coldpress_core::ErrorKind) -> ErrorKind {
        use coldpress_core::ErrorKind as Core;
        match kind {
            Core::Settings => ErrorKind::Settings,
            Core::Row => ErrorKind::Row,
            Core::Key => ErrorKind::Key,
            Core::Corrupt => ErrorKind::Corrupt,
            Core::Limit => ErrorKind::Limit,
            Core::Misuse => ErrorKind::Misuse,
            Core::Unavailable => ErrorKind::Unavailable,
            Core::Denied => ErrorKind::Denied,
            Core::Expired => ErrorKind::Expired,
            Core::Conflict => ErrorKind::Conflict,
            Core::Aborted => ErrorKind::Aborted,
            Core::Missing => ErrorKind::NotFound,
            // No browser is involved, so a hidden header means that the store is set up wrongly.
            Core::Cors => ErrorKind::Settings,
            _ => ErrorKind::Internal,
        }
    }

    /// The same error, caused by this answer, which is shown and so must hold no secret.
    pub(crate) fn with_answer(mut self, answer: impl Into<String>) -> Self {
        self.0.cause = Cause::Store(StoreAnswer(answer.into()));
        self
    }
}

impl From<coldpress_core::Error> for Error {
    fn from(error: coldpress_core::Error) -> Self {
        let kind = Error::kind_of_core(error.kind());
        let message = error.to_string();
        Error(Box::new(Inner { kind, message, path: None, cause: Cause::Core(error) }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The prefix of a whole store may be empty, and then there is no path to show.
        if let Some(path) = self.path().filter(|path| !path.is_empty()) {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.cause {
            // The core's message is already ours: showing it again as a source would repeat it.
            Cause::None | Cause::Core(_) => None,
            Cause::Store(answer) => Some(answer),
        }
    }
}

impl fmt::Display for StoreAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreAnswer {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn an_error_of_the_core_keeps_kind_and_message() {
        let core = coldpress_core::LsnRange::new(9, 1).unwrap_err();
        let error = Error::from(core.clone());
        assert_eq!(error.kind(), ErrorKind::Key);
        assert_eq!(error.to_string(), core.to_string());
        assert!(error.core().is_some());
        assert!(error.source().is_none());
    }

    #[test]
    fn the_place_stands_first_and_the_answer_is_the_source() {
        let error = Error::new(ErrorKind::Denied, "refused").at("a/b").at("c/d").with_answer("403");
        assert_eq!(error.to_string(), "a/b: refused");
        assert_eq!(error.path(), Some("a/b"));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("403"));
    }
}
