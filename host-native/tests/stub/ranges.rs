//! Servers that answer ranges with other bytes than they were asked for. A scan gives the right
//! rows, or an error that says so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use coldpress::{ColdStorage, Error, ErrorKind, Query};
use serde_json::{Value, json};

use super::common::hasty_config;
use super::common::stub::{Bucket, Reply, Request, Stub};

/// The answer to a range of this object, as it should be.
struct Answer {
    from: usize,
    to: usize,
    object: Vec<u8>,
}

impl Answer {
    fn reply(&self, from: usize, all: usize, body: Vec<u8>, etag: &str) -> Reply {
        let range = format!("bytes {from}-{}/{all}", from + (self.to - self.from) - 1);
        let headers = vec![("Content-Range", range), ("ETag", etag.to_owned())];
        Reply::Headed { status: 206, headers, claimed: body.len(), body }
    }

    fn body(&self) -> Vec<u8> {
        self.object[self.from..self.to].to_vec()
    }
}

/// A lie, the kind of the error, and what it says.
type Lie = (&'static str, fn(&Answer) -> Reply, ErrorKind, &'static str);

const LIES: [Lie; 8] = [
    (
        "long",
        |of| of.reply(of.from, of.object.len(), [of.body(), vec![0; 9]].concat(), "\"e\""),
        ErrorKind::Unavailable,
        "",
    ),
    (
        "shifted",
        |of| of.reply(of.from + 1, of.object.len() + 1, of.body(), "\"e\""),
        ErrorKind::Unavailable,
        "",
    ),
    (
        "another size",
        |of| of.reply(of.from, of.object.len() + 5, of.body(), "\"e\""),
        ErrorKind::Conflict,
        "the file changed",
    ),
    (
        "another ETag",
        |of| of.reply(of.from, of.object.len(), of.body(), "\"f\""),
        ErrorKind::Conflict,
        "the file changed",
    ),
    ("the whole object", |of| Reply::ok(of.object.clone()), ErrorKind::Unavailable, ""),
    (
        "no range",
        |of| Reply::Headed {
            status: 206,
            headers: vec![],
            claimed: of.to - of.from,
            body: of.body(),
        },
        ErrorKind::Unavailable,
        "",
    ),
    ("gone", |_| Reply::error(404, "NoSuchKey", "gone"), ErrorKind::NotFound, "no such object"),
    ("silent", |_| Reply::Silent, ErrorKind::Unavailable, ""),
];

/// A bucket that lies from its second answer to a range on; `lies` times.
fn lying(lie: fn(&Answer) -> Reply, lies: usize) -> (Stub, Arc<Mutex<Vec<String>>>) {
    let (bucket, ranges) = (Bucket::new(true), AtomicUsize::new(0));
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = Arc::clone(&asked);
    let stub = Stub::start(move |request| {
        let Some(range) = range(request) else { return bucket.answer(request) };
        notes.lock().unwrap().push(request.header("range").unwrap().to_owned());
        let number = ranges.fetch_add(1, Ordering::SeqCst);
        if !(1..=lies).contains(&number) {
            return bucket.answer(request);
        }
        let object = bucket.objects.lock().unwrap()[&request.key()].clone();
        lie(&Answer { from: range.0, to: range.1, object })
    });
    (stub, asked)
}

fn range(request: &Request) -> Option<(usize, usize)> {
    let (from, to) = request.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
    Some((from.parse().ok()?, to.parse::<usize>().ok()? + 1))
}

fn wanted() -> Vec<(String, Value)> {
    let text = |n: u64| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17));
    let texts = |n: u64| (0..20).map(|at| text(n * 20 + at)).collect::<String>();
    (0..2_000).map(|n| (format!("id {n}"), json!({"n": n, "text": texts(n)}))).collect()
}

async fn scanned(storage: &ColdStorage) -> Result<Vec<(String, Value)>, Error> {
    let mut scan = storage.scan(1, "c", Query::default()).await?;
    let mut rows = Vec::new();
    while let Some(row) = scan.next().await? {
        rows.push((row.id().to_owned(), row.to_value().unwrap()));
    }
    Ok(rows)
}

#[tokio::test]
async fn a_lie_about_a_range_is_an_error_that_says_so() {
    for (name, lie, kind, said) in LIES {
        let (stub, _) = lying(lie, usize::MAX);
        let storage = ColdStorage::new(hasty_config(&stub.endpoint, "p/")).unwrap();
        let key = storage.encode_and_upload("c", 1, &wanted(), 0, 1_999).await.unwrap();
        let error = scanned(&storage).await.expect_err(name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert_eq!(error.path(), Some(key.as_str()), "{name}: {error}");
        assert!(error.to_string().contains(said), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_body_that_is_short_is_asked_for_again_where_it_ended() {
    let short: fn(&Answer) -> Reply = |of| {
        let headers =
            vec![("Content-Range", format!("bytes {}-{}/{}", of.from, of.to - 1, of.object.len()))];
        let body = of.object[of.from..of.from + 100].to_vec();
        Reply::Headed { status: 206, headers, claimed: of.to - of.from, body }
    };
    let (stub, asked) = lying(short, 1);
    let storage = ColdStorage::new(hasty_config(&stub.endpoint, "p/")).unwrap();
    storage.encode_and_upload("c", 1, &wanted(), 0, 1_999).await.unwrap();
    assert_eq!(scanned(&storage).await.unwrap(), wanted());
    assert!(asked.lock().unwrap().len() >= 3, "{asked:?}");
}
