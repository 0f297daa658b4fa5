use bytes::Bytes;
use serde_json::{Value, json};

use super::{RewriteOrder, RewriteOutput, RewriteSettings, RewriteSource, Rewriter};
use crate::{
    Column, ColumnType, Encoder, ErrorKind, Footer, IdSource, KeyPrefix, LsnRange, NewFields,
    ObjectKey, ParquetFile, Projection, Result, Schema, Settings, StoredRow, StreamEncoder,
    StreamOutput, StreamSettings, StreamedFile, Target,
};

fn prefix() -> KeyPrefix {
    KeyPrefix::new("p/").unwrap()
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::parse(&prefix(), &format!("p/7/c/{name}")).unwrap()
}

fn target(lsns: (u64, u64)) -> Target {
    let lsns = Some(LsnRange::new(lsns.0, lsns.1).unwrap());
    Target { prefix: prefix(), lsns, ..Target::new(7, "c") }
}

fn named(field: &str) -> Settings {
    Settings { id: IdSource::Field(field.to_owned()), ..Settings::default() }
}

/// A file of these LSNs with these documents.
fn put(lsns: (u64, u64), documents: &[Value], settings: &Settings) -> Bytes {
    let mut encoder = Encoder::new(settings.clone()).unwrap();
    for document in documents {
        encoder.push_json(format!("{document}\n").as_bytes()).unwrap();
    }
    encoder.finish(&target(lsns)).unwrap().bytes
}

pub(super) fn plain(lsns: (u64, u64), documents: &[Value]) -> Bytes {
    put(lsns, documents, &Settings::default())
}

fn sources(files: &[Bytes]) -> Vec<RewriteSource> {
    let source = |bytes: &Bytes| {
        let footer = Footer::read(bytes, bytes.len() as u64).unwrap();
        let (min, max) = (footer.lsns().min(), footer.lsns().max());
        RewriteSource { key: key(&format!("lsn-{min}-{max}.parquet")), footer }
    };
    files.iter().map(source).collect()
}

/// Small row groups, so that a few rows make several.
pub(super) fn small() -> RewriteSettings {
    RewriteSettings { row_group_bytes_max: 2_000, ..RewriteSettings::default() }
}

/// The new file, its end, and how many slices came.
fn rewritten(
    files: &[Bytes],
    name: &str,
    settings: &RewriteSettings,
    mut keep: impl FnMut(&StoredRow) -> bool,
) -> Result<Option<(Bytes, StreamedFile, usize)>> {
    let mut rewriter = Rewriter::new(&prefix(), &key(name), sources(files), settings)?;
    let (mut bytes, mut slices, mut end, mut has_rows) = (Vec::new(), 0, None, true);
    let mut drain = |rewriter: &mut Rewriter| {
        while let Some(output) = rewriter.poll()? {
            assert!(end.is_none(), "nothing comes behind the end");
            match output {
                RewriteOutput::Bytes(slice) => {
                    slices += 1;
                    bytes.extend_from_slice(&slice);
                }
                RewriteOutput::File(file) => end = Some(*file),
                RewriteOutput::NoRows => has_rows = false,
            }
        }
        Ok(())
    };
    for file in files {
        let file = ParquetFile::open(file.clone())?;
        let mut rows = rewriter.rows_of(&file)?;
        while rewriter.push(&mut rows, &mut keep)? {
            drain(&mut rewriter)?;
        }
    }
    rewriter.finish()?;
    drain(&mut rewriter)?;
    if !has_rows {
        return Ok(None);
    }
    let end = end.expect("the file has an end");
    let bytes = Bytes::from(bytes);
    assert_eq!(end.key, key(name));
    assert_eq!(end.bytes, bytes.len() as u64);
    Footer::read(&bytes, end.bytes)?.check_key(&key(name))?;
    ParquetFile::open(bytes.clone())?.verify()?;
    Ok(Some((bytes, end, slices)))
}

pub(super) fn merged(files: &[Bytes], name: &str, settings: &RewriteSettings) -> Bytes {
    rewritten(files, name, settings, |_| true).unwrap().expect("rows are left").0
}

pub(super) fn rows(file: &Bytes) -> Vec<(String, Value)> {
    let file = ParquetFile::open(file.clone()).unwrap();
    let rows = file.rows(&Projection::All).unwrap();
    rows.map(|row| row.and_then(|row| Ok((row.id().to_owned(), row.to_value()?))).unwrap())
        .collect()
}

