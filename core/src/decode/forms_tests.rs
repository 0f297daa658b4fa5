//! Nulls and whole numbers come back in the form that they had, and what the file says of them.

use bytes::Bytes;

use super::*;
use crate::{
    Encoder, ErrorKind, LsnRange, Nulls, Policy, Schema, Settings, StreamEncoder, StreamOutput,
    StreamSettings, Target,
};

/// A file of these rows, one a line, and how many values of it are rescued.
fn encode(settings: &Settings, rows: &str) -> (ParquetFile, u64) {
    let mut encoder = Encoder::new(settings.clone()).unwrap();
    encoder.push_json(rows.as_bytes()).unwrap();
    let file = encoder.finish(&Target::new(3, "forms")).unwrap();
    let rescued = file.summary.rescued.iter().map(|rescued| rescued.count).sum();
    (ParquetFile::open(file.bytes).unwrap(), rescued)
}

/// The one file of a stream in which every row is a row group.
fn stream(settings: &Settings, rows: &str) -> Bytes {
    let cut = StreamSettings { row_group_bytes_max: 1, ..StreamSettings::default() };
    let lsns = Some(LsnRange::new(0, 99).unwrap());
    let target = Target { lsns, ..Target::new(3, "forms") };
    let mut stream = StreamEncoder::new(settings.clone(), cut, target).unwrap();
    stream.push_json(rows.as_bytes()).unwrap();
    stream.finish().unwrap();
    let mut bytes = Vec::new();
    while let Some(output) = stream.poll() {
        if let StreamOutput::Bytes(next) = output {
            bytes.extend_from_slice(&next);
        }
    }
    bytes.into()
}

/// The rows, one a line.
fn rows(file: &ParquetFile) -> String {
    let mut out = Vec::new();
    for row in file.rows(&Projection::All).unwrap() {
        row.unwrap().write_json(&mut out);
        out.push(b'\n');
    }
    String::from_utf8(out).unwrap()
}

/// The words of a schema in a file: what `coldpress.schema` says beyond names and types.
fn words(file: &ParquetFile) -> String {
    let pairs = file.layout.metadata.file_metadata().key_value_metadata().unwrap();
    let schema = pairs.iter().find(|pair| pair.key == "coldpress.schema").unwrap();
    let schema = schema.value.as_deref().unwrap();
    let mut words = Vec::new();
    for key in ["\"nulls\":", "\"whole\":"] {
        for (at, _) in schema.match_indices(key) {
            let name = schema[..at].rfind("\"name\":\"").unwrap() + 8;
            let name = &schema[name..name + schema[name..].find('"').unwrap()];
            let value = &schema[at + key.len()..];
            let end = match value.find(']') {
                Some(end) if value.starts_with('[') => end + 1,
                _ => value.find([',', '}']).unwrap(),
            };
            words.push(format!("{name} {}", &value[..end]));
        }
    }
    words.join(", ")
}

