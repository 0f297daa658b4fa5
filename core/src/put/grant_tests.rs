use std::time::Duration;

use super::*;
use crate::{
    Error, ErrorKind, Grant, GrantedWrite, KeyPrefix, LsnRange, LsnWidth, Method, MultipartGrant,
    ObjectKey, Sha256Digest, SignedRequest,
};

const NO_HEADERS: &[(String, String)] = &[];

fn signed(method: Method, what: &str, headers: &[(&str, &str)]) -> SignedRequest {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    SignedRequest::new(method, format!("https://s3.test/{what}"), headers).unwrap()
}

fn key(collection: &str) -> (KeyPrefix, ObjectKey) {
    let prefix = KeyPrefix::default();
    let lsns = LsnRange::new(1, 9).unwrap();
    let key = ObjectKey::data(&prefix, 7, collection, lsns, LsnWidth::Unpadded).unwrap();
    (prefix, key)
}

fn grant_of(write: GrantedWrite, expires_ms: u64, bytes_max: u64) -> Grant {
    let (prefix, key) = key("c");
    let check = signed(Method::Head, "check", &[]);
    Grant::new(prefix, key, write, check, expires_ms, bytes_max).unwrap()
}

pub(super) fn single(headers: &[(&str, &str)]) -> Grant {
    grant_of(GrantedWrite::Put(signed(Method::Put, "put", headers)), 1_000_000, 1_000)
}

/// Parts of 10 bytes.
pub(super) fn multipart(upload_id: &str, parts: usize, expires_ms: u64) -> Grant {
    let write = GrantedWrite::Multipart(MultipartGrant {
        upload_id: upload_id.to_owned(),
        part_bytes: 10,
        parts: (0..parts).map(|i| signed(Method::Put, &format!("{upload_id}/{i}"), &[])).collect(),
        complete: signed(Method::Post, &format!("{upload_id}/complete"), &[("if-none-match", "*")]),
        abort: signed(Method::Delete, &format!("{upload_id}/abort"), &[]),
    });
    grant_of(write, expires_ms, 1_000)
}

pub(super) fn upload(bytes: u64, grant: Option<Grant>) -> Put {
    let settings = UploadSettings { concurrency: 2, retries_max: 2, ..UploadSettings::default() };
    Put::new(PutBody::new(bytes), grant, settings, 1, 0).unwrap()
}

/// What is wanted now: `METHOD path` of requests, others as they show themselves.
pub(super) fn wanted(upload: &mut Put, now_ms: u64) -> Vec<(u64, String)> {
    std::iter::from_fn(|| upload.poll(now_ms))
        .map(|action| match action {
            Action::Request { id, method, url, .. } => {
                (id, format!("{method} {}", url.trim_start_matches("https://s3.test/")))
            }
            Action::AskGrant { id, upload_id } => (id, format!("ask {upload_id:?}")),
            Action::Cancel { id } => (id, "cancel".to_owned()),
            Action::Own(own) => panic!("{own:?}"),
        })
        .collect()
}

pub(super) fn names(wanted: &[(u64, String)]) -> Vec<&str> {
    wanted.iter().map(|(_, name)| name.as_str()).collect()
}

fn stored_part(upload: &mut Put, id: u64, now_ms: u64) {
    upload.handle_response(id, 200, &[("ETag".to_owned(), format!("\"{id}\""))], b"", now_ms);
}

fn error_of(upload: &Put) -> Error {
    upload.outcome().expect("an outcome").clone().unwrap_err()
}

#[test]
fn parts_go_up_side_by_side_within_the_bound_and_are_completed_in_order() {
    let mut upload = upload(35, Some(multipart("u", 4, 1_000_000)));
    let first = wanted(&mut upload, 0);
    assert_eq!(names(&first), ["PUT u/0", "PUT u/1"]);
    assert!(upload.next_timeout().is_some_and(|at| at == 120_000), "only the requests' own time");
    // Backwards, and one of them twice.
    stored_part(&mut upload, first[1].0, 1);
    stored_part(&mut upload, first[1].0, 1);
    assert_eq!(
        upload.progress(),
        Progress {
            phase: Phase::Sending,
            sent_bytes: 10,
            under_way_bytes: 10,
            total_bytes: 35,
            retry: None
        }
    );
    let second = wanted(&mut upload, 1);
    assert_eq!(names(&second), ["PUT u/2"]);
    stored_part(&mut upload, second[0].0, 2);
    stored_part(&mut upload, first[0].0, 2);
    let last = upload.poll(2).unwrap();
    let Action::Request { id, body: RequestBody::File(range), .. } = last else {
        panic!("{last:?}")
    };
    assert_eq!(range, 30..35);
    stored_part(&mut upload, id, 3);
    let complete = upload.poll(3).unwrap();
    let Action::Request { id, body: RequestBody::Bytes(body), headers, .. } = complete else {
        panic!("{complete:?}")
    };
    assert_eq!(headers, [("if-none-match".to_owned(), "*".to_owned())]);
    let body = String::from_utf8(body).unwrap();
    let at = |part: &str| body.find(part).unwrap_or_else(|| panic!("{part} in {body}"));
    assert!(
        at("<PartNumber>1</PartNumber><ETag>\"1\"</ETag>")
            < at("<PartNumber>2</PartNumber><ETag>\"2\"</ETag>")
    );
    assert_eq!(upload.progress().phase, Phase::Completing);
    upload.handle_response(id, 200, NO_HEADERS, b"<CompleteMultipartUploadResult/>", 4);
    let uploaded = upload.outcome().unwrap().clone().unwrap();
    assert_eq!((uploaded.bytes, uploaded.created), (35, true));
    assert_eq!((upload.poll(5), upload.next_timeout()), (None, None));
}

