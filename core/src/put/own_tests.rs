use std::time::Duration;

use super::*;
use crate::retry::Backoff;

#[path = "own_fault_tests.rs"]
mod faults;

const NO_HEADERS: &[(String, String)] = &[];

/// Parts of 10 bytes, two at a time.
fn put() -> Put {
    let settings = UploadSettings {
        concurrency: 2,
        retries_max: 2,
        total_timeout: Some(Duration::from_millis(600_000)),
        ..UploadSettings::default()
    };
    Put::own(10, settings, 1, 0).unwrap()
}

/// What is wanted now, in short.
fn wanted(put: &mut Put, now_ms: u64) -> Vec<(u64, String)> {
    std::iter::from_fn(|| put.poll(now_ms))
        .map(|action| match action {
            Action::Own(OwnAction::Send { id, request, body }) => {
                let body = match body {
                    RequestBody::File(range) => format!(" {range:?}"),
                    RequestBody::Bytes(_) | RequestBody::Empty => String::new(),
                };
                let what = match request {
                    StoreRequest::Put { create_only: true } => "put".to_owned(),
                    StoreRequest::Put { create_only: false } => "overwrite".to_owned(),
                    StoreRequest::Begin => "begin".to_owned(),
                    StoreRequest::Part { upload_id, number } => {
                        format!("part {upload_id}/{number}")
                    }
                    StoreRequest::Complete { upload_id } => format!("complete {upload_id}"),
                    StoreRequest::Abort { upload_id } => format!("abort {upload_id}"),
                };
                (id, what + &body)
            }
            Action::Own(OwnAction::FindRule { id, way }) => (id, format!("rule {way:?}")),
            Action::Own(OwnAction::Compare { id }) => (id, "compare".to_owned()),
            Action::Cancel { id } => (id, "cancel".to_owned()),
            Action::Request { id, .. } | Action::AskGrant { id, .. } => {
                (id, "a grant's".to_owned())
            }
        })
        .collect()
}

/// The one thing that is wanted.
fn only(put: &mut Put, now_ms: u64, name: &str) -> u64 {
    let wanted = wanted(put, now_ms);
    assert_eq!(wanted.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), [name]);
    wanted[0].0
}

fn answer(put: &mut Put, id: u64, status: u16, code: &str) {
    let body = match code {
        "" => String::new(),
        code => format!("<Error><Code>{code}</Code></Error>"),
    };
    put.handle_response(id, status, NO_HEADERS, body.as_bytes(), 0);
}

fn stored(put: &mut Put, id: u64) {
    put.handle_response(id, 200, &[("etag".to_owned(), format!("\"{id}\""))], b"", 0);
}

fn rule(put: &mut Put, way: &str, rule: PutRule) {
    let id = only(put, 0, &format!("rule {way}"));
    put.handle_rule(id, rule, 0);
}

/// A body of parts whose upload `u` has begun.
fn begun(bytes: u64) -> Put {
    let mut put = put();
    put.handle_bytes(bytes, 0);
    rule(&mut put, "Parts", PutRule::Conditional);
    let id = only(&mut put, 0, "begin");
    let body =
        b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    put.handle_response(id, 200, NO_HEADERS, body, 0);
    put
}

/// The same, ended, with all its parts stored.
fn sent(bytes: u64) -> Put {
    let mut put = begun(bytes);
    put.end_body(0);
    loop {
        let parts = wanted(&mut put, 0);
        if parts.is_empty() {
            return put;
        }
        parts.iter().for_each(|(id, _)| stored(&mut put, *id));
    }
}

fn fault(put: &Put) -> &PutFault {
    put.own_outcome().expect("an outcome").as_ref().unwrap_err()
}

#[test]
fn a_small_body_goes_by_one_put_once_it_is_published() {
    for bytes in [0, 1, 10] {
        let mut put = put();
        put.handle_bytes(bytes, 0);
        put.end_body(0);
        assert_eq!(wanted(&mut put, 0), [], "nothing before it is published");
        put.publish(0);
        rule(&mut put, "Whole", PutRule::Conditional);
        let id = only(&mut put, 0, &format!("put 0..{bytes}"));
        put.handle_response(id, 200, NO_HEADERS, b"", 0);
        assert!(matches!(put.own_outcome(), Some(Ok(true))), "{:?}", put.own_outcome());
        assert!(!put.went_by_parts());
    }
}

