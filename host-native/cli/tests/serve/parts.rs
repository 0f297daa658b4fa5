//! Multipart uploads to the development store, by grants.

use coldpress::{ColdStorage, GrantLimits, GrantRequest, LsnRange};
use coldpress_core::{Grant, GrantedWrite, MultipartGrant, SignedRequest, complete_multipart_body};
use serde_json::json;

use crate::harness::{Served, noise, wanted};
use crate::http::{request_with, send};

const PART: usize = 5 << 20;

fn parts_of(grant: &Grant) -> &MultipartGrant {
    match grant.write() {
        GrantedWrite::Multipart(multipart) => multipart,
        GrantedWrite::Put(_) => panic!("a grant of one put"),
    }
}

fn upload(multipart: &MultipartGrant, bytes: &[u8]) -> Vec<String> {
    let pieces = bytes.chunks(usize::try_from(multipart.part_bytes).unwrap());
    assert_eq!(pieces.len(), multipart.parts.len());
    let put = |(part, piece)| send(part, piece).expect(200).header("etag").unwrap().to_owned();
    multipart.parts.iter().zip(pieces).map(put).collect()
}

fn complete(multipart: &MultipartGrant, etags: &[String]) -> crate::http::Reply {
    let body = complete_multipart_body(etags.iter().map(String::as_str));
    send(&multipart.complete, body.as_bytes())
}

/// Everything under the store's folder, hidden or not.
fn left(served: &Served) -> Vec<String> {
    fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path.display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(&served.path("coldpress-data"), &mut found);
    found
}

#[test]
fn parts_become_one_object_at_once_and_once() {
    let served = Served::dev(&["--part-size", "5MiB"]);
    let bytes = noise(2 * PART + 1_000, 1);
    let ask = wanted("big", (1, 9), &bytes);
    let grant = served.grant(served.token(), &ask);
    let multipart = parts_of(&grant);
    assert_eq!((multipart.parts.len(), multipart.part_bytes), (3, PART as u64));
    let etags = upload(multipart, &bytes);
    send(grant.check(), b"").expect(404);
    // Of a part that came twice, the last counts.
    let other = send(&multipart.parts[2], &noise(1_000, 9)).expect(200);
    assert_ne!(other.header("etag"), Some(etags[2].as_str()));
    complete(multipart, &etags).s3_refused(400, "InvalidPart");
    send(&multipart.parts[2], &bytes[2 * PART..]).expect(200);
    complete(multipart, &[]).s3_refused(400, "MalformedXML");
    send(&multipart.complete, b"<nonsense").s3_refused(400, "MalformedXML");
    let done = complete(multipart, &etags).expect(200).text();
    assert!(done.contains("<ETag>"), "{done}");
    let stored = served.path("coldpress-data").join(grant.key().as_str());
    assert!(std::fs::read(stored).unwrap() == bytes);
    complete(multipart, &etags).s3_refused(404, "NoSuchUpload");
    send(&multipart.abort, b"").s3_refused(404, "NoSuchUpload");
    assert_eq!(left(&served).len(), 1, "{:?}", left(&served));

    // Another of the same key: refused at its end, and nothing of it stays once it is aborted.
    let second = served.grant(served.token(), &ask);
    let second = parts_of(&second);
    let etags = upload(second, &bytes);
    complete(second, &etags).s3_refused(412, "PreconditionFailed");
    send(&second.abort, b"").expect(204);
    assert_eq!(left(&served).len(), 1, "{:?}", left(&served));
}

#[test]
fn an_upload_is_gone_on_with_by_a_fresh_grant_of_the_same_key_alone() {
    let served = Served::dev(&["--part-size", "5MiB"]);
    let bytes = noise(PART + 5, 2);
    let mut ask = wanted("big", (1, 9), &bytes);
    let first = served.grant(served.token(), &ask);
    let first = parts_of(&first);
    let one = send(&first.parts[0], &bytes[..PART]).expect(200).header("etag").unwrap().to_owned();
    ask["upload_id"] = json!(first.upload_id);
    let fresh = served.grant(served.token(), &ask);
    let fresh = parts_of(&fresh);
    assert_eq!(fresh.upload_id, first.upload_id);
    let two = send(&fresh.parts[1], &bytes[PART..]).expect(200).header("etag").unwrap().to_owned();
    // The same upload under another key.
    ask["max_lsn"] = json!("10");
    let other = served.grant(served.token(), &ask);
    let other = parts_of(&other);
    send(&other.parts[0], &bytes[..PART]).s3_refused(404, "NoSuchUpload");
    complete(other, &[one.clone(), two.clone()]).s3_refused(404, "NoSuchUpload");
    send(&other.abort, b"").s3_refused(404, "NoSuchUpload");
    complete(fresh, &[one, two]).expect(200);
}