pub(super) fn rows_of_all(files: &[Bytes]) -> Vec<(String, Value)> {
    files.iter().flat_map(rows).collect()
}

#[test]
fn rows_of_several_files_become_one_file() {
    let files = [
        plain((0, 1), &[json!({"_id": "a", "n": 1, "t": "x"}), json!({"_id": "b", "n": 2})]),
        plain(
            (2, 3),
            &[json!({"_id": "c", "n": "odd", "new": [1, {"x": null}]}), json!({"_id": "d"})],
        ),
    ];
    let file = merged(&files, "lsn-0-3.1.parquet", &RewriteSettings::default());
    assert_eq!(rows(&file), rows_of_all(&files));
    let footer = ParquetFile::open(file).unwrap().footer().clone();
    assert_eq!((footer.lsns().min(), footer.lsns().max(), footer.rows_count()), (0, 3, 4));
}

#[test]
fn rescued_values_become_values_of_columns_that_fit_them() {
    let schema = |of| Schema::new(vec![Column::new("n", of)]).unwrap();
    let given = |of| Settings { schema: Some(schema(of)), ..Settings::default() };
    let rows_in = [json!({"_id": "a", "n": "text"}), json!({"_id": "b", "n": "more"})];
    let files = [put((0, 1), &rows_in, &given(ColumnType::Int64))];
    let new = |of| {
        let encode = Settings { new_fields: NewFields::Column, ..given(of) };
        let settings = RewriteSettings { encode, ..RewriteSettings::default() };
        rewritten(&files, "lsn-0-1.1.parquet", &settings, |_| true).unwrap().unwrap()
    };
    let (file, end, _) = new(ColumnType::String);
    assert_eq!(rows(&file), rows_of_all(&files));
    assert_eq!(end.summary.rescued, []);
    let (file, end, _) = new(ColumnType::Int64);
    assert_eq!(rows(&file), rows_of_all(&files));
    assert_eq!(end.summary.rescued.len(), 1);
}

#[test]
fn ids_that_number_the_rows_stay_as_they_are() {
    let files = [plain((0, 1), &[json!({"a": 1}), json!({"a": 2})]), plain((2, 2), &[json!({})])];
    let file = merged(&files, "lsn-0-2.1.parquet", &RewriteSettings::default());
    let ids: Vec<String> = rows(&file).into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["0", "1", "0"]);
    assert_eq!(rows(&file), rows_of_all(&files));
}

#[test]
fn files_with_ids_at_different_places_become_one_file() {
    let many = |of: fn(u64) -> Value| (0..200).map(of).collect::<Vec<_>>();
    let texts = plain((0, 199), &many(|n| json!({"_id": format!("id {n}"), "n": n})));
    let numbers = plain((200, 399), &many(|n| json!({"_id": n, "n": n})));
    let none = plain((400, 599), &many(|n| json!({"n": n})));
    let files = [texts, numbers, none];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let files = order.map(|at| files[at].clone());
        let file = merged(&files, "lsn-0-599.1.parquet", &small());
        assert_eq!(rows(&file), rows_of_all(&files), "{order:?}");
    }
    // Within one file too.
    let mut mixed = many(|n| json!({"_id": format!("id {n}"), "n": n}));
    mixed.extend(many(|n| json!({"n": n})));
    let files = [plain((0, 399), &mixed)];
    let file = merged(&files, "lsn-0-399.1.parquet", &small());
    assert_eq!(rows(&file), rows_of_all(&files));
}

#[test]
fn a_field_that_holds_the_ids_still_does() {
    let files = [
        put((0, 0), &[json!({"key": 5, "n": 1})], &named("key")),
        put((1, 1), &[json!({"key": 3, "_id": "own", "n": 1})], &named("key")),
    ];
    let settings = RewriteSettings { encode: named("key"), ..small() };
    let file = merged(&files, "lsn-0-1.1.parquet", &settings);
    assert_eq!(rows(&file), rows_of_all(&files));
    let footer = Footer::read(&file, file.len() as u64).unwrap();
    assert_eq!(footer.id_field(), Some(&["key".to_owned()][..]));
    let error = rewritten(&files, "lsn-0-1.1.parquet", &small(), |_| true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("\"key\""), "{error}");
}