#[test]
fn parts_are_sent_as_they_fill_and_what_is_stored_is_released() {
    let mut put = begun(11);
    let first = only(&mut put, 0, "part u/1 0..10");
    // Three parts: two that are sent, one that fills.
    assert_eq!((put.room(), put.released_bytes()), (19, 0));
    put.handle_bytes(19, 0);
    let second = only(&mut put, 0, "part u/2 10..20");
    assert_eq!(put.room(), 0);
    stored(&mut put, second);
    assert_eq!((put.room(), put.released_bytes()), (0, 0), "the first still needs its bytes");
    stored(&mut put, first);
    assert_eq!((put.room(), put.released_bytes()), (20, 20));
    assert_eq!(wanted(&mut put, 0), [], "the third is full, and more may follow");
    put.end_body(0);
    let third = only(&mut put, 0, "part u/3 20..30");
    stored(&mut put, third);
    assert_eq!(wanted(&mut put, 0), []);
    assert!(put.is_staged());
    put.publish(0);
    let complete = only(&mut put, 0, "complete u");
    put.handle_response(complete, 200, NO_HEADERS, b"<R><ETag>x</ETag></R>", 0);
    assert!(matches!(put.own_outcome(), Some(Ok(true))));
    assert_eq!(wanted(&mut put, 0), []);
}

#[test]
fn a_staged_body_waits_as_its_policy_says() {
    let staged = |bytes, policy| {
        let mut put = put();
        put.handle_bytes(bytes, 0);
        put.stage(policy, 0);
        put
    };
    let mut small = staged(4, BufferPolicy::UpTo(4));
    assert_eq!(wanted(&mut small, 0), []);
    assert!(small.is_staged());

    let mut unbuffered = staged(4, BufferPolicy::Nothing);
    assert!(!unbuffered.is_staged());
    rule(&mut unbuffered, "Parts", PutRule::Conditional);
    only(&mut unbuffered, 0, "begin");

    // A store that would complete over another object gets one put, which it refuses.
    let mut large = staged(5, BufferPolicy::UpTo(4));
    assert!(!large.is_staged());
    rule(&mut large, "Parts", PutRule::LookFirst);
    assert_eq!(wanted(&mut large, 0), []);
    assert!(large.is_staged());
    large.publish(0);
    rule(&mut large, "Whole", PutRule::Conditional);
    only(&mut large, 0, "put 0..5");
}

#[test]
fn a_store_that_overwrites_is_looked_at_first() {
    let mut put = put();
    put.handle_bytes(5, 0);
    put.end_body(0);
    put.publish(0);
    rule(&mut put, "Whole", PutRule::LookFirst);
    let id = only(&mut put, 0, "compare");
    put.handle_compared(id, Found::Nothing, 0);
    only(&mut put, 0, "overwrite 0..5");

    let mut parts = sent(25);
    parts.own.as_mut().unwrap().parts_rule = Some(PutRule::LookFirst);
    parts.publish(0);
    let id = only(&mut parts, 0, "compare");
    parts.handle_compared(id, Found::Other { bytes_there: 3 }, 0);
    let id = only(&mut parts, 0, "abort u");
    answer(&mut parts, id, 204, "");
    assert!(matches!(fault(&parts), PutFault::Conflict { bytes_there: 3 }));
}

#[test]
fn a_taken_key_is_compared_and_tried_again_where_nothing_lies_there() {
    let mut put = put();
    put.handle_bytes(5, 0);
    put.end_body(0);
    put.publish(0);
    rule(&mut put, "Whole", PutRule::Conditional);
    let mut now_ms = 0;
    for _ in 0..3 {
        let id = only(&mut put, now_ms, "put 0..5");
        answer(&mut put, id, 412, "PreconditionFailed");
        let id = only(&mut put, now_ms, "compare");
        put.handle_compared(id, Found::Nothing, now_ms);
        now_ms = put.next_timeout().unwrap_or(now_ms);
    }
    let step = StoreStep::PutObject;
    assert!(matches!(fault(&put), PutFault::TakenByNobody { step: s } if *s == step));
}

