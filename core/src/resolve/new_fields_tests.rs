//! New fields of a given schema: they become columns, and given columns stay as they are.

use crate::schema::dots;
use crate::{
    Column, ColumnType, EncodedFile, Encoder, ErrorKind, Names, NewFields, Numbers, Schema,
    Settings, Target,
};

fn encode(settings: Settings, rows: &str) -> EncodedFile {
    let mut encoder = Encoder::new(settings).unwrap();
    encoder.push_json(rows.as_bytes()).unwrap();
    encoder.finish(&Target::new(0, "c")).unwrap()
}

/// The settings of the file after one of this schema.
fn after(schema: &Schema) -> Settings {
    let schema = Some(schema.clone());
    Settings { schema, new_fields: NewFields::Column, ..Settings::default() }
}

/// The columns of each file of a collection, for people, and what each rescued.
fn collection(files: &[&str], settings: &Settings) -> Vec<(String, Vec<(String, u64)>)> {
    let mut schema: Option<Schema> = None;
    let mut found = Vec::new();
    for rows in files {
        let file = encode(
            Settings {
                schema: schema.clone(),
                new_fields: if schema.is_some() { NewFields::Column } else { NewFields::Rescue },
                ..settings.clone()
            },
            rows,
        );
        let columns = file.summary.schema.columns();
        let columns = ColumnType::Struct(columns.to_vec()).to_string();
        let rescued = file.summary.rescued.iter().map(|of| (of.path.clone(), of.count)).collect();
        found.push((columns, rescued));
        schema = Some(file.summary.schema);
    }
    found
}

