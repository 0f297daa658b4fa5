//! What a source answers, and its HTTP requests. What comes from a service or a program is not
//! trusted: it is bounded, and only plain text of it is shown.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use coldpress_core::Method;
use http::StatusCode;

use crate::backoff::Tries;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind};
use crate::threads::blocking;
use crate::transport::{HttpAnswer, Transport};

/// The largest token or configuration file.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The most characters of a foreign text that a message shows.
const SHOWN_MAX: usize = 400;

/// Credentials, and where they come from, in words that stand behind "the credentials of".
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) credentials: Credentials,
    pub(super) origin: String,
}

/// Why a source gave no credentials.
#[derive(Debug, Clone)]
pub(super) enum Miss {
    /// It is not set up here, so that the next source may be asked.
    Unset(String),
    /// It is set up and failed.
    Failed(Error),
}

/// A failure of a source that is set up. `message` says what failed, and why.
pub(super) fn failed(kind: ErrorKind, message: impl Into<String>) -> Miss {
    Miss::Failed(Error::new(kind, message))
}

/// A text of others, as a message may show it: short, and on one line.
pub(super) fn shown(text: &str) -> String {
    let plain: String =
        text.trim().chars().take(SHOWN_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One request to a service that gives credentials.
pub(super) struct Question<'q> {
    pub(super) method: Method,
    pub(super) url: &'q str,
    pub(super) headers: &'q [(String, String)],
    pub(super) body: String,
    /// How long it is sent again if no useful answer comes.
    pub(super) patience: Duration,
}

/// The answer, which may be a refusal; or in words why none came.
pub(super) async fn ask(
    transport: &Transport,
    question: &Question<'_>,
) -> Result<HttpAnswer, String> {
    let mut tries = Tries::new(question.patience);
    let body = Bytes::from(question.body.clone());
    loop {
        let sent =
            transport.send(question.method, question.url, question.headers, body.clone()).await;
        let is_temporary = match &sent {
            Ok(answer) => is_busy(answer),
            Err(_) => true,
        };
        if !is_temporary || !tries.again().await {
            return sent;
        }
    }
}

/// Whether the service did what was asked.
pub(super) fn is_success(answer: &HttpAnswer) -> bool {
    code(answer).is_some_and(|code| code.is_success())
}

/// Whether the service says that there is no such thing.
pub(super) fn is_absent(answer: &HttpAnswer) -> bool {
    code(answer) == Some(StatusCode::NOT_FOUND)
}

/// The kind of the error for an answer that is no success.
pub(super) fn kind_of(answer: &HttpAnswer) -> ErrorKind {
    match is_busy(answer) {
        true => ErrorKind::Unavailable,
        false => ErrorKind::Denied,
    }
}

fn is_busy(answer: &HttpAnswer) -> bool {
    code(answer).is_none_or(|code| code.is_server_error() || code == StatusCode::TOO_MANY_REQUESTS)
}

fn code(answer: &HttpAnswer) -> Option<StatusCode> {
    StatusCode::from_u16(answer.status).ok()
}

/// The text of a file; `None` if there is no such file, an error in words if it cannot be read.
pub(super) async fn read_file(path: &Path) -> Result<Option<String>, String> {
    let path = path.to_owned();
    blocking(move || Ok(read_text(&path))).await.map_err(|error| error.to_string())?
}

/// As [`read_file`], on this thread.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, String> {
    use std::io::Read;

    let in_words = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(in_words(error)),
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(in_words)?;
    match text.len() as u64 > FILE_BYTES_MAX {
        true => Err(format!("{} has more than {FILE_BYTES_MAX} bytes", path.display())),
        false => Ok(Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_is_shown_short_and_on_one_line() {
        assert_eq!(shown(" a\r\n\u{1b}[31mb \0"), "a [31mb");
        assert_eq!(shown(&"x".repeat(10_000)).len(), SHOWN_MAX);
    }

    #[test]
    fn a_file_is_read_within_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert_eq!(read_text(&path), Ok(None));
        std::fs::write(&path, "x").unwrap();
        assert_eq!(read_text(&path), Ok(Some("x".to_owned())));
        std::fs::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert!(read_text(&path).unwrap_err().contains("more than"));
        std::fs::write(&path, [0xff]).unwrap();
        assert!(read_text(&path).unwrap_err().contains("cannot be read"));
    }
}
