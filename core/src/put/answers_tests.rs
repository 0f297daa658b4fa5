use super::*;

const GRANTED: SignedBy = SignedBy::Grant { has_expired: false };
const SIGNERS: [SignedBy; 3] = [SignedBy::Us, GRANTED, SignedBy::Grant { has_expired: true }];

fn said(step: StoreStep, signed_by: SignedBy, status: u16, code: &str, message: &str) -> Verdict {
    let body = match code.is_empty() {
        true => String::new(),
        false => format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    };
    judge(step, signed_by, StoreAnswer { status, retry_after: None, body: body.as_bytes() }, 0)
}

fn codes() -> impl Iterator<Item = &'static str> {
    let named = CODES.iter().flat_map(|(_, codes)| codes.iter().copied());
    named.chain(["", "Unheard", "ThrottlingException", "ExpiredTokenException"])
}

/// Every step, status, code and signer: what must hold for all of them.
#[test]
fn every_answer_at_every_step_keeps_the_rules() {
    use StoreStep::{Complete, PutObject, PutPart};
    let mut walked = 0;
    for step in StoreStep::ALL {
        for (status, code, signed_by) in (100..600)
            .flat_map(|status| codes().map(move |code| (status, code)))
            .flat_map(|(status, code)| SIGNERS.map(|signed_by| (status, code, signed_by)))
        {
            walked += 1;
            let verdict = said(step, signed_by, status, code, "");
            let shown = || format!("{step:?} {status} {code:?} {signed_by:?}: {verdict:?}");
            let success = (200..300).contains(&status) && code.is_empty();
            assert_eq!(verdict.next == Next::Done, success, "{}", shown());
            if success {
                continue;
            }
            let absent = verdict.next == Next::Absent;
            assert_eq!(absent, verdict.kind == ErrorKind::Missing, "{}", shown());
            // Absent is what a store said that could be reached and let us ask.
            assert!(!absent || !matches!(status, 401 | 403 | 500..), "{}", shown());
            assert!(!absent || code != "NoSuchBucket", "{}", shown());
            if step == StoreStep::Read {
                assert!(!absent || code.starts_with("NoSuch"), "{}", shown());
            }
            let by_grant = signed_by != SignedBy::Us;
            assert!(verdict.next != Next::Renew || by_grant, "{}", shown());
            assert_eq!(
                verdict.kind == ErrorKind::Expired,
                verdict.next == Next::Renew,
                "{}",
                shown()
            );
            match verdict.next {
                Next::LookThenRetry => assert!(matches!(step, PutObject | Complete), "{}", shown()),
                Next::LookThenBeginAnew | Next::SendPartsAnew => assert_eq!(step, Complete),
                Next::BeginAnew => assert_eq!(step, PutPart, "{}", shown()),
                Next::Retry => assert!(
                    matches!(verdict.kind, ErrorKind::Unavailable | ErrorKind::Corrupt),
                    "{}",
                    shown()
                ),
                _ => {}
            }
            // Damage is tried again, but not for as long as a store that is down.
            let damaged = verdict.meaning == Meaning::Damaged;
            assert_eq!(damaged, verdict.retries_max().is_some(), "{}", shown());
            let is_unknown = matches!(code, "" | "Unheard");
            if is_unknown && (status >= 500 || matches!(status, 408 | 425 | 429)) {
                let stops = matches!(status, 501 | 505);
                let expected = if stops { Next::Stop } else { Next::Retry };
                assert_eq!(verdict.next, expected, "{}", shown());
            }
            if is_unknown && matches!(status, 401 | 403) && signed_by != SIGNERS[2] {
                assert_eq!((verdict.next, verdict.kind), (Next::Stop, ErrorKind::Denied));
            }
            let busy = ["SlowDown", "InternalError", "Busy", "ThrottlingException", "ServerBusy"];
            let by_clock = signed_by == SIGNERS[2] && matches!(status, 401 | 403);
            if busy.contains(&code) && !by_clock {
                assert_eq!(verdict.next, Next::Retry, "{}", shown());
            }
        }
    }
    assert_eq!(walked, 11 * 500 * codes().count() * 3);
}

#[test]
fn no_code_stands_in_two_rows() {
    let mut seen = std::collections::BTreeSet::new();
    assert!(codes().all(|code| seen.insert(code)));
}

