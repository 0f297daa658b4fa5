use super::*;
use crate::table::TablePlace;
use crate::{
    Encoder, ErrorKind, IdSource, KeyPrefix, LsnRange, ObjectKey, Schema, Settings, Target,
};

fn encoded(schema: Option<&str>, rows: &str, groups: usize) -> (ObjectKey, bytes::Bytes) {
    let schema =
        schema.map(|columns| Schema::from_json(&format!("{{\"columns\":[{columns}]}}")).unwrap());
    let id = IdSource::Field("k".to_owned());
    let settings = Settings { id, schema, row_group_rows_max: groups, ..Settings::default() };
    let mut encoder = Encoder::new(settings).unwrap();
    encoder.push_json(rows.as_bytes()).unwrap();
    let lsns = Some(LsnRange::new(0, 9).unwrap());
    let file = encoder.finish(&Target { lsns, ..Target::new(7, "people") }).unwrap();
    (file.key, file.bytes)
}

fn place() -> TablePlace {
    TablePlace::new(&KeyPrefix::default(), 7, "people").unwrap()
}

fn file_of(schema: Option<&str>, rows: &str) -> NewFile {
    let (key, bytes) = encoded(schema, rows, 1);
    NewFile::read(&place(), &key, &bytes, bytes.len() as u64, 5).unwrap()
}

fn stats(file: &NewFile, columns: &TableColumns) -> String {
    file.to_add(columns, true).stats.unwrap()
}

#[test]
fn the_action_says_what_the_footer_says() {
    let file = file_of(
        Some(
            r#"{"name":"k","type":"string"},{"name":"d","type":"decimal","precision":30,"scale":2},
            {"name":"f","type":"float32"},{"name":"u","type":"uint32"},
            {"name":"x","type":"float64"},
            {"name":"at","type":"timestamp","unit":"us"},{"name":"day","type":"date"},
            {"name":"ok","type":"boolean"},{"name":"bin","type":"binary"},
            {"name":"s","type":"struct","fields":[{"name":"v","type":"int64"},
            {"name":"l","type":"list","element":{"type":"int64"}},{"name":"w","type":"string"}]},
            {"name":"never","type":"int8"}"#,
        ),
        r#"{"k":"b","d":-12345678901234567890.25,"f":0.1,"u":4294967295,"x":0.0,
            "at":"2026-01-02T03:04:05.678001Z","day":"2026-01-02","ok":true,"bin":"AQ==",
            "s":{"v":9007199254740993,"l":[1,2],"w":"q\"q"}}
        {"k":"a","d":0.5,"f":-1,"u":1,"x":0.0,"at":"2026-01-02T03:04:05.678999Z",
            "day":"1999-12-31","ok":false,"bin":"Ag==","s":null}"#,
    );
    let columns = TableColumns::of_file(&file).unwrap();
    let add = file.to_add(&columns, true);
    assert_eq!((add.path.as_str(), add.modified_ms, add.data_change), ("lsn-0-9.parquet", 5, true));
    assert_eq!(add.bytes, file.bytes());
    assert_eq!(add.tags[lsns::LSNS_TAG], "0-9");
    assert_eq!(add.tags[FORMS_TAG], "table");
    assert_eq!(
        add.stats.unwrap(),
        concat!(
            r#"{"numRecords":2,"minValues":{"k":"a","d":-12345678901234600000.00,"f":-1.0,"#,
            r#""u":1,"x":-0.0,"at":"2026-01-02T03:04:05.678Z","day":"1999-12-31","#,
            r#""s":{"v":9007199254740993,"w":"q\"q"}},"#,
            r#""maxValues":{"k":"b","d":0.50,"f":0.1,"u":4294967295,"x":0.0,"#,
            r#""at":"2026-01-02T03:04:05.679Z","day":"2026-01-02","#,
            r#""s":{"v":9007199254740993,"w":"q\"q"}},"#,
            r#""nullCount":{"k":0,"d":0,"f":0,"u":0,"x":0,"at":0,"day":0,"s":{"v":1,"w":1},"#,
            r#""never":2,"_rescued_data":2}}"#,
        )
    );
}

