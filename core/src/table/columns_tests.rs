use super::*;
use crate::table::TablePlace;
use crate::{Encoder, IdSource, KeyPrefix, LsnRange, Names, ObjectKey, Settings, Target};

/// The file of these rows with the first LSN.
fn file_of(settings: Settings, rows: &str, lsn: u64) -> NewFile {
    let mut encoder = Encoder::new(settings).unwrap();
    encoder.push_json(rows.as_bytes()).unwrap();
    let lsns = Some(LsnRange::new(lsn, lsn + 9).unwrap());
    let file = encoder.finish(&Target { lsns, ..Target::new(7, "people") }).unwrap();
    let place = TablePlace::new(&KeyPrefix::default(), 7, "people").unwrap();
    let key = ObjectKey::parse(&KeyPrefix::default(), file.key.as_str()).unwrap();
    NewFile::read(&place, &key, &file.bytes, file.bytes.len() as u64, 5).unwrap()
}

fn inferred(rows: &str) -> NewFile {
    file_of(Settings::default(), rows, 0)
}

fn given(columns: &str, rows: &str) -> NewFile {
    let schema = Some(Schema::from_json(&format!("{{\"columns\":[{columns}]}}")).unwrap());
    file_of(Settings { schema, names: Names::Exact, ..Settings::default() }, rows, 0)
}

fn named(field: &str, rows: &str) -> NewFile {
    file_of(Settings { id: IdSource::Field(field.to_owned()), ..Settings::default() }, rows, 0)
}

fn metadata(columns: &TableColumns) -> Metadata {
    columns.to_metadata("the-id".to_owned(), 17)
}

/// The names and types at the top of Delta's text.
fn in_log(columns: &TableColumns) -> Vec<String> {
    let text = metadata(columns).schema_string;
    let root: serde_json::Value = serde_json::from_str(&text).unwrap();
    let fields = root["fields"].as_array().unwrap().iter();
    let field = |field: &serde_json::Value| {
        assert_eq!(field["nullable"], true);
        format!("{} {}", field["name"].as_str().unwrap(), field["type"]).replace('"', "")
    };
    fields.map(field).collect()
}

fn foreign(fields: &str) -> Metadata {
    Metadata {
        id: "theirs".to_owned(),
        name: Some("t".to_owned()),
        format_provider: "parquet".to_owned(),
        schema_string: format!("{{\"type\":\"struct\",\"fields\":[{fields}]}}"),
        configuration: [("delta.appendOnly".to_owned(), "true".to_owned())].into(),
        created_ms: Some(3),
        ..Metadata::default()
    }
}

