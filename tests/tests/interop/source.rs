//! The rows that the engines read: each kind of value that a column, a list, a struct or
//! `_rescued_data` can hold, as JSON text, so that nothing is rounded on the way.

use std::fmt::Write;
use std::fs;

use coldpress_core::{IdSource, Schema};
use coldpress_tests::json::{Json, Style};
use coldpress_tests::tools;
use serde_json::{Value, json};

/// One set of rows.
#[derive(Clone)]
pub struct Source {
    /// What its files are called.
    pub name: String,
    /// One document a line.
    pub ndjson: String,
    /// Where the documents have their ids.
    pub id: IdSource,
    /// The columns, where they are given.
    pub schema: Option<Schema>,
    /// Rows in a row group.
    pub row_group_rows_max: usize,
    /// Whether each row group has a filter of its ids.
    pub bloom_filters: bool,
    /// Types as Arrow names them, by top-level column.
    pub types: Value,
    /// An encoding that each chunk of a column must have, where all encodings are allowed.
    pub encodings: Value,
}

impl Source {
    /// Rows in one row group, with inferred columns and their own ids, if they have any.
    pub fn new(name: impl Into<String>, ndjson: String) -> Source {
        Source {
            name: name.into(),
            ndjson,
            id: IdSource::Auto,
            schema: None,
            row_group_rows_max: 65_536,
            bloom_filters: false,
            types: json!({}),
            encodings: json!({}),
        }
    }

    /// The rows for the scripts: `{"id": …, "document": …}`. The document comes without its `_id`
    /// where the file says that each of them had it and that it is stored once.
    pub fn with_ids(&self, id_in_document: bool) -> String {
        let mut out = String::new();
        for (number, row) in Json::parse_rows(&self.ndjson).unwrap().into_iter().enumerate() {
            let id = self.id_of(&row).unwrap_or_else(|| number.to_string());
            let mut row = row.last_wins();
            if let (Json::Object(fields), true) = (&mut row, id_in_document) {
                fields.retain(|(name, _)| name != "_id");
            }
            let id = Json::String(id).print(Style::Compact);
            let document = row.print(Style::Compact);
            writeln!(out, "{{\"id\":{id},\"document\":{document}}}").unwrap();
        }
        out
    }

    fn id_of(&self, row: &Json) -> Option<String> {
        let path = match &self.id {
            IdSource::Field(path) => path.as_str(),
            _ => "_id",
        };
        let found = path.split('.').try_fold(row, |value, name| value.field(name))?;
        match found {
            Json::String(id) | Json::Number(id) => Some(id.clone()),
            _ => None,
        }
    }
}

/// Every set whose footers are checked.
pub fn all() -> Vec<Source> {
    let mut all = vec![documents(), typed(), telemetry(), movies(), scattered(), identified(1)];
    all.extend(["string", "int64", "uuid"].map(scattered_in_a_field));
    all
}

