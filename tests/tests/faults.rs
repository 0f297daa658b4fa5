//! Acceptance 3: each fault of the code this replaces has a test that would fail on it.
//!
//! Two need a store (an overwritten object, a listing that breaks half-way): see host-native/tests.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test's own way to fail

use coldpress_core::{
    Column, ColumnType, EncodedFile, Form, ParquetFile, Projection, Rescued, Schema, Settings,
};
use coldpress_tests::generate::Row;
use coldpress_tests::json::Json;
use coldpress_tests::law::Rules;
use coldpress_tests::roundtrip::{
    assert_names_row, decode, encode_text, encode_values, holds_rows,
};
use serde_json::json;

#[test]
fn a_later_key_is_not_dropped() {
    let file = kept(&[r#"{"a":1}"#, r#"{"a":2,"b":"x"}"#, r#"{"c":{"d":[true]}}"#]);
    assert_columns(
        &file,
        &[
            ("a", ColumnType::Int64),
            ("b", ColumnType::String),
            ("c", structure(&[("d", list(ColumnType::Boolean))])),
        ],
    );
    nothing_rescued(&file);
}

#[test]
fn a_later_key_inside_a_struct_is_not_dropped() {
    let file = kept(&[r#"{"s":{"a":1}}"#, r#"{"s":{"b":[{"x":1},{"y":"z"}]}}"#]);
    let element = structure(&[("x", ColumnType::Int64), ("y", ColumnType::String)]);
    assert_columns(&file, &[("s", structure(&[("a", ColumnType::Int64), ("b", list(element))]))]);
    nothing_rescued(&file);
}

#[test]
fn a_null_first_column_keeps_its_type() {
    for (value, column_type) in [
        ("5", ColumnType::Int64),
        ("2.5", ColumnType::Float64),
        ("true", ColumnType::Boolean),
        ("\"x\"", ColumnType::String),
        ("[null,1]", list(ColumnType::Int64)),
        ("{\"b\":1}", structure(&[("b", ColumnType::Int64)])),
    ] {
        let later = format!("{{\"a\":{value}}}");
        let file = kept(&[r#"{"a":null}"#, &later]);
        assert_columns(&file, &[("a", column_type.clone())]);
        nothing_rescued(&file);
        // Only where another row has no such field, the null is rescued.
        let file = kept(&[r#"{"a":null}"#, "{}", &later]);
        assert_columns(&file, &[("a", column_type)]);
        assert_eq!(file.summary.rescued, [not_in_column("a")]);
    }
}

#[test]
fn a_null_only_field_keeps_its_name_but_no_column() {
    let file = kept(&[r#"{"a":null,"b":1}"#]);
    let names = |columns: &[Column]| -> Vec<String> {
        columns
            .iter()
            .filter(|column| column.column_type != ColumnType::Null)
            .map(|column| column.name.clone())
            .collect()
    };
    let read = ParquetFile::open(file.bytes.clone()).unwrap();
    assert_eq!(names(read.schema().columns()), ["b"]);
    let metadata = format!("{:?}", read.report().metadata);
    assert!(metadata.contains("\\\"a\\\""), "the name is not known: {metadata}");
}

#[test]
fn an_int_column_meeting_25_5() {
    let file = kept(&[r#"{"a":1}"#, r#"{"a":25.5}"#, r#"{"a":3}"#]);
    assert_columns(&file, &[("a", ColumnType::Float64)]);
    nothing_rescued(&file);
}

#[test]
fn an_int_that_is_no_exact_double_meeting_25_5() {
    let file = kept(&[r#"{"a":25.5}"#, r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#]);
    assert_columns(&file, &[("a", ColumnType::Float64)]);
    assert_eq!(file.summary.rescued, [not_in_column("a")]);
}

#[test]
fn an_int_column_meeting_text() {
    let file = kept(&[r#"{"a":1}"#, r#"{"a":"x"}"#, r#"{"a":3}"#]);
    assert_columns(&file, &[("a", ColumnType::Int64)]);
    assert_eq!(file.summary.rescued, [not_in_column("a")]);
}

#[test]
fn the_kind_most_values_have_wins_and_ties_go_to_the_earlier_kind() {
    for (rows, column_type) in [
        (["1", "\"x\"", "\"y\""], ColumnType::String),
        (["\"x\"", "1", "null"], ColumnType::Int64),
        (["\"x\"", "1.5", "null"], ColumnType::Float64),
        (["\"x\"", "true", "null"], ColumnType::Boolean),
        (["1", "true", "null"], ColumnType::Boolean),
        (["1", "1.5", "\"x\""], ColumnType::Float64),
    ] {
        let documents = rows.map(|value| format!("{{\"a\":{value}}}"));
        let file = kept(&documents.each_ref().map(String::as_str));
        assert_columns(&file, &[("a", column_type)]);
    }
}

#[test]
fn u64_past_i64() {
    let file = kept(&[
        r#"{"a":9223372036854775807,"b":1}"#,
        r#"{"a":9223372036854775808,"b":-9223372036854775808}"#,
        r#"{"a":18446744073709551615,"b":9223372036854775807}"#,
        r#"{"a":-5}"#,
    ]);
    let decimal = ColumnType::Decimal { precision: 20, scale: 0, form: Some(Form::Number) };
    assert_columns(&file, &[("a", decimal), ("b", ColumnType::Int64)]);
    nothing_rescued(&file);
}

#[test]
fn an_int_past_u64_is_kept_as_written() {
    let huge = "123456789012345678901234567890123456789012345678901234567890";
    for literal in [huge, "18446744073709551616", "-9223372036854775809"] {
        let row = format!("{{\"a\":{literal}}}");
        let file = kept(&[r#"{"a":1}"#, &row]);
        assert_columns(&file, &[("a", ColumnType::Int64)]);
        assert_eq!(file.summary.rescued, [not_in_column("a")]);
        let read = ParquetFile::open(file.bytes.clone()).unwrap();
        let stored = read.rows(&Projection::All).unwrap().nth(1).unwrap().unwrap();
        let mut text = Vec::new();
        stored.write_json(&mut text);
        assert_eq!(String::from_utf8(text).unwrap(), row, "as it was written");
        assert!(stored.to_value().is_err(), "a `Value` would round {literal}");
    }
}

#[test]
fn booleans_and_arrays_are_not_text() {
    let file = kept(&[
        r#"{"b":true,"l":[1,2],"m":[1,"x",{}],"e":[],"o":{}}"#,
        r#"{"b":false,"l":[],"m":[[]],"e":[],"o":{}}"#,
    ]);
    let columns = columns(&file);
    assert_eq!(column_type(&columns, "b"), &ColumnType::Boolean);
    assert_eq!(column_type(&columns, "l"), &list(ColumnType::Int64));
    assert_eq!(column_type(&columns, "m"), &ColumnType::Json);
    assert_eq!(column_type(&columns, "o"), &ColumnType::Json);
    for name in ["b", "l", "m", "e", "o"] {
        assert_ne!(column_type(&columns, name), &ColumnType::String, "{name}");
    }
    nothing_rescued(&file);
}

#[test]
fn text_5_is_not_number_5() {
    kept(&[r#"{"a":5,"b":"5"}"#, r#"{"a":"5","b":5}"#, r#"{"a":5.0,"b":"5.0"}"#]);
    kept(&[r#"{"a":true}"#, r#"{"a":"true"}"#, r#"{"a":null}"#, r#"{"a":"null"}"#]);
    kept(&[r#"{"a":[1]}"#, r#"{"a":"[1]"}"#, r#"{"a":{"b":1}}"#, r#"{"a":"{\"b\":1}"}"#]);
}

#[test]
fn a_row_that_is_no_object_is_an_error() {
    for value in [json!(5), json!([{"a": 1}]), json!("x"), json!(null), json!(true)] {
        let rows = [("first".to_owned(), json!({})), ("second".to_owned(), value.clone())];
        let error = encode_values(&Settings::default(), &rows).unwrap_err();
        assert_names_row(&error, 1);
        assert_eq!(error.id(), Some("second"), "{error}");
        assert!(error.to_string().contains("\"second\""), "{error}");

        // In text a row that is no object has no id of its own: its number is its id.
        let text = format!("{{}}\n{value}\n");
        let error = encode_text(&Settings::default(), text.as_bytes()).unwrap_err();
        assert_names_row(&error, 1);
        assert_eq!(error.line(), Some(2), "{error}");
    }
    let error = encode_text(&Settings::default(), b"[{},\n5]").unwrap_err();
    assert_names_row(&error, 1);
    assert_eq!(error.line(), Some(2), "{error}");
}

#[test]
fn a_documents_own_id() {
    let file = kept_rows(&[
        ("x", r#"{"_id":"x","a":1}"#),
        ("1", r#"{"a":2}"#),
        ("7", r#"{"a":3,"_id":7}"#),
        ("7", r#"{"_id":"7"}"#),
        ("-9", r#"{"_id":-9}"#),
        ("18446744073709551615", r#"{"_id":18446744073709551615}"#),
    ]);
    let rows = decode(&file, &Projection::All).unwrap();
    assert!(rows[1].json.field("_id").is_none(), "only where it was");
    assert_eq!(rows[2].json.field("_id"), Some(&Json::Number("7".to_owned())));
    assert_eq!(rows[3].json.field("_id"), Some(&Json::String("7".to_owned())));
}

#[test]
fn a_documents_own_rescued_data_comes_back() {
    let file = kept(&[
        r#"{"_rescued_data":{"a":"stray"},"a":1}"#,
        r#"{"_rescued_data":"text","a":"stray"}"#,
        r#"{"_rescued_data":null,"a":2}"#,
    ]);
    assert_columns(&file, &[("a", ColumnType::Int64)]);
}

/// 2^55 is a double exactly, but that double's shortest text is another number.
#[test]
fn an_int_whose_double_prints_as_another_number() {
    for literal in ["36028797018963968", "-9223372036854775808", "9223372036854775808"] {
        let row = format!("{{\"a\":{literal}}}");
        kept(&[&row, r#"{"a":2.5}"#]);
    }
}

#[test]
fn nesting_at_and_past_the_limit_is_read_back() {
    for depth in 55..=80 {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            let nested = format!("{{\"v\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            kept(&[&nested]);
        }
    }
}

#[test]
fn a_number_is_no_uuid() {
    let column = Column::new("u", ColumnType::Uuid);
    let schema = Some(Schema::new(vec![column]).unwrap());
    let settings = Settings { schema, ..Settings::default() };
    for literal in ["0", "1", "-1", "1.0", "18446744073709551615"] {
        let text = format!("{{\"u\":{literal}}}");
        let file = encode_text(&settings, text.as_bytes()).unwrap();
        let rows = [("0".to_owned(), Json::parse(&text).unwrap())];
        holds_rows(&file, &rows, Rules::default()).unwrap();
    }
}

#[test]
fn equal_keys_are_counted_inside_json_columns_too() {
    let settings = Settings { depth_max: 1, ..Settings::default() };
    for text in [r#"{"o":{"a":null,"a":false}}"#, r#"{"m":[1,"x",{"a":1,"a":2}]}"#] {
        let file = encode_text(&settings, text.as_bytes()).unwrap();
        assert_eq!(file.summary.duplicate_keys, 1, "{text}");
    }
}

#[test]
fn no_rows_is_an_error() {
    assert!(encode_values(&Settings::default(), &[]).is_err());
    for text in ["", " \n ", "[]", "[ ]\n"] {
        assert!(encode_text(&Settings::default(), text.as_bytes()).is_err(), "{text:?}");
    }
}

/// Encodes text rows whose ids are their numbers, and holds them to the law.
fn kept(documents: &[&str]) -> EncodedFile {
    let numbers: Vec<String> = (0..documents.len()).map(|number| number.to_string()).collect();
    let rows: Vec<_> = numbers.iter().map(String::as_str).zip(documents.iter().copied()).collect();
    kept_rows(&rows)
}

fn kept_rows(rows: &[(&str, &str)]) -> EncodedFile {
    let source: Vec<Row> =
        rows.iter().map(|(id, text)| ((*id).to_owned(), Json::parse(text).unwrap())).collect();
    let text: Vec<&str> = rows.iter().map(|(_, text)| *text).collect();
    let file = encode_text(&Settings::default(), text.join("\n").as_bytes()).unwrap();
    holds_rows(&file, &source, Rules { nulls_kept: true, signs_kept: true, ..Rules::default() })
        .unwrap();
    file
}

fn columns(file: &EncodedFile) -> Vec<Column> {
    let read = ParquetFile::open(file.bytes.clone()).unwrap();
    assert_eq!(read.schema(), &file.summary.schema);
    read.schema().columns().to_vec()
}

fn assert_columns(file: &EncodedFile, expected: &[(&str, ColumnType)]) {
    let expected: Vec<Column> = expected.iter().map(named).collect();
    assert_eq!(columns(file), expected);
}

fn column_type<'c>(columns: &'c [Column], name: &str) -> &'c ColumnType {
    &columns.iter().find(|column| column.name == name).expect(name).column_type
}

/// One value of this path.
fn not_in_column(path: &str) -> Rescued {
    Rescued { path: path.to_owned(), count: 1, other_form: 0 }
}

fn nothing_rescued(file: &EncodedFile) {
    assert_eq!(file.summary.rescued, []);
}

fn structure(fields: &[(&str, ColumnType)]) -> ColumnType {
    ColumnType::Struct(fields.iter().map(named).collect())
}

fn named((name, column_type): &(&str, ColumnType)) -> Column {
    Column::new(*name, column_type.clone())
}

fn list(element: ColumnType) -> ColumnType {
    ColumnType::list_of(element)
}