#[test]
fn fields_and_paths_of_ids_become_one_file() {
    let deep = |n: u64| json!({"a": {"b": format!("{n}")}, "n": n, "_id": "own"});
    let flat = |n: u64| json!({"a.b": format!("{n}"), "n": n});
    let (deep, flat): (Vec<Value>, Vec<Value>) =
        ((0..200).map(deep).collect(), (0..200).map(flat).collect());
    let files = [put((0, 199), &deep, &named("a.b")), put((200, 399), &flat, &named("a.b"))];
    let settings = RewriteSettings { encode: named("a.b"), ..small() };
    for files in [files.clone(), [files[1].clone(), files[0].clone()]] {
        let file = merged(&files, "lsn-0-399.1.parquet", &settings);
        assert_eq!(rows(&file), rows_of_all(&files));
    }
    let alone = merged(&files[..1], "lsn-0-199.1.parquet", &settings);
    let footer = Footer::read(&alone, alone.len() as u64).unwrap();
    assert_eq!(footer.id_field(), Some(&["a".to_owned(), "b".to_owned()][..]));
}

#[test]
fn rows_are_left_out_and_without_any_there_is_no_file() {
    let files = [
        plain((0, 1), &[json!({"_id": "a"}), json!({"_id": "b"})]),
        plain((2, 2), &[json!({"_id": "a", "n": 1})]),
    ];
    let name = "lsn-0-2.1.parquet";
    let kept = rewritten(&files, name, &RewriteSettings::default(), |row| row.id() != "a");
    let (file, end, _) = kept.unwrap().unwrap();
    assert_eq!(rows(&file), [("b".to_owned(), json!({"_id": "b"}))]);
    assert_eq!(end.summary.rows, 1);
    for order in [RewriteOrder::AsStored, RewriteOrder::ById] {
        let settings = RewriteSettings { order, ..RewriteSettings::default() };
        assert!(rewritten(&files, name, &settings, |_| false).unwrap().is_none());
    }
}

#[test]
fn the_id_of_an_append_is_gone() {
    let settings = StreamSettings::default();
    let mut stream = StreamEncoder::new(Settings::default(), settings, target((0, 0))).unwrap();
    stream.resume(Some("nightly"), 0).unwrap();
    stream.push_json(b"{\"n\":1}").unwrap();
    stream.finish().unwrap();
    let mut bytes = Vec::new();
    while let Some(output) = stream.poll() {
        if let StreamOutput::Bytes(slice) = output {
            bytes.extend_from_slice(&slice);
        }
    }
    let files = [Bytes::from(bytes)];
    assert!(sources(&files)[0].footer.append().is_some());
    let file = merged(&files, "lsn-0-0.1.parquet", &RewriteSettings::default());
    assert_eq!(Footer::read(&file, file.len() as u64).unwrap().append(), None);
}

#[test]
fn rows_are_sorted_by_their_ids() {
    let files = [
        plain((0, 2), &[json!({"_id": "c"}), json!({"_id": "a", "n": 1}), json!({"_id": "b"})]),
        plain((3, 3), &[json!({"_id": "a", "n": 2})]),
    ];
    let settings = RewriteSettings { order: RewriteOrder::ById, ..small() };
    let sorted = rows(&merged(&files, "lsn-0-3.1.parquet", &settings));
    let mut expected = rows_of_all(&files);
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(sorted, expected, "equal ids stay in their order");
    let files = [put((0, 2), &[9, 10, 2].map(|n| json!({"key": n})), &named("key"))];
    let settings = RewriteSettings { encode: named("key"), ..settings };
    let sorted = rows(&merged(&files, "lsn-0-2.1.parquet", &settings));
    let ids: Vec<&str> = sorted.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["2", "9", "10"], "by value");
}

#[test]
fn rows_are_sorted_by_the_values_of_a_field() {
    let values = [
        json!("b"),
        json!(10),
        json!(null),
        json!(9.5),
        json!("a"),
        json!(true),
        json!(-3),
        json!({"x": 1}),
    ];
    let documents: Vec<Value> = values.iter().map(|value| json!({"f": {"v": value}})).collect();
    let files = [plain((0, 7), &documents)];
    let order = RewriteOrder::By("f.v".parse().unwrap());
    let settings = RewriteSettings { order: order.clone(), ..small() };
    let sorted = rows(&merged(&files, "lsn-0-7.1.parquet", &settings));
    let found: Vec<&Value> = sorted.iter().map(|(_, row)| &row["f"]["v"]).collect();
    let expected = [5, 6, 3, 1, 4, 0, 2, 7].map(|at| &values[at]);
    assert_eq!(found, expected);
    let limit = RewriteSettings { sort_bytes_max: 500, ..settings };
    let error = rewritten(&files, "lsn-0-7.1.parquet", &limit, |_| true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("sort_bytes_max"), "{error}");
}