/// Ids of this type in no order, in a field that is named for them.
fn scattered_in_a_field(column_type: &str) -> Source {
    let (mut ndjson, mut state) = (String::new(), 1_u64);
    for row in 0..3_000 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (high, low) = (state >> 32, state & 0xffff_ffff_ffff);
        let id = match column_type {
            "string" => {
                format!(r#""{:016x}{state:016x}""#, state.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            }
            "uuid" => format!(r#""{high:08x}-0000-4000-8000-{low:012x}""#),
            _ => (state >> 1).to_string(),
        };
        writeln!(ndjson, r#"{{"row":{row},"id":{id}}}"#).unwrap();
    }
    let schema = format!(
        r#"{{"columns":[{{"name":"row","type":"int64"}},{{"name":"id","type":"{column_type}"}}]}}"#
    );
    Source {
        row_group_rows_max: 1_500,
        bloom_filters: true,
        id: IdSource::Field("id".to_owned()),
        schema: Some(Schema::from_json(&schema).unwrap()),
        ..Source::new(format!("ids of {column_type} in a field"), ndjson)
    }
}

/// Ids in no order, enough in each row group for a bloom filter.
fn scattered() -> Source {
    let (mut ndjson, mut state) = (String::new(), 1_u64);
    for row in 0..3_000 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = state.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        writeln!(ndjson, r#"{{"_id":"{id:016x}{state:016x}","row":{row}}}"#).unwrap();
    }
    Source { row_group_rows_max: 1_500, bloom_filters: true, ..Source::new("scattered", ndjson) }
}

/// A schema that states the field id of each column, field and element, and of our own two, in the
/// order in which Iceberg gives them to a new table.
pub fn identified(first: i32) -> Source {
    let at = |place: i32| first + place;
    let schema = format!(
        r#"{{"id_field_id":{},"rescued_field_id":{},"columns":[
        {{"name":"n","type":"int64","field_id":{}}},
        {{"name":"s","type":"struct","field_id":{},"fields":[
            {{"name":"x","type":"string","field_id":{}}}]}},
        {{"name":"l","type":"list","field_id":{},"element":{{"type":"string","field_id":{}}}}}]}}"#,
        at(0),
        at(4),
        at(1),
        at(2),
        at(5),
        at(3),
        at(6)
    );
    let ndjson = [r#"{"n":1,"s":{"x":"a"},"l":["b",null]}"#, r#"{"n":"one","s":null,"l":[]}"#];
    Source {
        schema: Some(Schema::from_json(&schema).unwrap()),
        ..Source::new("identified", ndjson.join("\n"))
    }
}

/// Nested, mixed, sparse and oddly named, in three row groups.
pub fn documents() -> Source {
    let mut ndjson = String::new();
    for row in 0..300_u64 {
        let every = |n: u64, yes: &str, no: &str| {
            if row % n == n - 1 { yes.to_owned() } else { no.to_owned() }
        };
        let fields = [
            ("int", format!("{}", row as i64 * 31 - 4_000)),
            ("late", if row < 200 { "null".to_owned() } else { format!("\"from {row}\"") }),
            ("big", format!("{}", u64::MAX - row)),
            ("past u64", every(50, "123456789012345678901234567890", &row.to_string())),
            ("double", format!("{}.{row:03}e{}", row % 9, row % 40)),
            ("wide double", every(3, "-1.7976931348623157e308", "5e-324")),
            ("inexact", every(10, "9007199254740993", "0.1")),
            ("text or number", every(8, &row.to_string(), "\"5\"")),
            ("int or all else", every(6, "[true,{\"x\":25.5}]", &row.to_string())),
            ("flag", every(4, "null", if row % 2 == 0 { "true" } else { "false" })),
            ("naïve \\\"名前\\\" 😀", format!("\"värde {row} \\u0000 \\n 🦀\"")),
            ("a.b", row.to_string()),
            ("a", format!("{{\"b\":{row},\"b.c\":\"dots\",\".\":{{\"..\":{row}.5}}}}")),
            ("", every(2, "\"no name\"", "null")),
            ("Case", row.to_string()),
            ("case", format!("\"{row}\"")),
            ("list.element", row.to_string()),
            ("tags", every(5, "[]", "[\"x\",null,\"é\"]")),
            ("matrix", every(7, "null", &format!("[[{row},2],[],null,[3]]"))),
            ("mixed list", every(2, "[1,\"a\",null,{\"b\":2.50}]", "[[],{}]")),
            // More lists than engines read in time, and a struct that DuckDB would refuse.
            ("deep lists", format!("{}{row}{}", "[".repeat(20), "]".repeat(20))),
            ("unnamed", format!("{{\"x\":{{\"\":{row}}},\"n\":1}}")),
            ("empty", "{}".to_owned()),
            ("object or text", every(9, "\"just text\"", &format!("{{\"x\":{row},\"y\":null}}"))),
            ("own _rescued_data", every(3, "{\"0\":[1]}", "{\"0\":\"zero\"}")),
        ];
        write!(ndjson, "{{\"_id\":\"doc-{row:04}\"").unwrap();
        for (name, value) in fields {
            write!(ndjson, ",\"{name}\":{value}").unwrap();
        }
        let items = every(11, "{\"sku\":\"no list\"}", &items(row));
        let deep = "{\"one\":{\"two\":{\"three\":[{\"four\":[{\"five\":5}]}]}}}";
        write!(ndjson, ",\"items\":{items},\"deep\":{}", every(2, deep, "{\"one\":null}")).unwrap();
        if row % 20 == 19 {
            ndjson.push_str(",\"_rescued_data\":{\"of\":\"the document\"}");
        }
        ndjson.push_str("}\n");
    }
    Source {
        row_group_rows_max: 110,
        types: json!({
            "_id": "string",
            "int": "int64",
            "late": "string",
            "big": "decimal128(20, 0)",
            "past u64": "int64",
            "double": "double",
            "inexact": "double",
            "text or number": "string",
            "int or all else": "int64",
            "flag": "bool",
            "tags": "list<element: string>",
            "matrix": "list<element: list<element: int64>>",
            "mixed list": "string",
            "empty": "string",
            "object or text": "struct<x: int64>",
            "_rescued_data": "string",
        }),
        ..Source::new("documents", ndjson)
    }
}

/// A list of structs, some elements null, some with values that fit no column.
fn items(row: u64) -> String {
    format!(
        r#"[{{"sku":"s-{}","qty":{row},"tags":["a","ü",null]}},null,{{"sku":null,"qty":"two"}},{{}},{{"qty":{row}.5,"tags":[]}}]"#,
        row % 13
    )
}

/// A given schema of every type that JSON lacks, with values that fit, that stand in another form,
/// that fit not at all, and that no column is for.
pub fn typed() -> Source {
    let schema = r#"{"columns":[
        {"name":"ms","type":"timestamp","unit":"ms"},
        {"name":"us","type":"timestamp","unit":"us"},
        {"name":"ns","type":"timestamp","unit":"ns"},
        {"name":"day","type":"date"},
        {"name":"money","type":"decimal","precision":9,"scale":2},
        {"name":"amount","type":"decimal","precision":18,"scale":4},
        {"name":"wide","type":"decimal","precision":38,"scale":10},
        {"name":"bytes","type":"binary"},
        {"name":"uuid","type":"uuid"},
        {"name":"f32","type":"float32"},
        {"name":"f64","type":"float64"},
        {"name":"i8","type":"int8"},
        {"name":"i16","type":"int16"},
        {"name":"i32","type":"int32"},
        {"name":"i64","type":"int64"},
        {"name":"u8","type":"uint8"},
        {"name":"u16","type":"uint16"},
        {"name":"u32","type":"uint32"},
        {"name":"json","type":"json"},
        {"name":"never","type":"string"},
        {"name":"in struct","type":"struct","fields":[
            {"name":"uuid","type":"uuid"},{"name":"day","type":"date"},{"name":"json","type":"json"}]},
        {"name":"in list","type":"list","element":{"type":"timestamp","unit":"us"}},
        {"name":"uuids","type":"list","element":{"type":"uuid"}}
    ]}"#;
    let fit = r#"{"ms":"2024-02-29T23:59:59.999Z","us":1700000000123456,"ns":"1969-12-31T23:59:59.999999999Z","day":"2000-02-29","money":-1234567.89,"amount":"99999999999999.9999","wide":"1234567890123456789012345678.0123456789","bytes":"AP8Aq+8=","uuid":"00112233-4455-6677-8899-aabbccddeeff","f32":16777216.0,"f64":-0.1,"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,"u8":255,"u16":65535,"u32":4294967295,"json":[1,{"a":null}],"in struct":{"uuid":"ffffffff-ffff-ffff-ffff-ffffffffffff","day":"1970-01-01","json":12345678901234567890123},"in list":["2024-01-01T00:00:00.000001Z",null],"uuids":["00000000-0000-0000-0000-000000000000"]}"#;
    let least = r#"{"ms":"0001-01-01T00:00:00.000Z","us":-1,"ns":"2262-04-11T23:47:16.854775807Z","day":"1582-10-15","money":0.01,"amount":"0.0000","wide":"-0.0000000001","bytes":"","uuid":"01234567-89ab-cdef-0123-456789abcdef","f32":-0.5,"f64":1e300,"i8":127,"i16":32767,"i32":2147483647,"i64":9223372036854775807,"u8":0,"u16":0,"u32":2147483648,"json":"text","in struct":{"uuid":null,"json":false},"in list":[],"uuids":[null]}"#;
    let reformed = r#"{"ms":"2024-03-01T01:00:00+01:00","us":"2023-11-14T22:13:20.5Z","ns":5,"money":"12.50","amount":7.5,"wide":1,"uuid":"00112233-4455-6677-8899-AABBCCDDEEFF","in list":[3,"2024-01-01T00:00:00Z"],"in struct":{"uuid":"00112233-4455-6677-8899-AABBCCDDEEFF"}}"#;
    let misfit = r#"{"ms":"yesterday","us":true,"ns":"1600-01-01T00:00:00Z","day":"2023-02-29","money":1.005,"amount":"1e40","wide":"x","bytes":"not base64!","uuid":"00112233","f32":0.1,"f64":"1","i8":128,"i16":-32769,"i32":2147483648,"i64":9223372036854775808,"u8":-1,"u16":65536,"u32":1.5,"unknown":{"a":[1,2]},"in struct":[1],"in list":{"0":1},"uuids":["no",7,"00112233-4455-6677-8899-aabbccddeeff"]}"#;
    let sparse = r#"{"in struct":{"other":1,"day":"no day"},"uuids":[],"json":null}"#;
    let ndjson = [fit, least, reformed, misfit, sparse, "{}", ""].join("\n").repeat(9);
    Source {
        schema: Some(Schema::from_json(schema).unwrap()),
        types: json!({
            "ms": "timestamp[ms, tz=UTC]",
            "us": "timestamp[us, tz=UTC]",
            "ns": "timestamp[ns, tz=UTC]",
            "day": "date32[day]",
            "money": "decimal128(9, 2)",
            "amount": "decimal128(18, 4)",
            "wide": "decimal128(38, 10)",
            "bytes": "binary",
            "uuid": "extension<arrow.uuid>",
            "f32": "float",
            "f64": "double",
            "i8": "int8",
            "i16": "int16",
            "i32": "int32",
            "i64": "int64",
            "u8": "uint8",
            "u16": "uint16",
            "u32": "uint32",
            "json": "string",
            "never": "string",
            "in list": "list<element: timestamp[us, tz=UTC]>",
            "uuids": "list<element: extension<arrow.uuid>>",
        }),
        ..Source::new("typed", ndjson)
    }
}