/// The rows that a reader would look up, letter by letter.
#[test]
fn the_named_answers_are_these() {
    use ErrorKind as K;
    use Next::*;
    use StoreStep as S;
    let (us, grant) = (SignedBy::Us, GRANTED);
    let rows: &[(S, SignedBy, u16, &str, Next, K)] = &[
        (S::PutObject, us, 409, "ConditionalRequestConflict", LookThenRetry, K::Unavailable),
        (S::Complete, us, 409, "ConditionalRequestConflict", LookThenRetry, K::Unavailable),
        (S::PutObject, us, 409, "OperationAborted", LookThenRetry, K::Unavailable),
        (S::Complete, grant, 409, "OperationAborted", LookThenRetry, K::Unavailable),
        (S::PutObject, us, 409, "", LookThenRetry, K::Unavailable),
        (S::PutObject, us, 412, "PreconditionFailed", LookThenRetry, K::Unavailable),
        (S::Complete, us, 412, "", LookThenRetry, K::Unavailable),
        (S::Complete, us, 200, "PreconditionFailed", LookThenRetry, K::Unavailable),
        (S::PutPart, grant, 412, "PreconditionFailed", Retry, K::Unavailable),
        (S::PutPart, grant, 409, "OperationAborted", Retry, K::Unavailable),
        (S::List, us, 409, "OperationAborted", Retry, K::Unavailable),
        (S::Read, us, 412, "PreconditionFailed", Stop, K::Unavailable),
        (S::PutObject, us, 409, "XMinioObjectExistsAsDirectory", Stop, K::Conflict),
        (S::PutObject, us, 400, "RequestTimeout", Retry, K::Unavailable),
        (S::PutPart, us, 408, "RequestTimeout", Retry, K::Unavailable),
        (S::PutObject, us, 400, "IncompleteBody", Retry, K::Unavailable),
        (S::PutObject, us, 400, "BadDigest", Retry, K::Corrupt),
        (S::PutPart, us, 400, "XAmzContentSHA256Mismatch", Retry, K::Corrupt),
        (S::PutObject, grant, 400, "XAmzContentChecksumMismatch", Retry, K::Corrupt),
        (S::PutObject, us, 400, "CrcMismatch", Retry, K::Corrupt),
        (S::PutObject, us, 400, "InvalidDigest", Stop, K::Settings),
        (S::PutObject, us, 403, "RequestTimeTooSkewed", Stop, K::Denied),
        (S::Read, us, 425, "", Retry, K::Unavailable),
        (S::Read, us, 429, "TooManyRequests", Retry, K::Unavailable),
        (S::Read, us, 503, "SlowDownRead", Retry, K::Unavailable),
        (S::PutObject, us, 507, "XMinioStorageFull", Retry, K::Unavailable),
        (S::PutObject, us, 403, "QuotaExceeded", Retry, K::Unavailable),
        (S::PutObject, us, 499, "ClientDisconnected", Retry, K::Unavailable),
        (S::PutObject, us, 423, "", Retry, K::Unavailable),
        (S::PutObject, us, 501, "NotImplemented", Stop, K::Settings),
        (S::PutObject, us, 505, "", Stop, K::Settings),
        (S::PutObject, us, 301, "PermanentRedirect", Stop, K::Settings),
        (S::PutObject, us, 400, "AuthorizationHeaderMalformed", Stop, K::Settings),
        (S::PutObject, us, 400, "Unheard", Stop, K::Settings),
        (S::PutObject, us, 100, "", Stop, K::Settings),
        (S::PutObject, us, 304, "", Stop, K::Settings),
        (S::PutObject, us, 400, "EntityTooLarge", Stop, K::Limit),
        (S::Complete, us, 400, "EntityTooSmall", Stop, K::Limit),
        (S::PutObject, us, 413, "", Stop, K::Limit),
        (S::PutObject, us, 400, "KeyTooLongError", Stop, K::Key),
        (S::Complete, us, 200, "InternalError", Retry, K::Unavailable),
        (S::Complete, us, 200, "Unheard", Retry, K::Unavailable),
        (S::Complete, us, 404, "NoSuchUpload", LookThenBeginAnew, K::Unavailable),
        (S::Complete, grant, 200, "NoSuchUpload", LookThenBeginAnew, K::Unavailable),
        (S::Complete, us, 404, "", LookThenBeginAnew, K::Unavailable),
        (S::PutPart, us, 404, "NoSuchUpload", BeginAnew, K::Unavailable),
        (S::Abort, us, 404, "NoSuchUpload", Absent, K::Missing),
        (S::Abort, us, 404, "", Absent, K::Missing),
        (S::ListUploads, us, 404, "NoSuchUpload", Stop, K::Settings),
        (S::Complete, us, 400, "InvalidPart", SendPartsAnew, K::Unavailable),
        (S::Complete, us, 400, "InvalidPartOrder", SendPartsAnew, K::Unavailable),
        (S::Read, us, 404, "NoSuchKey", Absent, K::Missing),
        (S::Read, us, 404, "", Stop, K::Settings),
        (S::Read, us, 404, "NoSuchBucket", Stop, K::Settings),
        (S::List, us, 404, "NoSuchBucket", Stop, K::Settings),
        (S::List, us, 404, "", Stop, K::Settings),
        (S::Look, grant, 404, "", Absent, K::Missing),
        (S::Look, us, 404, "NoSuchBucket", Stop, K::Settings),
        (S::Abort, us, 404, "NoSuchBucket", Stop, K::Settings),
        (S::Complete, us, 404, "NoSuchBucket", Stop, K::Settings),
        (S::Delete, us, 404, "NoSuchKey", Absent, K::Missing),
        (S::Delete, us, 404, "", Stop, K::Settings),
        (S::Read, us, 416, "InvalidRange", Stop, K::Corrupt),
        (S::Read, us, 403, "InvalidObjectState", Stop, K::Settings),
        (S::Read, us, 403, "NoSuchKey", Stop, K::Denied),
        (S::Read, us, 503, "NoSuchKey", Retry, K::Unavailable),
        (S::PutObject, us, 400, "ExpiredToken", Stop, K::Denied),
        (S::PutObject, grant, 400, "ExpiredToken", Renew, K::Expired),
        (S::PutObject, grant, 400, "ExpiredRequest", Renew, K::Expired),
        (S::PutObject, us, 400, "TokenRefreshRequired", Stop, K::Denied),
        (S::PutObject, us, 403, "InvalidAccessKeyId", Stop, K::Denied),
        (S::PutObject, us, 400, "InvalidToken", Stop, K::Denied),
        (S::PutObject, us, 401, "", Stop, K::Denied),
        (S::PutObject, grant, 403, "SignatureDoesNotMatch", Stop, K::Denied),
    ];
    for (step, signed_by, status, code, next, kind) in rows {
        let verdict = said(*step, *signed_by, *status, code, "");
        assert_eq!(
            (verdict.next, verdict.kind),
            (*next, *kind),
            "{step:?} {signed_by:?} {status} {code}"
        );
    }
}

