use super::*;
use crate::put::tests::{multipart, names, single, upload, wanted};

fn first_grant(retries_max: u32) -> FirstGrant {
    let settings = UploadSettings { retries_max, again: "ask again", ..UploadSettings::default() };
    FirstGrant::new(settings, 1, 0).unwrap()
}

/// The id of the question that is asked now.
fn asked(first: &mut FirstGrant, now_ms: u64) -> u64 {
    match first.poll(now_ms) {
        Some(Action::AskGrant { id, upload_id: None }) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_is_repeated_when_the_server_asks_for_it_and_then_answered() {
    let mut first = first_grant(3);
    assert_eq!(first.progress().phase, Phase::Granting);
    asked(&mut first, 0);
    first.handle_grant_failure(ErrorKind::Unavailable, "503", Some(20_000), 5);
    let at_ms = first.next_timeout().unwrap();
    assert!(at_ms >= 20_005);
    assert_eq!(
        first.progress(),
        Progress {
            phase: Phase::Waiting,
            sent_bytes: 0,
            under_way_bytes: 0,
            total_bytes: 0,
            retry: Some(NextTry { attempt: 2, at_ms, reason: "503".to_owned() }),
        }
    );
    assert_eq!(first.poll(at_ms - 1), None);
    asked(&mut first, at_ms);
    assert_eq!(first.progress().phase, Phase::Granting);
    assert_eq!(first.progress().retry.unwrap().attempt, 2);
    first.handle_grant(single(&[]));
    assert_eq!(first.outcome().unwrap().as_ref().unwrap().key().as_str(), "7/c/lsn-1-9.parquet");
    assert_eq!((first.poll(at_ms), first.next_timeout()), (None, None));
    assert_eq!((first.progress().phase, first.progress().retry), (Phase::Over, None));
}

#[test]
fn a_question_ends_where_it_is_refused_or_failed_too_often_or_is_broken_off() {
    let mut denied = first_grant(3);
    asked(&mut denied, 0);
    denied.handle_grant_failure(ErrorKind::Denied, "no such token", None, 1);
    let error = denied.outcome().unwrap().clone().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(error.to_string(), "asking for a grant failed: no such token");

    let mut lost = first_grant(3);
    let (mut now_ms, mut asks) = (0, 0);
    while lost.outcome().is_none() {
        match lost.poll(now_ms) {
            Some(Action::AskGrant { .. }) => {
                asks += 1;
                lost.handle_grant_failure(ErrorKind::Unavailable, "no network", None, now_ms);
            }
            _ => now_ms = lost.next_timeout().unwrap(),
        }
    }
    let error = lost.outcome().unwrap().clone().unwrap_err();
    assert_eq!((error.kind(), asks), (ErrorKind::Unavailable, 4));
    assert!(error.to_string().ends_with("is up again, ask again"), "{error}");

    let mut broken_off = first_grant(3);
    let id = asked(&mut broken_off, 0);
    broken_off.abort();
    assert_eq!(broken_off.poll(1), Some(Action::Cancel { id }));
    assert_eq!(broken_off.poll(1), None);
    let error = broken_off.outcome().unwrap().clone().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted);
    // An answer that comes all the same changes nothing.
    broken_off.handle_grant(single(&[]));
    assert!(broken_off.outcome().unwrap().is_err());
}

#[test]
fn a_question_without_an_answer_is_cancelled_and_repeated() {
    let mut first = first_grant(3);
    let id = asked(&mut first, 0);
    assert_eq!(first.next_timeout(), Some(120_000));
    assert_eq!(first.poll(120_000), Some(Action::Cancel { id }));
    let at_ms = first.next_timeout().unwrap();
    assert_eq!(first.progress().retry.unwrap().reason, unanswered(&UploadSettings::default()));
    assert_ne!(asked(&mut first, at_ms), id);
}

#[test]
fn progress_says_what_is_under_way_and_what_is_waited_for() {
    let mut upload = upload(35, Some(multipart("u", 4, 1_000_000)));
    let parts = wanted(&mut upload, 0);
    assert_eq!(upload.progress().under_way_bytes, 20);
    let url = "https://s3.test/u/0?X-Amz-Signature=secret";
    upload.handle_failure(parts[0].0, &format!("cannot reach ({url}): refused"), 1);
    // The other part is still under way: nothing is waited for.
    assert_eq!((upload.progress().phase, upload.progress().retry), (Phase::Sending, None));
    wanted(&mut upload, 1);
    upload.handle_response(parts[1].0, 503, &[("retry-after".into(), "30".into())], b"", 2);
    // Ids are counted: the third and the fourth part, and the first one again where it is due.
    for id in 3..6 {
        wanted(&mut upload, 2);
        upload.handle_failure(id, &format!("cannot reach ({url}): refused"), 2);
    }
    let progress = upload.progress();
    let retry = progress.retry.unwrap();
    assert_eq!((progress.phase, progress.under_way_bytes, retry.attempt), (Phase::Waiting, 0, 2));
    assert_eq!(Some(retry.at_ms), upload.next_timeout());
    assert_eq!(retry.reason, "cannot reach (https://s3.test/u/0): refused");
    let again = wanted(&mut upload, retry.at_ms);
    assert!(names(&again).iter().all(|name| name.starts_with("PUT u/")), "{again:?}");
    let progress = upload.progress();
    assert_eq!((progress.phase, progress.retry.unwrap().attempt), (Phase::Sending, 2));
}

#[test]
fn what_is_over_waits_for_nothing() {
    let mut upload = upload(5, None);
    let mut now_ms = 0;
    while upload.outcome().is_none() {
        for (_, asked) in wanted(&mut upload, now_ms) {
            assert_eq!(asked, "ask None");
            upload.handle_grant_failure(ErrorKind::Unavailable, "503", None, now_ms);
        }
        now_ms = upload.next_timeout().unwrap_or(now_ms);
    }
    assert_eq!((upload.progress().phase, upload.progress().retry), (Phase::Over, None));
}

#[test]
fn a_key_that_is_taken_while_nothing_lies_there_is_waited_for() {
    let mut upload = upload(5, Some(single(&[])));
    let put = wanted(&mut upload, 0);
    upload.handle_response(put[0].0, 412, &[], b"", 1);
    let look = wanted(&mut upload, 1);
    assert_eq!(upload.progress().phase, Phase::Checking);
    let body = b"<Error><Code>NoSuchKey</Code></Error>";
    upload.handle_response(look[0].0, 404, &[], body, 2);
    let retry = upload.progress().retry.unwrap();
    assert_eq!((upload.progress().phase, retry.attempt), (Phase::Waiting, 2));
    assert_eq!(retry.reason, "412");
}

#[test]
fn an_error_says_how_the_same_file_is_sent_again() {
    let settings = UploadSettings { retries_max: 0, again: "do it", ..UploadSettings::default() };
    let body = crate::PutBody::new(5);
    let mut upload = crate::Put::new(body, Some(single(&[])), settings, 1, 0).unwrap();
    let put = wanted(&mut upload, 0);
    upload.handle_failure(put[0].0, "reset", 1);
    upload.abort(1);
    let error = upload.outcome().unwrap().clone().unwrap_err();
    let end = "it is not known whether the file was stored: do it, which is safe and finds out";
    assert!(error.to_string().ends_with(end), "{error}");
}
