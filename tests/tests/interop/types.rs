//! A set of rows for each type of column, and for each range of values that engines treat apart.

use std::fmt::Write;

use coldpress_core::Schema;

use super::source::Source;

/// Rows in each set: enough for the encodings to be chosen by the values.
const ROWS: usize = 240;

/// A type, as the page calls it, with rows of it.
pub struct Type {
    pub what: &'static str,
    pub source: Source,
}

/// A given type: its name on the page, the column's JSON, edge values, and climbing values.
type Given = (&'static str, &'static str, &'static [&'static str], fn(usize) -> String);

const GIVEN: &[Given] = &[
    ("boolean", r#""type":"boolean""#, &["true", "false"], |n| (n % 3 == 0).to_string()),
    ("string", r#""type":"string""#, &[r#""""#, r#""é \u0000 🦀""#], |n| {
        format!("\"text {n}\"")
    }),
    ("json", r#""type":"json""#, &[r#"[1,"a",null]"#, "1e400", r#"{"":{}}"#, "7"], number),
    ("int8", r#""type":"int8""#, &["-128", "127"], |n| (n % 100).to_string()),
    ("int16", r#""type":"int16""#, &["-32768", "32767"], number),
    ("int32", r#""type":"int32""#, &["-2147483648", "2147483647"], number),
    ("int64", r#""type":"int64""#, &["-9223372036854775808", "9223372036854775807"], number),
    ("uint8", r#""type":"uint8""#, &["0", "255"], |n| (n % 250).to_string()),
    ("uint16", r#""type":"uint16""#, &["0", "65535"], number),
    ("uint32", r#""type":"uint32""#, &["0", "4294967295"], number),
    ("float32", r#""type":"float32""#, &["-0.5", "16777216.0", "3.4028235e38"], quarters),
    ("float64", r#""type":"float64""#, &["-1.7976931348623157e308", "5e-324", "-0.0"], tenths),
    ("decimal(9, 2)", DECIMAL_9, &["-9999999.99", "0.01", "0.00"], |n| format!("{n}.25")),
    ("decimal(18, 4)", DECIMAL_18, &[r#""-99999999999999.9999""#, r#""0.0001""#], |n| {
        format!("\"{n}.2500\"")
    }),
    (
        "decimal(38, 10)",
        DECIMAL_38,
        &[r#""-9999999999999999999999999999.9999999999""#, r#""0.0000000001""#],
        |n| format!("\"{n}.2500000000\""),
    ),
    ("binary", r#""type":"binary""#, &[r#""AP8Aq+8=""#, r#""""#], |n| format!("\"A{:03}\"", n)),
    ("uuid", r#""type":"uuid""#, &[UUID_LAST, r#""00000000-0000-0000-0000-000000000000""#], |n| {
        format!("\"00112233-4455-6677-8899-{n:012x}\"")
    }),
    ("date", r#""type":"date""#, &[r#""1900-01-01""#, r#""2000-02-29""#, r#""2299-12-31""#], |n| {
        format!("\"20{:02}-07-15\"", n % 100)
    }),
    ("date before 1900", r#""type":"date""#, &[r#""1899-12-31""#, r#""1582-10-15""#], |n| {
        format!("\"18{:02}-07-15\"", n % 100)
    }),
    ("date before 1582-10-15", r#""type":"date""#, &[r#""1582-10-04""#, r#""0001-01-01""#], |n| {
        format!("\"14{:02}-07-15\"", n % 100)
    }),
    ("date after 2299", r#""type":"date""#, &[r#""2300-01-01""#, r#""9999-12-31""#], |n| {
        format!("\"30{:02}-07-15\"", n % 100)
    }),
    ("timestamp, ms", MILLIS, &[r#""1969-12-31T23:59:59.999Z""#, THIS_YEAR_MS], |n| {
        format!("\"20{:02}-07-15T01:02:03.004Z\"", n % 100)
    }),
    ("timestamp, µs", MICROS, &[r#""1969-12-31T23:59:59.999999Z""#, THIS_YEAR_US], |n| {
        format!("\"20{:02}-07-15T01:02:03.000004Z\"", n % 100)
    }),
    ("timestamp, ns", NANOS, &[LAST_NANO, r#""1969-12-31T23:59:59.999999999Z""#], |n| {
        format!("\"20{:02}-07-15T01:02:03.000000004Z\"", n % 100)
    }),
    ("timestamp before 1900", MICROS, &[r#""1899-12-31T23:59:59.999999Z""#], |n| {
        format!("\"18{:02}-07-15T01:02:03.000004Z\"", n % 100)
    }),
    ("timestamp before 1582-10-15", MICROS, &[r#""0001-01-01T00:00:00.000000Z""#], |n| {
        format!("\"14{:02}-07-15T01:02:03.000004Z\"", n % 100)
    }),
    ("timestamp after 2299", MICROS, &[r#""9999-12-31T23:59:59.999999Z""#], |n| {
        format!("\"30{:02}-07-15T01:02:03.000004Z\"", n % 100)
    }),
    ("list of string", LIST, &[r#"[]"#, r#"["a",null,"é"]"#], |n| format!("[\"x\",\"{n}\"]")),
    ("list of list of int64", LISTS, &["[]", "[[1,2],[],null]"], |n| format!("[[{n}],[7]]")),
    ("list of timestamp, µs", INSTANTS, &["[]", r#"["2024-01-01T00:00:00.000001Z",null]"#], |n| {
        format!("[\"20{:02}-07-15T01:02:03.000004Z\"]", n % 100)
    }),
    ("struct", STRUCT, &["{}", r#"{"x":1}"#, r#"{"y":"only y"}"#], |n| {
        format!("{{\"x\":{n},\"y\":\"text {n}\"}}")
    }),
    ("list of struct", STRUCTS, &["[]", r#"[{"x":1},null,{}]"#], |n| {
        format!("[{{\"x\":{n},\"tags\":[\"a\",\"{n}\"]}}]")
    }),
    ("struct in struct", NESTED, &[r#"{"a":{}}"#, r#"{"a":{"b":{"c":[1,null]}}}"#], |n| {
        format!("{{\"a\":{{\"b\":{{\"c\":[{n}]}}}}}}")
    }),
];

const DECIMAL_9: &str = r#""type":"decimal","precision":9,"scale":2"#;
const DECIMAL_18: &str = r#""type":"decimal","precision":18,"scale":4"#;
const DECIMAL_38: &str = r#""type":"decimal","precision":38,"scale":10"#;
const MILLIS: &str = r#""type":"timestamp","unit":"ms""#;
const MICROS: &str = r#""type":"timestamp","unit":"us""#;
const NANOS: &str = r#""type":"timestamp","unit":"ns""#;
const LIST: &str = r#""type":"list","element":{"type":"string"}"#;
const LISTS: &str = r#""type":"list","element":{"type":"list","element":{"type":"int64"}}"#;
const INSTANTS: &str = r#""type":"list","element":{"type":"timestamp","unit":"us"}"#;
const STRUCT: &str =
    r#""type":"struct","fields":[{"name":"x","type":"int64"},{"name":"y","type":"string"}]"#;
const STRUCTS: &str = r#""type":"list","element":{"type":"struct","fields":[
    {"name":"x","type":"int64"},{"name":"tags","type":"list","element":{"type":"string"}}]}"#;
const NESTED: &str = r#""type":"struct","fields":[{"name":"a","type":"struct","fields":[
    {"name":"b","type":"struct","fields":[
        {"name":"c","type":"list","element":{"type":"int64"}}]}]}]"#;
const UUID_LAST: &str = r#""ffffffff-ffff-ffff-ffff-ffffffffffff""#;
const THIS_YEAR_MS: &str = r#""2026-11-29T10:00:00.001Z""#;
const THIS_YEAR_US: &str = r#""2026-11-29T10:00:00.000001Z""#;
const LAST_NANO: &str = r#""2262-04-11T23:47:16.854775807Z""#;

/// Every type.
pub fn all() -> Vec<Type> {
    let mut types: Vec<Type> = GIVEN.iter().map(given).collect();
    types.extend([
        inferred("integers past i64", &["18446744073709551615", "0"], |n| {
            format!("{}", u64::MAX - n as u64)
        }),
        inferred("texts: `text:3`", &[r#""1969-12-31T23:59:59.999Z""#, THIS_YEAR_MS], |n| {
            format!("\"20{:02}-07-15T01:02:03.004Z\"", n % 100)
        }),
        inferred(
            "texts: `text:6+00:00`",
            &[r#""1969-12-31T23:59:59.999999+00:00""#, r#""2026-11-29T10:00:00.000001+00:00""#],
            |n| format!("\"20{:02}-07-15T01:02:03.000004+00:00\"", n % 100),
        ),
        inferred(
            "texts: `text:trimmed-05:30`",
            &[r#""1969-12-31T18:29:59.5-05:30""#, r#""2026-11-29T10:00:00-05:30""#],
            |n| match n % 2 {
                0 => format!("\"20{:02}-07-15T01:02:03-05:30\"", n % 100),
                _ => format!("\"20{:02}-07-15T01:02:03.01-05:30\"", n % 100),
            },
        ),
        // Two in 240 are others: one is in the column too, one is not.
        inferred("texts: `text:0` and others", &[r#""2026-11-29T10:00:00Z""#], |n| match n {
            100 => "\"2000-07-15T01:02:03.5+01:00\"".to_owned(),
            200 => "\"no time\"".to_owned(),
            _ => format!("\"20{:02}-07-15T01:02:03Z\"", n % 100),
        }),
        inferred("texts: days", &[r#""1900-01-01""#, r#""2000-02-29""#, r#""2299-12-31""#], |n| {
            format!("\"20{:02}-07-15\"", n % 100)
        }),
        inferred("texts: list of days", &["[]", r#"["2000-02-29",null]"#], |n| {
            format!("[\"20{:02}-07-15\"]", n % 100)
        }),
        inferred("mixed list (JSON)", &[r#"[1,"a",{"b":null}]"#, "[]"], |n| format!("[{n},true]")),
        // One in ten is a stray, so that the column keeps its type.
        inferred("int64 and rescued strays", &["7", "-7"], |n| match n % 10 {
            0 => format!("\"stray {n}\""),
            _ => n.to_string(),
        }),
    ]);
    types
}

fn number(row: usize) -> String {
    row.to_string()
}

fn quarters(row: usize) -> String {
    format!("{row}.25")
}

fn tenths(row: usize) -> String {
    format!("{row}.{row}")
}

fn given((what, column, edges, climbing): &Given) -> Type {
    let columns = ["v", "few", "many"].map(|name| format!(r#"{{"name":"{name}",{column}}}"#));
    let schema = format!(r#"{{"columns":[{}]}}"#, columns.join(","));
    let schema = Some(Schema::from_json(&schema).unwrap());
    Type { what, source: Source { schema, ..rows(what, edges, *climbing) } }
}

fn inferred(what: &'static str, edges: &[&str], climbing: fn(usize) -> String) -> Type {
    Type { what, source: rows(what, edges, climbing) }
}

/// Three columns of one type: edge values and nulls; few values, for a dictionary; climbing ones.
fn rows(what: &str, edges: &[&str], climbing: fn(usize) -> String) -> Source {
    let mut ndjson = String::new();
    for row in 0..ROWS {
        let edge = edges.get(row % (edges.len() + 1)).copied().unwrap_or("null");
        let (few, many) = (climbing(row % 4), climbing(row));
        writeln!(ndjson, r#"{{"v":{edge},"few":{few},"many":{many}}}"#).unwrap();
    }
    Source::new(format!("type {what}"), ndjson)
}