#[test]
fn an_expired_grant_shows_in_a_message_or_by_the_clock() {
    let message = "Request has expired";
    let put = StoreStep::PutObject;
    assert_eq!(said(put, GRANTED, 403, "AccessDenied", message).next, Next::Renew);
    assert_eq!(said(put, GRANTED, 403, "AccessDenied", "no").next, Next::Stop);
    assert_eq!(said(put, SIGNERS[2], 403, "", "").next, Next::Renew);
    let ours = said(put, SignedBy::Us, 403, "AccessDenied", message);
    assert_eq!((ours.meaning, ours.kind), (Meaning::Expired, ErrorKind::Denied));
}

#[test]
fn a_pause_that_the_store_asks_for_is_read_in_both_forms() {
    let asked = |retry_after| {
        let answer = StoreAnswer { status: 503, retry_after: Some(retry_after), body: b"" };
        judge(StoreStep::Read, SignedBy::Us, answer, 784_111_777_000).retry_after_ms
    };
    assert_eq!(asked("7"), Some(7_000));
    assert_eq!(asked("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10_000));
    assert_eq!(asked("soon"), None);
}

#[test]
fn only_the_document_itself_can_be_an_error() {
    let next = |body: &str| {
        let answer = StoreAnswer { status: 200, retry_after: None, body: body.as_bytes() };
        judge(StoreStep::DeleteMany, SignedBy::Us, answer, 0).next
    };
    assert_eq!(next("\n \n<?xml?><Error><Code>InternalError</Code></Error>"), Next::Retry);
    assert_eq!(next("<CompleteMultipartUploadResult/>"), Next::Done);
    let one_of_many =
        "<DeleteResult><Error><Key>k</Key><Code>InternalError</Code></Error></DeleteResult>";
    assert_eq!(next(one_of_many), Next::Done);
    assert_eq!(judge_deleted("InternalError", "").next, Next::Retry);
    assert_eq!(judge_deleted("NoSuchKey", "").next, Next::Absent);
    assert_eq!(judge_deleted("AccessDenied", "").kind, ErrorKind::Denied);
    assert_eq!(judge_deleted("", "").kind, ErrorKind::Settings);
}

#[test]
fn only_code_and_message_are_repeated_and_a_secret_hides_no_code() {
    let body = b"<Error><Code>ExpiredToken</Code><Message>the token k\nof k</Message>\
        <StringToSign>secret</StringToSign></Error>";
    let answer = StoreAnswer { status: 400, retry_after: None, body };
    let verdict = judge(StoreStep::Read, SignedBy::Us, answer, 0);
    assert_eq!(verdict.said(), "400 ExpiredToken: the token k of k");
    let scrubbed = verdict.scrubbed(|text| text.replace('k', "(hidden)"));
    assert_eq!(scrubbed.said(), "400 ExpiredToken: the to(hidden)en (hidden) of (hidden)");
    let page = StoreAnswer { status: 502, retry_after: None, body: b"gateway down\nmore" };
    assert_eq!(judge(StoreStep::Read, SignedBy::Us, page, 0).said(), "502 gateway down");
    assert_eq!(judge(StoreStep::Read, GRANTED, page, 0).said(), "502");
    let long = format!("<Error><Code>{0}</Code><Message>{0}</Message></Error>", "x".repeat(9_000));
    let answer = StoreAnswer { status: 400, retry_after: None, body: long.as_bytes() };
    assert!(judge(StoreStep::Read, SignedBy::Us, answer, 0).said().len() < 400);
}
