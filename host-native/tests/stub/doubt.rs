//! Puts of which nobody knows whether they stored their object.

use std::sync::atomic::{AtomicUsize, Ordering};

use coldpress::ErrorKind;

use super::common::stub::{Bucket, Reply, Stub};
use super::{put, storage};

/// The answer to the put is lost, the next try hears that the key is taken, and whoever puts may
/// not read. The object is there: an error that said "not stored" would let the rows be stored
/// twice.
#[tokio::test]
async fn a_lost_put_that_cannot_be_read_back_is_not_called_unstored() {
    for (status, code) in [(403, "AccessDenied"), (400, "ExpiredToken"), (405, "MethodNotAllowed")]
    {
        let bucket = Bucket::new(true);
        let (answering, puts) = (bucket.clone(), AtomicUsize::new(0));
        let stub = Stub::start(move |request| {
            let is_object = request.key().ends_with(".parquet");
            let answer = answering.answer(request);
            match request.method.as_str() {
                "PUT" if is_object && puts.fetch_add(1, Ordering::SeqCst) == 0 => Reply::Closed,
                "GET" | "HEAD" if is_object => Reply::error(status, code, "no reading here"),
                _ => answer,
            }
        });
        let error = put(&storage(&stub), 1).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        let said = error.to_string();
        assert!(said.contains("not known whether") && said.contains(code), "{said}");
        // The object is there, and the claim stays beside it.
        let keys = bucket.keys();
        assert_eq!(keys.len(), 2, "{keys:?}");
        assert!(keys.iter().any(|key| key.contains("/_claims/")), "{keys:?}");
    }
}