#[test]
fn content_other_than_promised_never_becomes_an_object() {
    let served = Served::dev(&["--part-size", "5MiB"]);
    let bytes = noise(PART + 5, 3);
    let grant = served.grant(served.token(), &wanted("big", (1, 9), &bytes));
    let multipart = parts_of(&grant);
    let mut other = bytes.clone();
    other[7] ^= 1;
    let etags = upload(multipart, &other);
    complete(multipart, &etags).s3_refused(400, "BadDigest");
    send(grant.check(), b"").expect(404);
    send(&multipart.abort, b"").expect(204);
    assert_eq!(left(&served), [""; 0]);
}

#[tokio::test]
async fn small_parts_in_the_middle_and_parts_in_disorder_are_refused() {
    let served = Served::dev(&[]);
    let storage = ColdStorage::new(served.config("")).unwrap();
    let limits = GrantLimits { parts: Some(2), part_bytes: 5 << 20, ..GrantLimits::default() };
    let asked = GrantRequest::new("c", LsnRange::new(1, 2).unwrap());
    let grant = storage.grant(7, &asked, &limits).await.unwrap();
    let multipart = parts_of(&grant);
    let put =
        |part: &SignedRequest| send(part, b"small").expect(200).header("etag").unwrap().to_owned();
    let etags: Vec<String> = multipart.parts.iter().map(put).collect();
    complete(multipart, &etags).s3_refused(400, "EntityTooSmall");
    let listed = complete_multipart_body(etags.iter().map(String::as_str));
    let (one, two) = ("<PartNumber>1</PartNumber>", "<PartNumber>2</PartNumber>");
    let swapped = listed.replace(one, "<>").replace(two, one).replace("<>", two);
    assert_ne!(listed, swapped);
    send(&multipart.complete, swapped.as_bytes()).s3_refused(400, "InvalidPartOrder");
    // The last alone may be small.
    complete(multipart, &etags[..1]).expect(200);
    assert_eq!(storage.download_parquet(grant.key().as_str()).await.unwrap(), &b"small"[..]);
    assert_eq!(left(&served).len(), 1, "{:?}", left(&served));
}

#[test]
fn an_upload_survives_the_server() {
    let served = Served::dev(&["--part-size", "5MiB"]);
    let bytes = noise(PART + 5, 4);
    let ask = wanted("big", (1, 9), &bytes);
    let grant = served.grant(served.token(), &ask);
    let multipart = parts_of(&grant);
    let etags = upload(multipart, &bytes);
    served.signal("KILL");
    served.wait();
    // A crash in the middle of completing leaves the folder under this name.
    let uploads = served.path("coldpress-data/.coldpress-uploads");
    let id = &multipart.upload_id;
    std::fs::rename(uploads.join(id), uploads.join(format!("{id}.completing"))).unwrap();
    let again = Served::dev(&[
        "--part-size",
        "5MiB",
        "--store",
        served.path("coldpress-data").to_str().unwrap(),
    ]);
    let mut ask = ask;
    ask["upload_id"] = json!(id);
    let fresh = again.grant(again.token(), &ask);
    complete(parts_of(&fresh), &etags).expect(200);
    send(fresh.check(), b"").expect(200);
    assert_eq!(left(&served).len(), 1, "{:?}", left(&served));
}

#[test]
fn many_who_complete_the_same_upload_make_one_object() {
    let served = Served::dev(&["--part-size", "5MiB"]);
    let bytes = noise(PART + 5, 5);
    let grant = served.grant(served.token(), &wanted("big", (1, 9), &bytes));
    let multipart = parts_of(&grant);
    let etags = upload(multipart, &bytes);
    let codes: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..8).map(|_| scope.spawn(|| complete(multipart, &etags).status)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(codes.iter().filter(|code| **code == 200).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, 200 | 404)), "{codes:?}");
    assert_eq!(left(&served).len(), 1, "{:?}", left(&served));
    let url = multipart.complete.url();
    request_with("GET", url, &[], b"").s3_refused(403, "AccessDenied");
}