#[test]
fn a_retry_waits_as_long_as_the_store_says_and_not_for_ever() {
    let mut upload = upload(5, Some(single(&[])));
    let put = wanted(&mut upload, 0);
    let busy = [("Retry-After".to_owned(), "7".to_owned())];
    upload.handle_response(put[0].0, 503, &busy, b"", 100);
    assert_eq!(upload.next_timeout(), Some(7_100));
    assert!(wanted(&mut upload, 7_099).is_empty());
    let put = wanted(&mut upload, 7_100);
    assert_eq!(names(&put), ["PUT put"]);
    let busy = [("retry-after".to_owned(), "86400".to_owned())];
    upload.handle_response(put[0].0, 429, &busy, b"", 7_200);
    // One look, because a request without a proper answer may have had its effect.
    let check = wanted(&mut upload, 7_200);
    assert_eq!(names(&check), ["HEAD check"]);
    upload.handle_response(check[0].0, 404, NO_HEADERS, b"", 7_300);
    let error = error_of(&upload);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("in 86400 seconds"), "{error}");
    assert_eq!(upload.retry_after_ms(), Some(86_400_000));
}

#[test]
fn a_part_whose_etag_is_hidden_names_the_rule_that_shows_it() {
    let mut upload = upload(15, Some(multipart("u", 2, 1_000_000)));
    let parts = wanted(&mut upload, 0);
    upload.handle_response(parts[0].0, 200, NO_HEADERS, b"", 1);
    let left = wanted(&mut upload, 1);
    assert_eq!(names(&left), ["cancel", "DELETE u/abort"]);
    upload.handle_response(left[1].0, 204, NO_HEADERS, b"", 2);
    // Again, for the part that was under way.
    assert_eq!(upload.outcome().map(|_| ()), None);
    let again = wanted(&mut upload, 2_000);
    assert_eq!(names(&again), ["DELETE u/abort"]);
    upload.handle_response(again[0].0, 404, NO_HEADERS, b"", 2_001);
    let error = error_of(&upload);
    assert_eq!(error.kind(), ErrorKind::Cors);
    assert!(error.to_string().contains("ETag") && error.to_string().contains("expose"), "{error}");
}

#[test]
fn an_expired_grant_is_replaced_and_only_what_is_missing_is_sent_again() {
    let mut upload = upload(35, Some(multipart("u", 4, 5_000)));
    let parts = wanted(&mut upload, 0);
    stored_part(&mut upload, parts[0].0, 1);
    let body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    upload.handle_response(parts[1].0, 403, NO_HEADERS, body, 2);
    let ask = wanted(&mut upload, 2);
    assert_eq!(names(&ask), ["ask Some(\"u\")"]);
    assert_eq!(upload.progress().phase, Phase::Granting);
    upload.handle_grant(multipart("u", 4, 9_000), 3);
    let parts = wanted(&mut upload, 3);
    assert_eq!(names(&parts), ["PUT u/2", "PUT u/3"]);
    stored_part(&mut upload, parts[0].0, 3);
    assert_eq!(names(&wanted(&mut upload, 3)), ["PUT u/1"]);

    // By the clock, without asking the store for its refusal first.
    upload.handle_grant(multipart("stray", 4, 9_000), 4);
    assert_eq!(names(&wanted(&mut upload, 4)), ["DELETE stray/abort"]);
    let mut late = self::upload(5, Some(multipart("v", 1, 5_000)));
    assert_eq!(names(&wanted(&mut late, 5_000)), ["ask Some(\"v\")"]);
    late.handle_grant(multipart("w", 1, 9_000), 5_001);
    assert_eq!(names(&wanted(&mut late, 5_001)), ["DELETE v/abort", "PUT w/0"]);
}