#[test]
fn an_explicit_null_and_an_absent_field_stay_apart() {
    for (text, said, rescued) in [
        (r#"{"a":null}|{"a":1}"#, r#"a "explicit""#, 0),
        (r#"{}|{"a":1}"#, "", 0),
        (r#"{"a":null}|{}|{"a":1}"#, "", 1),
        // Fields that have only nulls are no columns.
        (r#"{"a":null}|{"a":null}"#, r#"a "explicit""#, 0),
        (r#"{"a":null}|{}"#, "", 1),
        // A struct, and its fields: they are asked for only where the struct is there.
        (r#"{"o":{"b":null}}|{"o":{"b":1}}|{}"#, r#"b "explicit""#, 0),
        (r#"{"o":{"b":null,"c":1}}|{"o":{"b":1}}|{"o":null}"#, r#"o "explicit", b "explicit""#, 0),
        (r#"{"o":{"b":null}}|{"o":{}}|{"o":{"b":2}}"#, "", 1),
        (r#"{"o":null}|{"o":{"b":2}}|{}"#, "", 1),
        (r#"{"o":{"n":null,"b":2}}|{"o":null}"#, r#"o "explicit", n "explicit""#, 0),
        // Nulls in lists are elements; fields of structs in lists are fields.
        (
            r#"{"l":[null,{"b":null}]}|{"l":[{"b":1},{"b":2}]}|{"l":null}|{"l":[]}"#,
            r#"l "explicit", b "explicit""#,
            0,
        ),
        (r#"{"l":[{"b":null},{}]}|{"l":[{"b":1}]}"#, "", 1),
        (r#"{"l":[[null],null,[]]}|{"l":[[1]]}|{}"#, "", 0),
        // A misfit is there, and its null is no null.
        (r#"{"a":null}|{"a":1}|{"a":2}|{"a":"x"}"#, r#"a "explicit""#, 1),
        (r#"{"a":1}|{"a":2}|{"a":{"b":null}}"#, "", 1),
        (r#"{"o":{"b":1}}|{"o":{"b":2}}|{"o":"x"}|{"o":null}"#, r#"o "explicit""#, 1),
        // JSON columns hold their own nulls.
        (r#"{"a":[1,null,"x"]}|{"a":null}|{"a":[{"b":null}]}"#, r#"a "explicit""#, 0),
        // Names that are no columns.
        (r#"{"b":1,"_rescued_data":null}|{"b":2,"_rescued_data":3}"#, "", 2),
        (r#"{"a":1,"A":2}|{"a":null,"A":null}|{"a":3,"A":null}"#, r#"a "explicit""#, 3),
    ] {
        let text = text.replace('|', "\n") + "\n";
        let (file, counted) = encode(&Settings::default(), &text);
        assert_eq!(rows(&file), text);
        assert_eq!((words(&file).as_str(), counted), (said, rescued), "{text}");
        assert_eq!(rows(&ParquetFile::open(stream(&Settings::default(), &text)).unwrap()), text);
        let schema = file.schema().to_json();
        assert!(!schema.contains("explicit"), "a schema is not of one file: {schema}");
    }
}

#[test]
fn rows_without_an_id_of_their_own_keep_its_null() {
    let text = "{\"_id\":null,\"a\":1}\n{\"_id\":\"x\",\"a\":2}\n{\"a\":3}\n";
    let (file, rescued) = encode(&Settings::default(), text);
    let found = rows(&file);
    assert!(found.contains("\"_id\":null") && found.ends_with("{\"a\":3}\n"), "{found}");
    assert_eq!((words(&file).as_str(), rescued), ("", 2));
}

#[test]
fn nulls_that_mean_absent_fields_are_left_out() {
    let settings = Settings { nulls: Nulls::Absent, ..Settings::default() };
    let (file, rescued) = encode(&settings, r#"{"a":null,"o":{"b":null,"c":[null]}}{"a":1}"#);
    assert_eq!(rows(&file), "{\"o\":{\"c\":[null]}}\n{\"a\":1}\n");
    assert_eq!((words(&file).as_str(), rescued), ("", 0));
}

/// Each row is a row group here.
#[test]
fn a_stream_says_in_which_row_groups_nulls_are_explicit() {
    for (text, said) in [
        (r#"{"a":1}|{"a":null}|{"a":null}"#, r#"a "explicit""#),
        (r#"{"a":1}|{"a":null}|{}|{"a":null}|{"a":2}"#, "a [1,3]"),
        (r#"{"a":null}|{}|{"b":1}"#, "a [0]"),
        (r#"{"a":null}|{"a":5}|{"a":null}"#, r#"a "explicit""#),
        (r#"{"o":{"b":1}}|{"o":{"b":null}}|{"o":{}}|{}|{"o":null}"#, "o [4], b [1]"),
        (r#"{"a":1}|{"a":1,"new":null}|{"a":1,"new":2}"#, ""),
    ] {
        let text = text.replace('|', "\n") + "\n";
        let file = ParquetFile::open(stream(&Settings::default(), &text)).unwrap();
        assert_eq!((rows(&file), words(&file)), (text, said.to_owned()));
    }
}

#[test]
fn a_word_of_a_row_group_that_is_not_there_is_corrupt() {
    let bytes = stream(&Settings::default(), "{\"a\":1}\n{\"a\":null}\n{}\n").to_vec();
    let word = b"\"nulls\":[1]";
    let at = bytes.windows(word.len()).position(|found| found == word).unwrap();
    for (number, is_good) in [(b'0', true), (b'2', true), (b'3', false), (b'x', false)] {
        let mut changed = bytes.clone();
        changed[at + 9] = number;
        match ParquetFile::open(changed.into()) {
            Ok(_) => assert!(is_good),
            Err(error) => assert!(!is_good && error.kind() == ErrorKind::Corrupt, "{error}"),
        }
    }
}

#[test]
fn a_strict_schema_takes_nulls_or_absent_fields_but_not_both() {
    let schema = r#"{"columns":[{"name":"a","type":"int64"},{"name":"n","type":"null"}]}"#;
    let schema = Some(Schema::from_json(schema).unwrap());
    let settings = Settings { schema, policy: Policy::Strict, ..Settings::default() };
    for text in ["{\"a\":null,\"n\":null}\n{\"a\":1,\"n\":null}\n", "{}\n{\"a\":1}\n"] {
        let (file, rescued) = encode(&settings, text);
        assert_eq!((rows(&file).as_str(), rescued), (text, 0));
    }
    let refused = |settings: &Settings, text: &str| {
        let mut encoder = Encoder::new(settings.clone()).unwrap();
        encoder.push_json(text.as_bytes()).unwrap();
        encoder.finish(&Target::new(3, "forms")).unwrap_err()
    };
    for (row, column, text) in [
        (1, "a", "{\"n\":null}{\"a\":null,\"n\":null}"),
        (0, "n", "{\"a\":1,\"n\":null}{\"a\":2}"),
        (1, "b", "{\"a\":1}{\"a\":2,\"b\":null}"),
    ] {
        let error = refused(&settings, text);
        assert_eq!((error.kind(), error.row()), (ErrorKind::Row, Some(row)), "{error}");
        assert_eq!(error.column(), Some(column), "{error}");
        let absent = Settings { nulls: Nulls::Absent, ..settings.clone() };
        assert_eq!(encode(&absent, text).1, 0);
        assert!(error.to_string().contains("nulls = \"absent\""), "{error}");
    }
}

#[test]
fn whole_numbers_of_a_double_column_have_the_form_that_they_had() {
    let integer = r#"a "integer""#;
    for (numbers, back, said) in [
        ("18 1.5", "18 1.5", integer),
        ("18.0 1.5", "18.0 1.5", ""),
        ("18 18.0 1.5", "18.0 18.0 1.5", ""),
        ("1.5 2.5", "1.5 2.5", ""),
        ("0 0.5 -7", "0 0.5 -7", integer),
        // A minus zero is a double in any form.
        ("-0 5 0", "-0 5 0", integer),
        ("-0 0.5", "-0.0 0.5", ""),
        ("-0.0 1.0", "-0.0 1.0", ""),
        ("1e2 0.5", "100.0 0.5", ""),
        ("1e2 7 0.5", "100.0 7.0 0.5", ""),
        // Integers that a double holds, and those that it does not: these are rescued.
        ("9007199254740992 0.5", "9007199254740992 0.5", integer),
        ("9007199254740993 1 0.5", "9007199254740993 1 0.5", integer),
        ("-9007199254740994 0.5", "-9007199254740994 0.5", integer),
        ("1000000000000000000 0.5", "1000000000000000000 0.5", integer),
        ("-52484734308395260 0.5", "-52484734308395260 0.5", integer),
        ("9223372036854775807 1 0.5", "9223372036854775807 1 0.5", integer),
        ("-9223372036854775808 1 0.5", "-9223372036854775808 1 0.5", integer),
        ("9223372036854775808 1 0.5", "9223372036854775808 1 0.5", integer),
        ("10000000000000000000 0.5", "10000000000000000000 0.5", integer),
        ("18446744073709551615 1 0.5", "18446744073709551615 1 0.5", integer),
        ("123456789012345678901 1 0.5", "123456789012345678901 1 0.5", integer),
        ("1e16 1e300 0.5", "1e+16 1e+300 0.5", ""),
        ("1e16 3", "1e+16 3.0", ""),
    ] {
        let line = |number: &str| format!("{{\"a\":{number}}}\n");
        let text: String = numbers.split(' ').map(line).collect();
        let expected: String = back.split(' ').map(line).collect();
        let (file, _) = encode(&Settings::default(), &text);
        assert_eq!((rows(&file), words(&file)), (expected, said.to_owned()), "{numbers}");
    }
}

#[test]
fn forms_are_kept_in_lists_structs_json_and_rescued_values() {
    for (text, said) in [
        (r#"{"l":[18,0.5]}|{"l":[]}|{"l":[null,7]}"#, r#"l "integer""#),
        (r#"{"l":[18.0,0.5]}|{"l":[7.0]}"#, ""),
        (r#"{"s":[{"a":18},{"a":0.5}]}"#, r#"a "integer""#),
        (r#"{"s":{"a":18,"b":18.0}}|{"s":{"a":0.5,"b":0.5}}"#, r#"a "integer""#),
        (r#"{"j":[18,"x",18.0,[7,7.0]]}"#, ""),
        (r#"{"a":"x"}|{"a":18}|{"a":"y"}|{"a":"z"}|{"a":18.0}"#, ""),
        (r#"{"a":true}|{"a":true}|{"a":{"b":[18,18.0]}}"#, ""),
    ] {
        let text = text.replace('|', "\n") + "\n";
        let (file, _) = encode(&Settings::default(), &text);
        assert_eq!((rows(&file), words(&file).as_str()), (text, said));
    }
}

/// Each row is a row group here, and the first one makes a column of doubles.
#[test]
fn a_stream_says_in_which_row_groups_whole_numbers_are_integers() {
    for (text, said) in [
        (r#"{"a":0.5}|{"a":18}|{"a":18.0}|{"a":null}|{"a":7}"#, r#"a "explicit", a [1,4]"#),
        (r#"{"a":[0.5,1]}|{"a":[2]}|{"a":[]}"#, r#"a "integer""#),
        (r#"{"a":0.5}|{"a":18.0}"#, ""),
    ] {
        let text = text.replace('|', "\n") + "\n";
        let file = ParquetFile::open(stream(&Settings::default(), &text)).unwrap();
        assert_eq!((rows(&file), words(&file)), (text, said.to_owned()));
    }
}

#[test]
fn a_float_of_a_given_schema_keeps_the_form_too() {
    let schema = r#"{"columns":[{"name":"f","type":"float32"},{"name":"d","type":"float64"}]}"#;
    let settings = Settings {
        schema: Some(Schema::from_json(schema).unwrap()),
        policy: Policy::Strict,
        ..Settings::default()
    };
    let text = "{\"f\":18,\"d\":18.0}\n{\"f\":0.5,\"d\":7.0}\n{\"f\":16777216,\"d\":0.1}\n";
    let (file, _) = encode(&settings, text);
    assert_eq!((rows(&file).as_str(), words(&file).as_str()), (text, r#"f "integer""#));
}

#[test]
fn a_projection_keeps_the_forms_of_its_columns() {
    let text = "{\"a\":{\"x\":null,\"y\":[1,0.5]},\"n\":null,\"b\":null,\"c\":18}\n\
                {\"a\":null,\"n\":null,\"b\":1,\"c\":0.5}\n";
    let (file, _) = encode(&Settings::default(), text);
    let columns = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let mut out = Vec::new();
        for row in file.rows(&Projection::Columns(names)).unwrap() {
            row.unwrap().write_json(&mut out);
        }
        String::from_utf8(out).unwrap()
    };
    assert_eq!(columns(&["c"]), r#"{"c":18}{"c":0.5}"#);
    assert_eq!(columns(&["b", "n"]), r#"{"n":null,"b":null}{"n":null,"b":1}"#);
    assert_eq!(columns(&["a"]), r#"{"a":{"x":null,"y":[1,0.5]}}{"a":null}"#);
}