#[test]
fn the_first_file_fixes_the_columns() {
    let file = inferred(r#"{"a":1,"gone":null,"s":{"x":true,"y.z":"t"},"l":[1.5]}"#);
    let columns = TableColumns::of_file(&file).unwrap();
    let wanted = ["_id string", "a long"];
    assert_eq!(in_log(&columns)[..2], wanted);
    assert_eq!(in_log(&columns).last().unwrap(), "_rescued_data string");
    assert_eq!(in_log(&columns).len(), 5, "a column of nulls is none");
    assert!(columns.schema().column("gone").is_some());
    let metadata = metadata(&columns);
    assert_eq!((metadata.id.as_str(), metadata.created_ms), ("the-id", Some(17)));
    let property = |name: &str| metadata.configuration.get(name).map(String::as_str);
    assert_eq!(property("delta.dataSkippingStatsColumns"), Some("_id,a,_rescued_data"));
    assert_eq!(property("coldpress.version"), Some("1"));
    assert_eq!(property("coldpress.id"), None);
    let schema = Schema::from_json(property("coldpress.schema").unwrap()).unwrap();
    assert!(!schema.is_inferred());
    assert_eq!(&schema, columns.schema());
    assert_eq!(columns.with_file(&file).unwrap(), None);
}

#[test]
fn what_the_log_says_reads_as_the_same_columns() {
    let file = given(
        r#"{"name":"at","type":"timestamp","unit":"ms","form":"text:3"},
        {"name":"u","type":"uint8"},{"name":"j","type":"json"},{"name":"n","type":"null"},
        {"name":"d","type":"decimal","precision":9,"scale":2,"form":"number"},
        {"name":"s","type":"struct","fields":[
        {"name":"l","type":"list","element":{"type":"uint32"}},{"name":"n","type":"null"}]}"#,
        r#"{"at":"2026-01-02T03:04:05.000Z","u":1,"d":1.25}"#,
    );
    let columns = TableColumns::of_file(&file).unwrap();
    let read = TableColumns::from_metadata(&metadata(&columns)).unwrap();
    assert_eq!(read.schema().to_json().len(), columns.schema().to_json().len());
    for column in columns.schema().columns() {
        assert_eq!(read.schema().column(&column.name), Some(column));
    }
    assert_eq!(metadata(&read), metadata(&columns));
    assert_eq!(read.with_file(&file).unwrap(), None);
}

#[test]
fn new_columns_come_last_and_others_keep_their_places() {
    let first = inferred(r#"{"a":1,"later":null,"s":{"x":1,"y":null}}"#);
    let columns = TableColumns::of_file(&first).unwrap();
    let read = TableColumns::from_metadata(&metadata(&columns)).unwrap();
    let second = inferred(r#"{"b":"x","later":2,"s":{"new":true,"y":"t"}}"#);
    let joined = read.with_file(&second).unwrap().unwrap();
    let names: Vec<String> =
        in_log(&joined).iter().map(|f| f.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["_id", "a", "s", "_rescued_data", "b", "later"]);
    let Some(ColumnType::Struct(fields)) = joined.schema().column("s").map(|s| &s.column_type)
    else {
        panic!("not a struct")
    };
    let fields: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["x", "new", "y"]);
    let listed = metadata(&joined).configuration["delta.dataSkippingStatsColumns"].clone();
    assert_eq!(listed, "_id,a,_rescued_data", "it never changes");
    assert_eq!(joined.with_file(&first).unwrap(), None);
    assert_eq!(joined.with_file(&second).unwrap(), None);
    let again = TableColumns::from_metadata(&metadata(&joined)).unwrap();
    assert_eq!(metadata(&again), metadata(&joined));
}

#[test]
fn a_column_of_another_type_is_a_conflict_that_names_both() {
    let columns = TableColumns::of_file(&inferred(
        r#"{"a":1,"s":{"x":"t"},"l":[{"k":1}],"at":"2026-01-02T03:04:05.000Z"}"#,
    ))
    .unwrap();
    for (rows, column, types) in [
        (r#"{"a":"x"}"#, "a", ["int64", "string"]),
        (r#"{"a":1.5}"#, "a", ["int64", "float64"]),
        (r#"{"s":{"x":1}}"#, "s.x", ["string", "int64"]),
        (r#"{"s":7}"#, "s", ["struct<x: string>", "int64"]),
        (r#"{"l":[{"k":"x"}]}"#, "l.k", ["int64", "string"]),
        (r#"{"l":[1]}"#, "l", ["struct<k: int64>", "int64"]),
        (r#"{"at":"2026-01-02T03:04:05.000001Z"}"#, "at", ["timestamp(ms)", "timestamp(us)"]),
        (r#"{"A":1}"#, "A", ["\"a\"", "int64"]),
        (r#"{"s":{"X":1}}"#, "s.X", ["\"x\"", "int64"]),
    ] {
        let error = columns.with_file(&inferred(rows)).unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::Conflict, Some(column)));
        let text = error.to_string();
        for said in types.iter().chain(&["lsn-0-9.parquet", "--schema"]) {
            assert!(text.contains(said), "{text}");
        }
    }
    // The form of texts says nothing about values.
    let other = inferred(r#"{"at":"2026-01-02T03:04:05.000+01:00","a":null,"s":null}"#);
    assert_eq!(columns.with_file(&other).unwrap(), None);
}

#[test]
fn ids_are_one_field_in_all_files() {
    let own = inferred(r#"{"k":"x","a":{"b":"x"}}"#);
    let (named_k, nested) = (named("k", r#"{"k":"x"}"#), named("a.b", r#"{"a":{"b":"x"}}"#));
    assert_eq!(nested.id_field().unwrap(), ["a", "b"]);
    for (table, file) in [(&own, &named_k), (&named_k, &own), (&named_k, &nested)] {
        let table = TableColumns::of_file(table).unwrap();
        let error = table.with_file(file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("--id"), "{error}");
    }
    let columns = TableColumns::of_file(&nested).unwrap();
    assert_eq!(metadata(&columns).configuration["coldpress.id"], r#"["a","b"]"#);
    let read = TableColumns::from_metadata(&metadata(&columns)).unwrap();
    assert_eq!(read.id_field(), nested.id_field());
    assert_eq!(read.with_file(&nested).unwrap(), None);
    assert_eq!(in_log(&read).len(), 2);
    // The own field `_id` of documents is a column like any other there.
    let id = named("_id", r#"{"_id":5,"a":"x"}"#);
    let columns = TableColumns::of_file(&id).unwrap();
    assert_eq!(in_log(&columns), ["_id long", "a string", "_rescued_data string"]);
    let read = TableColumns::from_metadata(&metadata(&columns)).unwrap();
    assert_eq!(read.schema(), columns.schema());
}

#[test]
fn what_no_table_can_have_is_refused_by_name() {
    for (columns, name) in [
        (r#"{"name":"u","type":"uuid"}"#, "u"),
        (r#"{"name":"s","type":"struct","fields":[{"name":"u","type":"uuid"}]}"#, "s.u"),
        (r#"{"name":"l","type":"list","element":{"type":"timestamp","unit":"ns"}}"#, "l"),
        (r#"{"name":"a","type":"int8"},{"name":"A","type":"int8"}"#, "A"),
        (r#"{"name":"_Rescued_Data","type":"int8"}"#, "_rescued_data"),
        (r#"{"name":"_ID","type":"int8"}"#, "_ID"),
    ] {
        let file = given(columns, r#"{"z":1}"#);
        let table = TableColumns::of_file(&inferred("{\"other\":1}")).unwrap();
        for error in
            [TableColumns::of_file(&file).unwrap_err(), table.with_file(&file).unwrap_err()]
        {
            assert_eq!((error.kind(), error.column()), (ErrorKind::Settings, Some(name)));
            assert!(error.to_string().contains("lsn-0-9.parquet"), "{error}");
        }
    }
}

#[test]
fn what_other_writers_said_stays() {
    let field = |name: &str, of: &str, more: &str| {
        format!(r#"{{"name":"{name}","type":{of},"nullable":true,"metadata":{{{more}}}}}"#)
    };
    let map = r#"{"type":"map","keyType":"string","valueType":"long","valueContainsNull":true}"#;
    let nested = format!(
        r#"{{"type":"struct","fields":[{},{}]}}"#,
        field("m", map, ""),
        field("x", "\"long\"", r#""comment":"an x""#)
    );
    let fields = [
        field("b", "\"string\"", r#""comment":"a b""#),
        field("m", map, ""),
        field("v", "\"timestamp_ntz\"", ""),
        field("s", &nested, ""),
    ];
    let theirs = foreign(&fields.join(","));
    let columns = TableColumns::from_metadata(&theirs).unwrap();
    let names: Vec<&str> = columns.schema().columns().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["b", "s"]);
    assert_eq!(columns.opaque(), [vec!["m"], vec!["v"], vec!["s", "m"]]);
    let file = inferred(r#"{"b":"t","s":{"x":1,"y":2}}"#);
    let joined = columns.with_file(&file).unwrap().unwrap();
    let ours = metadata(&joined);
    assert_eq!((ours.id.as_str(), ours.created_ms), ("theirs", Some(3)));
    assert_eq!(ours.name.as_deref(), Some("t"));
    assert_eq!(ours.configuration["delta.appendOnly"], "true");
    for kept in ["\"an x\"", "\"a b\"", "timestamp_ntz", "valueContainsNull"] {
        assert!(ours.schema_string.contains(kept), "{}", ours.schema_string);
    }
    let names: Vec<String> =
        in_log(&joined).iter().map(|f| f.split(' ').next().unwrap().into()).collect();
    assert_eq!(names, ["b", "m", "v", "s", "_id", "_rescued_data"]);
    assert_eq!(ours.configuration["delta.dataSkippingStatsColumns"], "b");
    let again = TableColumns::from_metadata(&ours).unwrap();
    assert_eq!(again.with_file(&file).unwrap(), None);
    let clash = again.with_file(&inferred(r#"{"m":1}"#)).unwrap_err();
    assert_eq!((clash.kind(), clash.column()), (ErrorKind::Conflict, Some("m")));
}

#[test]
fn the_columns_of_the_log_count_where_ours_differ() {
    let columns = TableColumns::of_file(&inferred(r#"{"a":1,"j":[]}"#)).unwrap();
    let mut changed = metadata(&columns);
    changed.schema_string = changed.schema_string.replace("\"long\"", "\"double\"");
    let read = TableColumns::from_metadata(&changed).unwrap();
    assert_eq!(read.schema().column("a").unwrap().column_type, ColumnType::Float64);
    assert_eq!(read.schema().column("j"), columns.schema().column("j"));
    let mut dropped = metadata(&columns);
    dropped.schema_string = r#"{"type":"struct","fields":[{"name":"z","type":"date"}]}"#.to_owned();
    let read = TableColumns::from_metadata(&dropped).unwrap();
    assert_eq!(read.schema().columns(), [Column::new("z", ColumnType::Date)]);
}

#[test]
fn a_damaged_table_is_an_error() {
    let good = metadata(&TableColumns::of_file(&inferred(r#"{"a":1}"#)).unwrap());
    let deep = format!("{}1{}", "[".repeat(2_000_000), "]".repeat(2_000_000));
    let structs = format!(
        r#"{}"long"{}"#,
        r#"{"type":"struct","fields":[{"name":"a","type":"#.repeat(70),
        "}]}".repeat(70)
    );
    let arrays = format!(
        r#"{{"type":"struct","fields":[{{"name":"a","type":{}"long"{}}}]}}"#,
        r#"{"type":"array","elementType":"#.repeat(300),
        "}".repeat(300)
    );
    for (text, kind) in [
        ("", ErrorKind::Corrupt),
        ("[]", ErrorKind::Corrupt),
        ("{\"fields\":7}", ErrorKind::Corrupt),
        (r#"{"fields":[{}]}"#, ErrorKind::Corrupt),
        (r#"{"fields":[{"name":"a"}]}"#, ErrorKind::Corrupt),
        (r#"{"fields":[{"name":"a","type":7}]}"#, ErrorKind::Corrupt),
        (r#"{"fields":[{"name":"a","type":{}}]}"#, ErrorKind::Corrupt),
        (r#"{"fields":[{"name":"a","type":"date"},{"name":"a","type":"date"}]}"#, ErrorKind::Limit),
        (&deep, ErrorKind::Limit),
        (&structs, ErrorKind::Limit),
        (&" ".repeat((16 << 20) + 1), ErrorKind::Limit),
    ] {
        let bad = Metadata { schema_string: text.to_owned(), ..good.clone() };
        let error = TableColumns::from_metadata(&bad).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let deep_list = Metadata { schema_string: arrays, ..Metadata::default() };
    let read = TableColumns::from_metadata(&deep_list).unwrap();
    assert_eq!(read.opaque(), [["a"]], "no file of ours has such a column");
    for (property, text, kind) in [
        (SCHEMA, "{}", ErrorKind::Corrupt),
        (ID, "[]", ErrorKind::Corrupt),
        (ID, "[1]", ErrorKind::Corrupt),
        (ID, "a", ErrorKind::Corrupt),
        (VERSION, "2", ErrorKind::Settings),
    ] {
        let mut bad = good.clone();
        bad.configuration.insert(property.to_owned(), text.to_owned());
        let error = TableColumns::from_metadata(&bad).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn a_table_in_partitions_takes_no_file_of_ours() {
    let mut theirs = foreign(r#"{"name":"a","type":"long"}"#);
    theirs.partition_columns = vec!["a".to_owned()];
    let columns = TableColumns::from_metadata(&theirs).unwrap();
    let error = columns.with_file(&inferred(r#"{"a":1}"#)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}