#[test]
fn instants_are_sorted_by_time() {
    let texts = ["2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z"];
    let documents: Vec<Value> = texts.iter().map(|text| json!({"t": text})).collect();
    let files = [plain((0, 2), &documents)];
    let schema = Footer::read(&files[0], files[0].len() as u64).unwrap().schema().clone();
    let encode = Settings { schema: Some(schema), ..Settings::default() };
    let order = RewriteOrder::By("t".parse().unwrap());
    let settings = RewriteSettings { encode, order, ..small() };
    let sorted = rows(&merged(&files, "lsn-0-2.1.parquet", &settings));
    let found: Vec<&str> = sorted.iter().filter_map(|(_, row)| row["t"].as_str()).collect();
    assert_eq!(found, [texts[2], texts[1], texts[0]]);
}

#[test]
fn bytes_come_in_slices_before_the_end() {
    let documents: Vec<Value> = (0..2_000).map(|n| json!({"n": n, "t": "some text"})).collect();
    let files = [plain((0, 1_999), &documents)];
    for order in [RewriteOrder::AsStored, RewriteOrder::ById] {
        let settings = RewriteSettings { order, ..small() };
        let found = rewritten(&files, "lsn-0-1999.1.parquet", &settings, |_| true);
        let (_, _, slices) = found.unwrap().unwrap();
        assert!(slices > 10, "{slices} slices");
    }
}

#[test]
fn no_row_can_be_forgotten() {
    let files = [plain((0, 0), &[json!({"n": 1})]), plain((1, 2), &[json!({}), json!({"n": 2})])];
    let begin = || {
        let settings = RewriteSettings::default();
        Rewriter::new(&prefix(), &key("lsn-0-2.1.parquet"), sources(&files), &settings).unwrap()
    };
    let open = |at: usize| ParquetFile::open(files[at].clone()).unwrap();
    let misuse = |result: Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::Misuse);
    misuse(begin().finish());
    misuse(begin().rows_of(&open(1)).map(drop));
    let mut rewriter = begin();
    let first = open(0);
    drop(rewriter.rows_of(&first).unwrap());
    misuse(rewriter.finish());
    misuse(rewriter.rows_of(&open(1)).map(drop));
    let mut rewriter = begin();
    let mut first_rows = rewriter.rows_of(&first).unwrap();
    assert!(!rewriter.push(&mut first_rows, &mut |_| true).unwrap());
    misuse(rewriter.finish());
}

#[test]
fn keys_that_do_not_fit_the_files_are_refused() {
    let files = [plain((0, 1), &[json!({}), json!({})]), plain((5, 5), &[json!({})])];
    let refused = |name: &str, sources: Vec<RewriteSource>| {
        let settings = RewriteSettings::default();
        Rewriter::new(&prefix(), &key(name), sources, &settings).unwrap_err().kind()
    };
    for name in ["lsn-0-5.parquet", "lsn-0-4.1.parquet", "lsn-1-5.1.parquet"] {
        assert_eq!(refused(name, sources(&files)), ErrorKind::Misuse, "{name}");
    }
    assert_eq!(refused("lsn-0-5.1.parquet", Vec::new()), ErrorKind::Misuse);
    let mut moved = sources(&files);
    moved[0].key = key("lsn-0-2.parquet");
    assert_eq!(refused("lsn-0-5.1.parquet", moved), ErrorKind::Corrupt);
    let mut elsewhere = sources(&files);
    elsewhere[0].key = ObjectKey::parse(&prefix(), "p/7/d/lsn-0-1.parquet").unwrap();
    assert_eq!(refused("lsn-0-5.1.parquet", elsewhere), ErrorKind::Misuse);
}

#[test]
fn numbers_of_any_length_stay_as_they_are() {
    let text = r#"{"n":12345678901234567890123456789,"d":1.000000000000000000001,"e":1e400}"#;
    let mut encoder = Encoder::new(Settings::default()).unwrap();
    encoder.push_json(text.as_bytes()).unwrap();
    let files = [encoder.finish(&target((0, 0))).unwrap().bytes];
    let file = merged(&files, "lsn-0-0.1.parquet", &RewriteSettings::default());
    let mut found = Vec::new();
    let file = ParquetFile::open(file).unwrap();
    file.rows(&Projection::All).unwrap().next().unwrap().unwrap().write_json(&mut found);
    assert_eq!(String::from_utf8(found).unwrap(), text);
}
