//! The one error of the core: what was wrong, where, and what to do next.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting or a schema is not valid: correct it and start again.
    Settings,
    /// The settings do not allow a row: it is not an object, not JSON, or does not fit a `strict`
    /// schema. Correct the row, or choose settings that allow it.
    Row,
    /// No object key can be made of a tenant, collection, segment, prefix or LSN range; or a path
    /// is not one of our keys. Choose another name.
    Key,
    /// Bytes are not a Coldpress file, or are damaged: fetch them again, or restore the file.
    Corrupt,
    /// Something is larger than a stated limit: split the input, or raise the limit.
    Limit,
    /// The calling code broke the contract of a type. This is a bug in the caller.
    Misuse,
    /// The store, the network or the grant server gave no useful answer: try again later.
    Unavailable,
    /// The store refused a signed request: correct the credentials, or the clock, of the machine
    /// that signs.
    Denied,
    /// The grant has expired and no new one is available: ask for one.
    Expired,
    /// An object with other content lies at the key, and is not overwritten: choose other LSNs.
    Conflict,
    /// The browser hides the store's answer from the page: set the CORS rules of the bucket.
    Cors,
    /// The caller stopped the work.
    Aborted,
    /// Something that must exist is missing, such as a segment in the middle of a log: restore it,
    /// or go on without it.
    Missing,
}

/// An error of the core. Opaque: match on [`Error::kind`], show it with `Display`.
///
/// The message names the row, its id and the column where these are known.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    line: Option<u64>,
    row: Option<u64>,
    id: Option<String>,
    column: Option<String>,
}

impl Error {
    /// The kind of error: what the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The number of the row that caused it, counted from 0 over all rows of the encoder.
    pub fn row(&self) -> Option<u64> {
        self.0.row
    }

    /// The id of that row, if it is known.
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// The line of the JSON input that caused it, counted from 1.
    pub fn line(&self) -> Option<u64> {
        self.0.line
    }

    /// The path of the column that caused it, as text for people.
    pub fn column(&self) -> Option<&str> {
        self.0.column.as_deref()
    }

    /// An error of this kind without a row, line or column, for hosts with their own code around
    /// the core.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            line: None,
            row: None,
            id: None,
            column: None,
        }))
    }

    pub(crate) fn settings(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Settings, message)
    }

    pub(crate) fn key(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Key, message)
    }

    #[cfg(feature = "decode")]
    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    pub(crate) fn misuse(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Misuse, message)
    }

    /// The same error at this row, unless it has a row already.
    pub fn at_row(mut self, row: u64) -> Self {
        self.0.row.get_or_insert(row);
        self
    }

    pub(crate) fn at_line(mut self, line: u64) -> Self {
        self.0.line.get_or_insert(line);
        self
    }

    pub(crate) fn with_id(mut self, id: &str) -> Self {
        self.0.id.get_or_insert_with(|| id.to_owned());
        self
    }

    pub(crate) fn in_column(mut self, column: impl Into<String>) -> Self {
        self.0.column.get_or_insert_with(|| column.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let mut places = Vec::new();
        if let Some(line) = inner.line {
            places.push(format!("line {line}"));
        }
        if let Some(row) = inner.row {
            places.push(match &inner.id {
                Some(id) => format!("row {row} (id {:?})", shown(id)),
                None => format!("row {row}"),
            });
        }
        if let Some(column) = &inner.column {
            places.push(format!("column {}", shown(column)));
        }
        if !places.is_empty() {
            write!(f, "{}: ", places.join(", "))?;
        }
        f.write_str(&inner.message)
    }
}

impl std::error::Error for Error {}

/// A name for a message, cut if it is long: names and ids come from outside and can have any
/// length.
fn shown(name: &str) -> std::borrow::Cow<'_, str> {
    const SHOWN_CHARS: usize = 200;
    match name.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_short_whatever_the_names_are() {
        let long = "é".repeat(100_000);
        let error = Error::new(ErrorKind::Row, "bad").at_row(1).with_id(&long).in_column(&*long);
        assert_eq!(error.id(), Some(&*long));
        assert!(error.to_string().len() < 1_000, "{} bytes", error.to_string().len());
        let short = Error::new(ErrorKind::Row, "bad").at_row(1).with_id("x").in_column("a.b");
        assert_eq!(short.to_string(), "row 1 (id \"x\"), column a.b: bad");
    }
}