#[test]
fn grants_for_something_else_are_not_used() {
    // Too small, and given without asking: another is asked for.
    let small = grant_of(GrantedWrite::Put(signed(Method::Put, "put", &[])), 1_000_000, 4);
    let mut upload = upload(5, Some(small.clone()));
    assert_eq!(names(&wanted(&mut upload, 0)), ["ask None"]);
    upload.handle_grant_failure(ErrorKind::Expired, "there is only one", None, 1);
    let error = error_of(&upload);
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert!(error.to_string().contains("at most 4 bytes"), "{error}");
    assert!(error.to_string().contains("there is only one"), "{error}");

    let digest = Sha256Digest([7; 32]);
    for (grant, kind) in [
        (small, ErrorKind::Limit),
        (single(&[("content-length", "6")]), ErrorKind::Limit),
        (single(&[("x-amz-meta-coldpress-sha256", &"00".repeat(32))]), ErrorKind::Corrupt),
    ] {
        let body = PutBody { sha256: Some(digest), ..PutBody::new(5) };
        let mut upload = Put::new(body, None, UploadSettings::default(), 1, 0).unwrap();
        assert_eq!(names(&wanted(&mut upload, 0)), ["ask None"]);
        upload.handle_grant(grant, 1);
        assert_eq!(error_of(&upload).kind(), kind);
    }
    let body = PutBody { key: Some(key("other").1), ..PutBody::new(5) };
    let mut upload =
        Put::new(body, Some(multipart("u", 1, 9)), UploadSettings::default(), 1, 0).unwrap();
    assert_eq!(names(&wanted(&mut upload, 0)), ["DELETE u/abort", "ask None"]);
    upload.handle_grant(single(&[]), 1);
    let abort_left = upload.outcome().is_none();
    assert!(abort_left, "the first grant's upload is still being aborted");
}

#[test]
fn a_taken_key_is_looked_at() {
    let digest = Sha256Digest([7; 32]);
    let header = |hex: String| ("x-amz-meta-coldpress-sha256".to_owned(), hex);
    let length = |n: u64| ("Content-Length".to_owned(), n.to_string());
    for (sha256, headers, expected) in [
        (Some(digest), vec![length(5), header(digest.to_string())], Ok(false)),
        (Some(digest), vec![header(digest.to_string())], Ok(false)),
        (Some(digest), vec![length(5), header("00".repeat(32))], Err(ErrorKind::Conflict)),
        (Some(digest), vec![length(6), header(digest.to_string())], Err(ErrorKind::Conflict)),
        (Some(digest), vec![length(5)], Err(ErrorKind::Cors)),
        (None, vec![length(5), header(digest.to_string())], Err(ErrorKind::Settings)),
        (None, vec![length(4)], Err(ErrorKind::Conflict)),
    ] {
        let body = PutBody { sha256, ..PutBody::new(5) };
        let mut upload =
            Put::new(body, Some(single(&[])), UploadSettings::default(), 1, 0).unwrap();
        let put = wanted(&mut upload, 0);
        upload.handle_response(put[0].0, 412, NO_HEADERS, b"", 1);
        let check = wanted(&mut upload, 1);
        assert_eq!(names(&check), ["HEAD check"]);
        upload.handle_response(check[0].0, 200, &headers, b"", 2);
        let outcome = upload.outcome().unwrap().clone();
        assert_eq!(
            outcome.map(|uploaded| uploaded.created).map_err(|e| e.kind()),
            expected,
            "{headers:?}"
        );
    }
}

#[test]
fn aborting_takes_the_parts_away_or_says_that_it_could_not() {
    let mut upload = upload(35, Some(multipart("u", 4, 1_000_000)));
    wanted(&mut upload, 0);
    upload.abort(1);
    upload.abort(1);
    assert_eq!(upload.progress().phase, Phase::Aborting);
    let mut now_ms = 1;
    let mut aborts = 0;
    while upload.outcome().is_none() {
        for (id, name) in wanted(&mut upload, now_ms) {
            if name == "DELETE u/abort" {
                aborts += 1;
                upload.handle_failure(id, "the network is down", now_ms);
            } else {
                assert_eq!(name, "cancel");
            }
        }
        now_ms = upload.next_timeout().unwrap_or(now_ms);
    }
    let error = error_of(&upload);
    assert_eq!((error.kind(), aborts), (ErrorKind::Aborted, 6));
    assert!(error.to_string().contains("multipart upload u"), "{error}");
    assert_eq!(upload.left_open(), ["u"]);
}

#[test]
fn times_end_what_hangs() {
    let settings = UploadSettings {
        timeout: Duration::from_millis(1_000),
        total_timeout: Some(Duration::from_millis(5_000)),
        retries_max: 100,
        ..UploadSettings::default()
    };
    let mut upload = Put::new(PutBody::new(5), None, settings.clone(), 1, 0).unwrap();
    let ask = wanted(&mut upload, 0);
    assert_eq!(upload.next_timeout(), Some(1_000));
    assert_eq!(wanted(&mut upload, 1_000)[0], (ask[0].0, "cancel".to_owned()));
    let mut now_ms = 1_000;
    while upload.outcome().is_none() {
        now_ms = upload.next_timeout().unwrap().max(now_ms);
        wanted(&mut upload, now_ms);
    }
    assert_eq!(now_ms, 5_000);
    assert_eq!(error_of(&upload).kind(), ErrorKind::Unavailable);
    let zero = UploadSettings { concurrency: 0, ..settings.clone() };
    assert!(Put::new(PutBody::new(5), None, zero, 1, 0).is_err());
    assert!(Put::new(PutBody::new(0), None, settings, 1, 0).is_err());
}
