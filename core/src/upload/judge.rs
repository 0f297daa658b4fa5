//! What an answer of the store means.

use super::retry::retry_after_ms;
use crate::ErrorKind;
use crate::grant::xml;

/// The most of an error's message that is kept.
const SAID_CHARS_MAX: usize = 300;

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was done.
    Done,
    /// Try again, not before the store says so.
    Retry(Option<u64>),
    /// The signature no longer holds.
    Expired,
    /// An object lies at the key, or just now comes to lie there.
    Taken,
    /// The multipart upload is not there: completed or aborted.
    Gone,
    /// The store has other parts than it told us.
    PartsLost,
    /// Nothing lies at the key.
    Absent,
    /// No use in trying again.
    Refused(ErrorKind),
}

/// An answer, as the host got it.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) headers: &'a [(String, String)],
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    /// The value of a header; `name` in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// The verdict, and what the store said in one line.
///
/// `clock_expired`: by a clock that is believed, the grant no longer holds.
pub(super) fn judge(answer: &Answer<'_>, clock_expired: bool, now_ms: u64) -> (Verdict, String) {
    let body = String::from_utf8_lossy(answer.body);
    // S3 may answer 200 at once and find out later that it could not complete the upload.
    let is_error = body.contains("<Error>") || body.contains("<Error ");
    let (code, message) = match answer.status / 100 == 2 && !is_error {
        true => (String::new(), String::new()),
        false => (
            xml::element(&body, "Code").unwrap_or_default(),
            xml::element(&body, "Message").unwrap_or_default(),
        ),
    };
    let said = said(answer.status, &code, &message);
    if answer.status / 100 == 2 && !is_error {
        return (Verdict::Done, said);
    }
    let after_ms = answer.header("retry-after").and_then(|value| retry_after_ms(value, now_ms));
    let says_expired =
        code.contains("Expired") || message.to_ascii_lowercase().contains("has expired");
    let verdict = match (answer.status, code.as_str()) {
        (_, "PreconditionFailed" | "ConditionalRequestConflict" | "OperationAborted") => {
            Verdict::Taken
        }
        (_, "NoSuchUpload") => Verdict::Gone,
        (_, "InvalidPart" | "InvalidPartOrder") => Verdict::PartsLost,
        (_, "NoSuchBucket") => Verdict::Refused(ErrorKind::Settings),
        (_, "EntityTooLarge" | "EntityTooSmall") => Verdict::Refused(ErrorKind::Limit),
        (
            _,
            "BadDigest"
            | "InvalidDigest"
            | "XAmzContentChecksumMismatch"
            | "XAmzContentSHA256Mismatch",
        ) => Verdict::Refused(ErrorKind::Corrupt),
        (_, "RequestTimeout" | "SlowDown" | "InternalError" | "ServiceUnavailable") => {
            Verdict::Retry(after_ms)
        }
        (400 | 401 | 403, _) if says_expired => Verdict::Expired,
        (401 | 403, _) if clock_expired => Verdict::Expired,
        (401 | 403, _) => Verdict::Refused(ErrorKind::Denied),
        (409 | 412, _) => Verdict::Taken,
        (404, _) => Verdict::Absent,
        (413, _) => Verdict::Refused(ErrorKind::Limit),
        (408 | 425 | 429, _) => Verdict::Retry(after_ms),
        (501 | 505, _) => Verdict::Refused(ErrorKind::Settings),
        (500..=599, _) => Verdict::Retry(after_ms),
        // A 200 whose error has a code we do not know: nothing was done.
        (200..=299, _) => Verdict::Retry(after_ms),
        _ => Verdict::Refused(ErrorKind::Settings),
    };
    (verdict, said)
}

/// Status, code and message and nothing else: a body can echo the signed request.
fn said(status: u16, code: &str, message: &str) -> String {
    let mut said = status.to_string();
    for part in [code, message] {
        if !part.is_empty() {
            said.push_str(if said.len() == 3 { " " } else { ": " });
            said.push_str(part);
        }
    }
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, code: &str, message: &str) -> Verdict {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        judge(&Answer { status, headers: &[], body: body.as_bytes() }, false, 0).0
    }

    #[test]
    fn answers_are_told_apart() {
        use Verdict::*;
        for (status, code, message, expected) in [
            (200, "InternalError", "", Retry(None)),
            (200, "PreconditionFailed", "", Taken),
            (200, "NoSuchUpload", "", Gone),
            (200, "Unheard", "", Retry(None)),
            (400, "RequestTimeout", "", Retry(None)),
            (400, "ExpiredToken", "The provided token has expired.", Expired),
            (400, "ExpiredRequest", "", Expired),
            (400, "EntityTooSmall", "", Refused(ErrorKind::Limit)),
            (400, "BadDigest", "", Refused(ErrorKind::Corrupt)),
            (400, "InvalidPart", "", PartsLost),
            (400, "MalformedXML", "", Refused(ErrorKind::Settings)),
            (301, "PermanentRedirect", "", Refused(ErrorKind::Settings)),
            (403, "AccessDenied", "Request has expired", Expired),
            (403, "AccessDenied", "Access Denied", Refused(ErrorKind::Denied)),
            (403, "SignatureDoesNotMatch", "", Refused(ErrorKind::Denied)),
            (404, "NoSuchUpload", "", Gone),
            (404, "NoSuchKey", "", Absent),
            (404, "NoSuchBucket", "", Refused(ErrorKind::Settings)),
            (409, "ConditionalRequestConflict", "", Taken),
            (412, "PreconditionFailed", "", Taken),
            (413, "", "", Refused(ErrorKind::Limit)),
            (408, "", "", Retry(None)),
            (429, "", "", Retry(None)),
            (500, "", "", Retry(None)),
            (501, "NotImplemented", "", Refused(ErrorKind::Settings)),
            (503, "SlowDown", "", Retry(None)),
            (599, "", "", Retry(None)),
        ] {
            assert_eq!(verdict(status, code, message), expected, "{status} {code}");
        }
    }

    #[test]
    fn headers_clocks_and_bodies_count() {
        let headers = [("Retry-After".to_owned(), "7".to_owned())];
        let busy = Answer { status: 503, headers: &headers, body: b"" };
        assert_eq!(judge(&busy, false, 0), (Verdict::Retry(Some(7_000)), "503".to_owned()));
        let denied = Answer { status: 403, headers: &[], body: b"" };
        assert_eq!(judge(&denied, true, 0).0, Verdict::Expired);
        let done = Answer { status: 200, headers: &[], body: b"<CompleteMultipartUploadResult/>" };
        assert_eq!(judge(&done, false, 0).0, Verdict::Done);
        let spaces = Answer {
            status: 200,
            headers: &[],
            body: b"\n \n<?xml?><Error><Code>InternalError</Code></Error>",
        };
        assert_eq!(judge(&spaces, false, 0).0, Verdict::Retry(None));
    }

    #[test]
    fn only_code_and_message_are_repeated() {
        let body = b"<Error><Code>SignatureDoesNotMatch</Code><Message>no\nmatch</Message><CanonicalRequest>secret</CanonicalRequest></Error>";
        let answer = Answer { status: 403, headers: &[], body };
        assert_eq!(judge(&answer, false, 0).1, "403 SignatureDoesNotMatch: no match");
    }
}