/// The rows of a file, its columns, and what it rescues.
type File<'f> = (&'f str, &'f str, &'f [(&'f str, u64)]);

#[track_caller]
fn check(files: &[File<'_>], settings: &Settings) {
    let rows: Vec<&str> = files.iter().map(|(rows, ..)| *rows).collect();
    for ((columns, rescued), (_, wanted, wanted_rescued)) in
        collection(&rows, settings).iter().zip(files)
    {
        assert_eq!(columns, wanted);
        let wanted: Vec<(String, u64)> =
            wanted_rescued.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect();
        assert_eq!(rescued, &wanted);
    }
}

#[test]
fn columns_keep_their_types_and_new_fields_come_behind_them() {
    check(
        &[
            (r#"{"a":21,"s":{"x":1}}{"a":22}"#, "struct<a: int64, s: struct<x: int64>>", &[]),
            (
                r#"{"new":true,"a":21.5,"s":{"y":"t","x":2}}"#,
                "struct<a: int64, s: struct<x: int64, y: string>, new: boolean>",
                &[("a", 1)],
            ),
            (
                r#"{"s":[1],"new":false}"#,
                "struct<a: int64, s: struct<x: int64, y: string>, new: boolean>",
                &[("s", 1)],
            ),
        ],
        &Settings::default(),
    );
}

#[test]
fn structs_in_lists_get_new_fields_too() {
    check(
        &[
            (r#"{"l":[{"x":1}]}"#, "struct<l: list<struct<x: int64>>>", &[]),
            (r#"{"l":[{"y":"t"}]}"#, "struct<l: list<struct<x: int64, y: string>>>", &[]),
        ],
        &Settings::default(),
    );
}

#[test]
fn a_column_that_had_only_nulls_gets_a_type_in_its_place() {
    check(
        &[
            (r#"{"n":null,"a":1}"#, "struct<n: null, a: int64>", &[]),
            (r#"{"a":1}"#, "struct<n: null, a: int64>", &[]),
            (r#"{"n":"2026-01-02","a":1}"#, "struct<n: date, a: int64>", &[]),
            (r#"{"n":5}"#, "struct<n: date, a: int64>", &[("n", 1)]),
        ],
        &Settings::default(),
    );
}

#[test]
fn a_new_name_never_takes_the_place_of_a_given_one() {
    check(
        &[
            (r#"{"name":1,"a.b":2}"#, "struct<name: int64, a.b: int64>", &[]),
            (
                r#"{"NAME":1,"a":{"b":3},"_id":"x"}"#,
                "struct<name: int64, a.b: int64>",
                &[("NAME", 1), ("a", 1)],
            ),
        ],
        &Settings::default(),
    );
    let exact = Settings { names: Names::Exact, ..Settings::default() };
    check(
        &[
            (r#"{"name":1}"#, "struct<name: int64>", &[]),
            (r#"{"NAME":1}"#, "struct<name: int64, NAME: int64>", &[]),
        ],
        &exact,
    );
}

#[test]
fn a_column_of_nulls_whose_name_is_taken_stays_one() {
    check(
        &[
            (r#"{"name":1,"Name":null}"#, "struct<name: int64, Name: null>", &[]),
            (r#"{"Name":2}"#, "struct<name: int64, Name: null>", &[("Name", 1)]),
        ],
        &Settings::default(),
    );
}

#[test]
fn new_twins_are_found_and_given_ones_stay() {
    let text = |name: &str| Column::new(name, ColumnType::String);
    let object = |name: &str, fields| Column::new(name, ColumnType::Struct(fields));
    for (given, new, wanted) in [
        (vec![text("a.b")], vec![object("a", vec![text("b")])], &[&["a"][..]][..]),
        (vec![object("a", vec![text("b")])], vec![text("a.b")], &[&["a.b"]]),
        (vec![], vec![text("a.b"), object("a", vec![text("b")])], &[&["a.b"]]),
        (vec![text("x")], vec![text("a.b"), text("a")], &[]),
        (vec![text("_x")], vec![object("a.b", vec![text("c")]), text("a.b.c")], &[&["a.b.c"]]),
    ] {
        let columns = [given.clone(), new].concat();
        assert_eq!(dots::new_twins(&columns, &given), wanted);
    }
    let given = [text("a.b"), object("a", vec![text("x")])];
    let columns = [text("a.b"), object("a", vec![text("x"), text("b")])];
    assert_eq!(dots::new_twins(&columns, &given), [["a", "b"]]);
}

#[test]
fn given_columns_have_room_and_new_ones_are_bounded() {
    let settings = Settings { columns_max: 3, ..Settings::default() };
    check(
        &[
            (r#"{"a":1,"b":2}"#, "struct<a: int64, b: int64>", &[]),
            (r#"{"s":{"x":1,"y":2},"c":3}"#, "struct<a: int64, b: int64, s: json>", &[("c", 1)]),
            (r#"{"a":1,"d":3}"#, "struct<a: int64, b: int64, s: json>", &[("d", 1)]),
        ],
        &settings,
    );
}

#[test]
fn names_that_had_only_nulls_are_bounded() {
    let settings = Settings { columns_max: 2, ..Settings::default() };
    check(
        &[
            (r#"{"a":null}"#, "struct<a: null>", &[]),
            (r#"{"b":null,"c":null}"#, "struct<a: null, b: null>", &[("c", 1)]),
        ],
        &settings,
    );
}

#[test]
fn rows_like_those_before_give_the_bytes_that_they_give_alone() {
    let rows = r#"{"a":1,"l":[{"x":"t"}],"n":null}{"a":2,"l":[]}"#;
    let alone = encode(Settings::default(), rows);
    let behind = encode(after(&alone.summary.schema), rows);
    assert_eq!(behind.bytes, alone.bytes);
}

#[test]
fn strict_and_new_columns_exclude_each_other() {
    let strict = Settings { policy: crate::Policy::Strict, ..after(&Schema::default()) };
    let error = Encoder::new(strict).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("new_fields"), "{error}");
}

#[test]
fn numbers_are_doubles_where_they_are_exact_and_wanted() {
    let settings = Settings { numbers: Numbers::Float64, ..Settings::default() };
    check(
        &[
            (
                r#"{"t":21,"big":9007199254740993,"l":[1],"u":10000000000000000000,"s":"x"}"#,
                "struct<t: float64, big: int64, l: list<float64>, u: float64, s: string>",
                &[],
            ),
            (
                r#"{"t":21.5,"new":3}"#,
                "struct<t: float64, big: int64, l: list<float64>, u: float64, s: string, \
                 new: float64>",
                &[],
            ),
        ],
        &settings,
    );
}
