//! The probe of a store before the first put.

use std::sync::Mutex;
use std::time::Duration;

use super::common::stub::{BOUND, Bucket, Stub};
use super::{put, storage};

/// As if a device asked for a grant and left before it came.
#[tokio::test]
async fn a_probe_whose_caller_is_gone_ends_and_leaves_nothing() {
    let bucket = Bucket::new(true);
    let answering = bucket.clone();
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let stub = Stub::start(move |request| {
        let reply = answering.answer(request);
        if request.method == "PUT" && request.key().contains("probe") {
            let _ = arrived.send(());
            let _ = gate.lock().unwrap().recv();
        }
        reply
    });
    let storage = storage(&stub);
    tokio::select! {
        done = put(&storage, 1) => panic!("it did not wait for the probe: {done:?}"),
        _ = arrivals.recv() => {}
    }
    assert_eq!(bucket.keys().len(), 1, "the probe's object");
    drop(open);
    let gone = async {
        while !bucket.keys().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(BOUND, gone).await.expect("the probe's object stays");
    put(&storage, 1).await.unwrap();
}
