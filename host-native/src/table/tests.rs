//! Tests of the columns of a table.

use coldpress_core::{IntegerBounds, Schema};

use super::*;

/// The table of files with these columns. All whole numbers lie within `most`.
fn table(files: &[&str], most: i64) -> (Vec<String>, Vec<String>) {
    let mut schemas = FileSchemas::default();
    for columns in files {
        let schema = Schema::from_json(&format!(r#"{{"columns":[{columns}]}}"#)).unwrap();
        let bounds = vec![IntegerBounds::Within(-most, most); 20];
        schemas.add_kind(FileKind { columns: schema.columns().to_vec(), bounds });
    }
    let table = schemas.table();
    let columns = table.columns.iter().map(|c| format!("{}: {}", c.name, c.column_type));
    let clashes = table.clashes.iter().map(|c| format!("{}: {}", c.path, c.types.join(", ")));
    (columns.collect(), clashes.collect())
}

/// The type of a column that has these types in its files.
fn one_of(types: &[&str], most: i64) -> String {
    let column = |type_and_more: &&str| match type_and_more.split_once(' ') {
        None => format!(r#"{{"name":"a","type":"{type_and_more}"}}"#),
        Some((name, more)) => format!(r#"{{"name":"a","type":"{name}",{more}}}"#),
    };
    let files: Vec<String> = types.iter().map(column).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let (columns, clashes) = table(&files, most);
    match clashes.is_empty() {
        true => columns[0].strip_prefix("a: ").unwrap().to_owned(),
        false => "text".to_owned(),
    }
}

#[test]
fn numbers_join_where_every_value_stays_exact() {
    let decimal_2 = r#"decimal "precision":10,"scale":2"#;
    let decimal_0 = r#"decimal "precision":20,"scale":0"#;
    let decimal_30 = r#"decimal "precision":30,"scale":20"#;
    for (types, one) in [
        (&["int8", "int32", "int16"][..], "int32"),
        (&["int64", "int8"], "int64"),
        (&["uint8", "uint32"], "uint32"),
        (&["uint8", "int8"], "int16"),
        (&["uint16", "int8"], "int32"),
        (&["uint32", "int8"], "int64"),
        (&["int64", "float64"], "float64"),
        (&["float64", "int64", "float32", "uint8"], "float64"),
        (&["float32", "int16"], "float32"),
        (&["float32", "int32"], "float64"),
        (&["int64", decimal_0], "decimal(20,0)"),
        (&["int64", decimal_2], "decimal(21,2)"),
        (&["int8", decimal_2, decimal_0], "decimal(22,2)"),
        (&[decimal_30, decimal_0], "text"),
        (&[decimal_2, "float64"], "text"),
        (&["int64", "string"], "text"),
        (&["int64", "boolean"], "text"),
    ] {
        assert_eq!(one_of(types, 1 << 53), one, "{types:?}");
    }
    assert_eq!(one_of(&["int64", "float64"], (1 << 53) + 1), "text");
}

#[test]
fn instants_join_in_the_finest_unit_that_holds_them() {
    let (ms, us) = (r#"timestamp "unit":"ms""#, r#"timestamp "unit":"us","form":"text:6""#);
    let ns = r#"timestamp "unit":"ns""#;
    assert_eq!(one_of(&[ms, us], 1 << 50), "timestamp(us)");
    assert_eq!(
        one_of(&[us, r#"timestamp "unit":"us","form":"text:3""#], i64::MAX),
        "timestamp(us)"
    );
    assert_eq!(one_of(&[ms, ns, us], 1 << 40), "timestamp(ns)");
    assert_eq!(one_of(&[ms, ns, us], 1 << 50), "text");
    assert_eq!(one_of(&["date", us], 0), "text");
    assert_eq!(one_of(&["json", "string"], 0), "text");
}

#[test]
fn fields_and_elements_join_one_by_one() {
    let one = r#"{"name":"s","type":"struct","fields":[{"name":"a","type":"int64"},
        {"name":"none","type":"null"},{"name":"x","type":"int64"}]},
        {"name":"l","type":"list","element":{"type":"int8"}}"#;
    let two = r#"{"name":"new","type":"date"},
        {"name":"l","type":"list","element":{"type":"float64"}},
        {"name":"s","type":"struct","fields":[{"name":"b","type":"date"},
        {"name":"x","type":"string"}]}"#;
    let three = r#"{"name":"l","type":"list","element":{"type":"string"}}"#;
    let (columns, clashes) = table(&[one, two, one], 9);
    assert_eq!(columns, ["s: struct<a: int64, x: json, b: date>", "l: list<float64>", "new: date"]);
    assert_eq!(clashes, ["s.x: int64, string"]);
    let (columns, clashes) = table(&[three, one], 9);
    assert_eq!(columns[0], "l: list<json>");
    assert_eq!(clashes, ["l[]: int8, string"]);
    let nested = r#"{"name":"l","type":"int64"},{"name":"s","type":"json"}"#;
    let (columns, clashes) = table(&[one, nested], 9);
    assert_eq!(columns, ["s: json", "l: json"]);
    assert_eq!(clashes, ["s: json, struct", "l: int64, list"]);
}

#[test]
fn the_bounds_of_files_with_one_schema_count_together() {
    let columns = |name: &str| {
        let json = format!(r#"{{"columns":[{{"name":"a","type":"{name}"}}]}}"#);
        Schema::from_json(&json).unwrap().columns().to_vec()
    };
    let mut schemas = FileSchemas::default();
    for (name, max) in [("int64", 5), ("float64", 0), ("int64", i64::MAX)] {
        let bounds = vec![IntegerBounds::Within(0, max)];
        schemas.add_kind(FileKind { columns: columns(name), bounds });
        let clashes = schemas.table().clashes.len();
        assert_eq!(clashes, usize::from(max == i64::MAX), "{name}");
    }
}
