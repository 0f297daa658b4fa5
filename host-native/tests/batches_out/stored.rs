//! Batches out of a store.

use coldpress::filter::ColumnPath;
use coldpress::{ColdStorage, ErrorKind, Settings, Target, read_parquet_with_predicate};
use serde_json::json;

use crate::common::stub::{Bucket, Stub};
use crate::common::{hasty_config, local_config};

fn path(path: &str) -> ColumnPath {
    path.parse().unwrap()
}

/// A file whose columns are of very different sizes.
fn file() -> coldpress::EncodedFile {
    let settings = Settings { row_group_rows_max: 2_000, ..Settings::default() };
    let mut encoder = coldpress::Encoder::new(settings).unwrap();
    let mut state = 1_u64;
    for n in 0..4_000 {
        let text: String = (0..400)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b' ' + (state >> 58) as u8 + 16)
            })
            .collect();
        let row = json!({"n": n, "text": text, "more": {"a": n % 3, "b": text}});
        encoder.push_row(&format!("row {n}"), &row).unwrap();
    }
    encoder.finish(&Target::new(7, "c")).unwrap()
}

#[tokio::test]
async fn only_the_bytes_of_the_columns_are_fetched() {
    let (bucket, file) = (Bucket::new(true), file());
    bucket.put(file.key.as_str(), &file.bytes);
    let stub = Stub::start(move |request| bucket.answer(request));
    let storage = ColdStorage::new(hasty_config(&stub.endpoint, "")).unwrap();
    let columns = [path("n"), path("more.a")];
    let batches = storage.read_batches(&file.key, Some(&columns)).await.unwrap();
    let expected = read_parquet_with_predicate(file.bytes.clone(), Some(&columns), None).unwrap();
    assert_eq!(batches, expected);
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 4_000);

    let fetched: usize = stub
        .requests()
        .iter()
        .filter_map(|request| request.header("range").map(str::to_owned))
        .map(|range| {
            let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            to.parse::<usize>().unwrap() + 1 - from.parse::<usize>().unwrap()
        })
        .sum();
    assert!(file.bytes.len() > 1_000_000, "{}", file.bytes.len());
    assert!(fetched > 64 << 10 && fetched < (64 << 10) + 50_000, "{fetched} bytes fetched");
}

#[tokio::test]
async fn batches_of_a_folder_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let storage = ColdStorage::new(local_config(folder.path())).unwrap();
    let rows = [("a".to_owned(), json!({"n": 1})), ("b".to_owned(), json!({"n": "two"}))];
    let key = storage.encode_and_upload("c", 7, &rows, 1, 2).await.unwrap();
    let batches = storage.read_batches(&key, None).await.unwrap();
    let bytes = storage.download_parquet(&key).await.unwrap();
    assert_eq!(batches, read_parquet_with_predicate(bytes, None, None).unwrap());
    let names = batches[0].schema();
    let names: Vec<&String> = names.fields().iter().map(|field| field.name()).collect();
    assert_eq!(names, ["_id", "n", "_rescued_data"]);

    let error = storage.read_batches(&key, Some(&[path("m")])).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Settings, Some(key.as_str())));
    let missing = "data/7/c/lsn-8-9.parquet";
    let error = storage.read_batches(missing, None).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::NotFound, Some(missing)));
}