#[test]
fn a_lost_answer_is_looked_up_before_it_is_an_error() {
    for (found, created) in [(Found::Same, true), (Found::Nothing, false)] {
        let mut put = sent(25);
        put.publish(0);
        let mut now_ms = 0;
        loop {
            let wanted = wanted(&mut put, now_ms);
            match wanted.first() {
                Some((id, name)) if name == "complete u" => {
                    put.handle_failure(*id, "reset", now_ms);
                }
                Some((id, name)) => {
                    assert_eq!(name, "compare");
                    put.handle_compared(*id, found, now_ms);
                    break;
                }
                None => now_ms = put.next_timeout().expect("a hang"),
            }
        }
        let id = only(&mut put, now_ms, "abort u");
        answer(&mut put, id, 204, "");
        match created {
            true => assert!(matches!(put.own_outcome(), Some(Ok(false)))),
            false => assert!(matches!(fault(&put), PutFault::Unanswered { .. })),
        }
    }
}

#[test]
fn an_upload_that_another_writer_removed_gives_way_to_its_object() {
    let mut put = begun(25);
    let parts = wanted(&mut put, 0);
    answer(&mut put, parts[0].0, 404, "NoSuchUpload");
    answer(&mut put, parts[1].0, 404, "NoSuchUpload");
    let id = only(&mut put, 0, "compare");
    put.handle_compared(id, Found::Something, 0);
    assert_eq!((put.room(), put.released_bytes()), (u64::MAX, 25));
    put.handle_bytes(1_000, 0);
    assert_eq!(wanted(&mut put, 0), []);
    put.end_body(0);
    put.publish(0);
    let id = only(&mut put, 0, "compare");
    put.handle_compared(id, Found::Same, 0);
    assert!(matches!(put.own_outcome(), Some(Ok(false))));
}

#[test]
fn an_abort_waits_for_the_name_of_the_upload_that_is_begun() {
    let mut put = put();
    put.handle_bytes(11, 0);
    rule(&mut put, "Parts", PutRule::Conditional);
    let begin = only(&mut put, 0, "begin");
    put.abort(0);
    assert_eq!(wanted(&mut put, 0), []);
    assert!(put.own_outcome().is_none());
    put.handle_response(begin, 200, NO_HEADERS, b"<R><UploadId>late</UploadId></R>", 0);
    let id = only(&mut put, 0, "abort late");
    answer(&mut put, id, 204, "");
    assert!(matches!(fault(&put), PutFault::Aborted));
    assert!(put.left_open().is_empty());
}

#[test]
fn a_refusal_ends_it_and_an_abort_that_is_refused_is_told() {
    let mut put = begun(25);
    let parts = wanted(&mut put, 0);
    answer(&mut put, parts[0].0, 403, "AccessDenied");
    let after = wanted(&mut put, 0);
    assert_eq!(after[0], (parts[1].0, "cancel".to_owned()));
    assert_eq!(after[1].1, "abort u");
    answer(&mut put, after[1].0, 403, "AccessDenied");
    let PutFault::Answered { step, verdict } = fault(&put) else { panic!("{:?}", fault(&put)) };
    assert_eq!((*step, verdict.code.as_str()), (StoreStep::PutPart, "AccessDenied"));
    assert_eq!(put.left_open(), ["u"]);
}

#[test]
fn what_the_host_cannot_find_out_ends_it() {
    let mut put = put();
    put.handle_bytes(1, 0);
    put.end_body(0);
    put.publish(0);
    let id = only(&mut put, 0, "rule Whole");
    put.handle_unknown(id, 0);
    assert!(matches!(fault(&put), PutFault::Host { .. }));
}

#[test]
fn patience_counts_from_the_first_try() {
    let settings = UploadSettings {
        retries_max: u32::MAX,
        patience: Some(Duration::from_millis(1_000)),
        timeout: Duration::from_millis(700),
        backoff: Duration::from_millis(1),
        ..UploadSettings::default()
    };
    let mut put = Put::own(10, settings, 1, 0).unwrap();
    put.handle_bytes(1, 0);
    put.end_body(0);
    put.publish(0);
    rule(&mut put, "Whole", PutRule::Conditional);
    let (mut now_ms, mut tries) = (0, 0);
    loop {
        match wanted(&mut put, now_ms).last() {
            Some((id, name)) if name == "compare" => break put.handle_unknown(*id, now_ms),
            Some((_, name)) if name.starts_with("put") => tries += 1,
            _ => {}
        }
        now_ms = put.next_timeout().expect("a hang").max(now_ms);
    }
    assert_eq!(tries, 2, "the second time out is past the patience");
    assert!(matches!(fault(&put), PutFault::Unanswered { .. }));
    assert_eq!(Backoff::patient(1_000).patience_ms, Some(1_000));
}
