//! What the simulation of puts (`tests/tests/put_sim.rs`) found.

use super::*;

/// A small body that is published, and whose rule is known.
fn published() -> Put {
    let mut put = put();
    put.handle_bytes(5, 0);
    put.end_body(0);
    put.publish(0);
    rule(&mut put, "Whole", PutRule::Conditional);
    put
}

/// Waits for the next request, which must be this one.
fn next(put: &mut Put, now_ms: &mut u64, name: &str) -> u64 {
    loop {
        if let [(id, wanted)] = wanted(put, *now_ms).as_slice() {
            assert_eq!(wanted, name);
            return *id;
        }
        *now_ms = put.next_timeout().expect("a hang");
    }
}

#[test]
fn a_staged_body_without_bytes_goes_by_one_put() {
    let mut put = put();
    put.stage(BufferPolicy::Nothing, 0);
    assert_eq!(wanted(&mut put, 0), []);
    assert!(put.is_staged());
    put.publish(0);
    rule(&mut put, "Whole", PutRule::Conditional);
    only(&mut put, 0, "put 0..0");
}

#[test]
fn an_upload_whose_name_nobody_heard_is_told() {
    let beginning = || {
        let mut put = put();
        put.handle_bytes(11, 0);
        rule(&mut put, "Parts", PutRule::Conditional);
        let id = only(&mut put, 0, "begin");
        (put, id)
    };
    let (mut aborted, id) = beginning();
    aborted.abort(0);
    aborted.handle_failure(id, "reset", 0);
    assert!(matches!(fault(&aborted), PutFault::Aborted));
    assert!(aborted.may_have_double());

    let (mut nameless, id) = beginning();
    nameless.handle_response(id, 200, NO_HEADERS, b"<R><UploadId></UploadId></R>", 0);
    assert!(matches!(fault(&nameless), PutFault::NoUploadId(_)));
    assert!(nameless.may_have_double());
}

#[test]
fn an_upload_that_only_a_proxy_said_is_gone_is_aborted() {
    let mut put = begun(11);
    let id = only(&mut put, 0, "part u/1 0..10");
    answer(&mut put, id, 404, "");
    let id = only(&mut put, 0, "compare");
    put.handle_compared(id, Found::Something, 0);
    let id = only(&mut put, 0, "abort u");
    answer(&mut put, id, 204, "");
    put.end_body(0);
    put.publish(0);
    let id = only(&mut put, 0, "compare");
    put.handle_compared(id, Found::Same, 0);
    assert!(matches!(put.own_outcome(), Some(Ok(false))));
}

#[test]
fn a_refusal_after_a_lost_answer_leaves_doubt() {
    let (mut put, mut now_ms) = (published(), 0);
    let id = next(&mut put, &mut now_ms, "put 0..5");
    put.handle_failure(id, "reset", now_ms);
    let id = next(&mut put, &mut now_ms, "put 0..5");
    answer(&mut put, id, 403, "AccessDenied");
    let PutFault::Unanswered { step, said } = fault(&put) else { panic!("{:?}", fault(&put)) };
    assert_eq!((*step, said.as_str()), (StoreStep::PutObject, "reset; then 403 AccessDenied"));
    assert!(fault(&put).leaves_doubt());

    // Other content is certain, whatever became of the lost request.
    let (mut put, mut now_ms) = (published(), 0);
    let id = next(&mut put, &mut now_ms, "put 0..5");
    put.handle_failure(id, "reset", now_ms);
    let id = next(&mut put, &mut now_ms, "put 0..5");
    answer(&mut put, id, 412, "PreconditionFailed");
    let id = next(&mut put, &mut now_ms, "compare");
    put.handle_compared(id, Found::Other { bytes_there: 3 }, now_ms);
    assert!(matches!(fault(&put), PutFault::Conflict { bytes_there: 3 }));
    assert!(!fault(&put).leaves_doubt());
}

#[test]
fn a_completion_whose_upload_is_gone_and_that_cannot_be_looked_up_leaves_doubt() {
    let mut put = sent(25);
    put.publish(0);
    let id = only(&mut put, 0, "complete u");
    answer(&mut put, id, 404, "NoSuchUpload");
    let id = only(&mut put, 0, "compare");
    put.handle_unknown(id, 0);
    let id = only(&mut put, 0, "abort u");
    answer(&mut put, id, 404, "NoSuchUpload");
    assert!(matches!(fault(&put), PutFault::Host { .. }));
}

#[test]
fn a_part_that_fails_meanwhile_does_not_end_the_look_at_the_key() {
    let mut put = begun(25);
    let parts = wanted(&mut put, 0);
    answer(&mut put, parts[0].0, 404, "NoSuchUpload");
    let id = only(&mut put, 0, "compare");
    put.chunks.retries[1].failures = u32::MAX;
    put.handle_failure(parts[1].0, "reset", 0);
    put.handle_compared(id, Found::Something, 0);
    put.end_body(0);
    put.publish(0);
    let id = only(&mut put, 0, "compare");
    put.handle_compared(id, Found::Same, 0);
    assert!(matches!(put.own_outcome(), Some(Ok(false))));
}

#[test]
fn a_part_keeps_its_place_while_it_waits_for_its_next_try() {
    let mut put = begun(21);
    put.end_body(0);
    let parts = wanted(&mut put, 0);
    assert_eq!(parts.len(), 2);
    put.handle_response(parts[0].0, 503, &[("retry-after".into(), "1".into())], b"", 0);
    assert_eq!(wanted(&mut put, 0), [], "the third part does not take the place of the first");
    put.handle_response(parts[1].0, 200, &[("etag".into(), "\"2\"".into())], b"", 0);
    only(&mut put, 0, "part u/3 20..21");
    let at_ms = put.next_timeout().unwrap();
    assert!((1_000..2_000).contains(&at_ms), "{at_ms}");
    only(&mut put, at_ms, "part u/1 0..10");
}

#[test]
fn patience_counts_tries_that_fail_and_a_taken_key_together() {
    let mut put = published();
    put.settings.patience = Some(Duration::from_secs(1));
    put.settings.retries_max = u32::MAX;
    let mut now_ms = 0;
    let id = next(&mut put, &mut now_ms, "put 0..5");
    put.handle_response(id, 503, NO_HEADERS, b"", 500);
    now_ms = 500;
    loop {
        match wanted(&mut put, now_ms).last() {
            Some((id, name)) if name == "put 0..5" => {
                assert!(now_ms <= 1_000, "sent again at {now_ms} ms");
                put.handle_response(*id, 409, NO_HEADERS, b"", now_ms);
            }
            Some((id, _)) => put.handle_compared(*id, Found::Nothing, now_ms),
            None if put.own_outcome().is_some() => break,
            None => now_ms = put.next_timeout().expect("a hang"),
        }
    }
    let PutFault::Unanswered { said, .. } = fault(&put) else { panic!("{:?}", fault(&put)) };
    assert_eq!(said, "503; then 409");
}