#[test]
fn statistics_name_each_column_of_the_first_file_and_what_else_is_known() {
    let first = file_of(None, r#"{"k":"a","n":1,"s":{"v":1}}"#);
    let second = file_of(None, r#"{"k":"b","later":7}"#);
    let columns = TableColumns::of_file(&first).unwrap();
    let columns = TableColumns::from_metadata(&columns.to_metadata("id".into(), 0)).unwrap();
    let columns = columns.with_file(&second).unwrap().unwrap();
    assert_eq!(
        stats(&second, &columns),
        concat!(
            r#"{"numRecords":1,"minValues":{"k":"b","later":7},"maxValues":{"k":"b","later":7},"#,
            r#""nullCount":{"k":0,"n":1,"_rescued_data":1,"later":0}}"#,
        )
    );
    assert!(stats(&first, &columns).contains(r#""nullCount":{"k":0,"n":0,"s":{"v":0}"#));
}

#[test]
fn a_file_that_cannot_say_a_bound_says_only_its_rows() {
    let text = "\u{10FFFF}".repeat(80);
    let file = file_of(None, &format!(r#"{{"k":"a","t":"{text}"}}"#));
    let columns = TableColumns::of_file(&file).unwrap();
    assert_eq!(stats(&file, &columns), r#"{"numRecords":1}"#);
    let late = file_of(
        Some(r#"{"name":"k","type":"string"},{"name":"at","type":"timestamp","unit":"us"}"#),
        r#"{"k":"a","at":"9999-12-31T23:59:59.999999Z"}"#,
    );
    let columns = TableColumns::of_file(&late).unwrap();
    assert_eq!(stats(&late, &columns), r#"{"numRecords":1}"#, "no later millisecond has a text");
}

#[test]
fn a_file_of_another_form_says_so() {
    let column = |form: &str| {
        format!(
            r#"{{"name":"k","type":"string"}},
            {{"name":"at","type":"timestamp","unit":"ms","form":"{form}"}}"#
        )
    };
    let rows = r#"{"k":"a","at":null}"#;
    let numbers = file_of(Some(&column("number")), rows);
    let texts = file_of(Some(&column("text:3")), rows);
    let columns = TableColumns::of_file(&numbers).unwrap();
    assert!(columns.with_file(&texts).unwrap().is_none());
    assert!(numbers.to_add(&columns, true).tags.contains_key(FORMS_TAG));
    assert!(!texts.to_add(&columns, true).tags.contains_key(FORMS_TAG));
}

#[test]
fn a_file_that_replaces_several_keeps_their_lsns() {
    let file = file_of(None, r#"{"k":"a"}"#);
    let range = |min, max| LsnRange::new(min, max).unwrap();
    let columns = TableColumns::of_file(&file).unwrap();
    let merged = file.clone().with_lsns(vec![range(0, 3), range(6, 9)]).unwrap();
    let add = merged.to_add(&columns, false);
    assert!(!add.data_change);
    assert_eq!(lsns::lsns_of(&place(), &add).unwrap(), [range(0, 3), range(6, 9)]);
    for wrong in [vec![], vec![range(0, 3)], vec![range(6, 9), range(0, 3)], vec![range(1, 9)]] {
        let error = file.clone().with_lsns(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse);
    }
}

#[test]
fn a_file_is_read_only_at_its_own_key() {
    let (key, bytes) = encoded(None, r#"{"k":"a"}"#, 1);
    let size = bytes.len() as u64;
    let at = |path: &str| ObjectKey::parse(&KeyPrefix::default(), path).unwrap();
    let read = |key: &ObjectKey, tail: &[u8]| {
        NewFile::read(&place(), key, tail, size, 5).map_err(|error| error.kind())
    };
    assert_eq!(read(&at("7/people/lsn-0-8.parquet"), &bytes), Err(ErrorKind::Corrupt));
    assert_eq!(read(&at("7/others/lsn-0-9.parquet"), &bytes), Err(ErrorKind::Misuse));
    assert_eq!(read(&at("wal/segment"), &bytes), Err(ErrorKind::Misuse));
    assert_eq!(read(&key, &bytes[bytes.len() - 8..]), Err(ErrorKind::Corrupt));
    let needed = crate::Footer::bytes_needed(&bytes).unwrap();
    let tail = &bytes[bytes.len() - usize::try_from(needed).unwrap()..];
    assert_eq!(read(&key, tail), read(&key, &bytes));
}

#[test]
fn no_damaged_footer_panics() {
    let (key, bytes) = encoded(None, r#"{"k":"a","n":1,"t":"x"}{"k":"b","n":2}"#, 1);
    let needed = usize::try_from(crate::Footer::bytes_needed(&bytes).unwrap()).unwrap();
    let start = bytes.len() - needed;
    for at in start..bytes.len() {
        for flip in [1, 0x80] {
            let mut bad = bytes.to_vec();
            bad[at] ^= flip;
            let read = NewFile::read(&place(), &key, &bad, bad.len() as u64, 5);
            if let Ok(file) = read
                && let Ok(columns) = TableColumns::of_file(&file)
            {
                let text = stats(&file, &columns);
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            }
        }
    }
}
