//! An append keeps the columns of the collection's last file.

use std::fs;

use coldpress::{ErrorKind, Projection, Schema, StoredFile};
use coldpress_core::{ColumnType, IdSource, NewFields, Settings, StreamSettings};
use serde_json::{Value, json};

use crate::{in_folder, small, stream};

async fn push(stream: coldpress::Result<coldpress::RowStream<'_>>, rows: &str) -> Vec<StoredFile> {
    let mut stream = stream.unwrap();
    stream.push_json(rows.to_owned().into()).await.unwrap();
    stream.finish().await.unwrap()
}

fn columns(file: &StoredFile) -> String {
    ColumnType::Struct(file.summary.schema.columns().to_vec()).to_string()
}

fn rescued(file: &StoredFile) -> Vec<(&str, u64)> {
    file.summary.rescued.iter().map(|of| (of.path.as_str(), of.count)).collect()
}

#[tokio::test]
async fn a_number_of_another_type_is_rescued_and_a_new_field_becomes_a_column() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let first = push(stream(&storage, "c").append().await, r#"{"t":21}{"t":22}"#).await;
    assert_eq!((columns(&first[0]).as_str(), rescued(&first[0])), ("struct<t: int64>", vec![]));
    for begun in [stream(&storage, "c").append().await, stream(&storage, "c").append_behind().await]
    {
        let files = push(begun, r#"{"t":21.5,"new":true}{"t":23}"#).await;
        assert_eq!(columns(&files[0]), "struct<t: int64, new: boolean>");
        assert_eq!(rescued(&files[0]), [("t", 1)]);
        let rows = storage.read_rows(&files[0].key, &Projection::All).await.unwrap();
        let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
        assert_eq!(rows, [json!({"t":21.5,"new":true}), json!({"t":23})]);
    }
}

#[tokio::test]
async fn appends_that_begin_a_collection_at_once_agree_on_its_types() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let mut first = stream(&storage, "c").append().await.unwrap();
    let mut other = stream(&storage, "c").append().await.unwrap();
    let mut second = stream(&storage, "c").append_id("night").await.unwrap();
    first.push_json(r#"{"n":1}{"n":2}"#.into()).await.unwrap();
    other.push_json(r#"{"m":1.5}"#.into()).await.unwrap();
    second.push_json(r#"{"m":1,"n":1.5}"#.into()).await.unwrap();
    first.finish().await.unwrap();
    let error = second.finish().await.unwrap_err();
    assert_eq!((error.kind(), second.was_outrun()), (ErrorKind::Conflict, true), "{error}");
    for part in ["\"n\"", "int64 there", "float64", "nothing is stored", "again", "lsn-0-1"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    second.abort().await.unwrap();
    assert_eq!(storage.list(1, "c", None).await.unwrap().len(), 1);
    let files = push(stream(&storage, "c").append_id("night").await, r#"{"m":1,"n":1.5}"#).await;
    assert_eq!(columns(&files[0]), "struct<n: int64, m: int64>");
    assert_eq!(rescued(&files[0]), [("n", 1)]);
    // Its column is not new any more by now, and the collection has it with another type.
    let error = other.finish().await.unwrap_err();
    assert_eq!((error.kind(), other.was_outrun()), (ErrorKind::Conflict, true), "{error}");
    other.abort().await.unwrap();
    let files = push(stream(&storage, "c").append_behind().await, r#"{"m":1.5}"#).await;
    assert_eq!(columns(&files[0]), "struct<n: int64, m: int64>");
    // Whoever chose the types keeps them.
    let mut anew = stream(&storage, "d").new_schema().append().await.unwrap();
    push(stream(&storage, "d").append().await, r#"{"n":1}"#).await;
    anew.push_json(r#"{"n":1.5}"#.into()).await.unwrap();
    assert_eq!(columns(&anew.finish().await.unwrap()[0]), "struct<n: float64>");
    assert_eq!(storage.next_lsn(1, "c").await.unwrap(), Some(4), "no claim is left");
}

#[tokio::test]
async fn a_given_schema_and_new_schema_choose_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    push(stream(&storage, "c").append().await, r#"{"t":21}"#).await;
    let text = r#"{"columns":[{"name":"t","type":"float64"}]}"#;
    let settings =
        Settings { schema: Some(Schema::from_json(text).unwrap()), ..Settings::default() };
    let given = storage.stream_rows(1, "c", None, settings, StreamSettings::default()).unwrap();
    let files = push(given.append().await, r#"{"t":21.5,"new":1}"#).await;
    assert_eq!(columns(&files[0]), "struct<t: float64>");
    assert_eq!(rescued(&files[0]), [("new", 1)]);
    let anew = stream(&storage, "c").new_schema().append().await;
    let files = push(anew, r#"{"t":"warm"}"#).await;
    assert_eq!(columns(&files[0]), "struct<t: string>");
}

#[tokio::test]
async fn all_files_of_an_append_and_its_later_runs_have_the_same_types() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    // A number with a fraction comes only once the first objects are full.
    let rows: Vec<String> = (0..500)
        .map(|n| if n < 200 { format!("{{\"n\":{n}}}") } else { format!("{{\"n\":{n}.5}}") })
        .collect();
    let mut broken_off = small(&storage, "c").append_id("a").await.unwrap();
    broken_off.push_json(rows[..300].join("\n").into()).await.unwrap();
    assert!(!broken_off.stored().is_empty());
    broken_off.abort().await.unwrap();
    let files = push(small(&storage, "c").append_id("a").await, &rows.join("\n")).await;
    assert!(files.len() > 2);
    for file in &files {
        assert_eq!(columns(file), "struct<n: int64>", "{}", file.key);
    }
}

#[tokio::test]
async fn a_later_run_counts_the_columns_of_the_files_before_as_their_summaries_do() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let field = IdSource::Field("k".to_owned());
    for (name, id, columns) in [("auto", IdSource::Auto, 4), ("named", field, 3)] {
        let settings = Settings { id, ..Settings::default() };
        let begin = || {
            let cut = StreamSettings::default();
            storage.stream_rows(1, name, None, settings.clone(), cut).unwrap().append_id("a")
        };
        let rows = r#"{"k":1,"n":null,"t":21}{"k":2,"t":"warm"}"#;
        for _ in 0..2 {
            let files = push(begin().await, rows).await;
            assert_eq!(files[0].summary.columns, columns, "{name}, {:?}", files[0].outcome);
        }
    }
}

#[tokio::test]
async fn a_stream_agrees_with_a_stored_file_if_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let later = push(stream(&storage, "c").append().await, r#"{"t":21}{"t":22}"#).await;
    let listed = storage.list(1, "c", None).await.unwrap();
    let schema = storage.schema_of(&listed[0]).await.unwrap();
    assert_eq!(schema.columns(), later[0].summary.schema.columns());
    let begin = |settings: &Settings| {
        let cut = StreamSettings { first_lsn: 100, ..StreamSettings::default() };
        let rows = storage.stream_rows(1, "c", None, settings.clone(), cut).unwrap();
        rows.agreeing_with(later[0].key.clone(), schema.clone())
    };
    let stored = || storage.list(1, "c", None);
    let rows = || r#"{"t":21.5}"#.into();
    let mut refused = begin(&Settings::default());
    refused.push_json(rows()).await.unwrap();
    let error = refused.finish().await.unwrap_err();
    refused.abort().await.unwrap();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Settings, Some(later[0].key.as_str())));
    assert!(error.to_string().contains("\"t\" of these rows would be float64"), "{error}");
    assert_eq!(stored().await.unwrap().len(), 1);

    let new_fields = NewFields::Column;
    let kept = Settings { schema: Some(schema.clone()), new_fields, ..Settings::default() };
    for mut rows_of in [begin(&Settings::default()).new_schema(), begin(&kept)] {
        rows_of.push_json(rows()).await.unwrap();
        let file = rows_of.finish().await;
        storage.delete(&file.unwrap()[0].key).await.unwrap();
    }
}

#[tokio::test]
async fn a_last_file_that_cannot_be_read_stops_an_append_and_the_error_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let storage = in_folder(folder.path());
    let first = push(stream(&storage, "c").append().await, r#"{"t":21}"#).await;
    let path = folder.path().join(first[0].key.as_str());
    fs::write(&path, b"no parquet file at all").unwrap();
    let error = stream(&storage, "c").append().await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Corrupt, Some(first[0].key.as_str())));
    assert!(error.to_string().contains("new_schema"), "{error}");
    push(stream(&storage, "c").new_schema().append().await, r#"{"t":21.5}"#).await;
}