/// What Coldpress is mostly for, and where each encoding pays.
pub fn telemetry() -> Source {
    let mut ndjson = String::new();
    let mut state = 42_u64;
    for row in 0..6_000_u64 {
        // Knuth's MMIX generator: noise that is the same everywhere.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let noise = state >> 33;
        let ts = 1_700_000_000_000 + row * 1_000 + noise % 7;
        let temp = 20.0 + (noise % 1_000_003) as f64 / 100_000.7;
        writeln!(
            ndjson,
            r#"{{"_id":"ev-{row:012}","ts":{ts},"device":"device-{}","temp":{temp},"ok":{}}}"#,
            noise % 40,
            !noise.is_multiple_of(9)
        )
        .unwrap();
    }
    Source {
        row_group_rows_max: 5_000,
        types: json!({
            "_id": "string", "ts": "int64", "device": "string", "temp": "double", "ok": "bool",
        }),
        encodings: json!({
            "_id": "DELTA_BYTE_ARRAY",
            "ts": "DELTA_BINARY_PACKED",
            "device": "RLE_DICTIONARY",
            "temp": "BYTE_STREAM_SPLIT",
        }),
        ..Source::new("telemetry", ndjson)
    }
}

/// Films as they come, titles that are sometimes numbers.
pub fn movies() -> Source {
    let path = tools::root().join("examples/movies.ndjson");
    let ndjson = fs::read_to_string(path).unwrap();
    Source {
        types: json!({ "Title": "string", "US Gross": "int64", "IMDB Rating": "double" }),
        ..Source::new("movies", ndjson)
    }
}
