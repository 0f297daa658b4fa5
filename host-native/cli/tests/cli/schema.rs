//! `coldpress schema`: what it prints, `--schema` takes; and where a collection's files differ.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use serde_json::json;

use crate::harness::{MOVIES, Place, contains_all, first_line, json, same_rows};

/// Rows with something of everything that makes an inferred schema differ from a given one.
fn rows() -> String {
    let mut rows = String::new();
    for n in 0..300 {
        let old = if n == 7 { "1500-01-01" } else { "2024-02-29" };
        let misfit = if n % 90 == 0 { r#""x""# } else { "1.5" };
        writeln!(rows, r#"{{"day":"{old}","A":{n},"a":true,"m":{misfit},"s":{{"l":[{n}]}}}}"#)
            .unwrap();
    }
    rows
}

/// The bytes of the one object of a put.
fn stored(place: &Place, arguments: &[&str]) -> Vec<u8> {
    let key = first_line(&place.ok(arguments));
    fs::read(place.path(&format!("coldpress-data/{key}"))).unwrap()
}

#[test]
fn a_printed_schema_passed_back_gives_the_same_bytes() {
    let place = Place::new();
    place.write("rows.ndjson", rows());
    place.write("calm.ndjson", "{\"a\":1,\"t\":\"2024-02-29T01:02:03Z\",\"n\":null}\n");
    for (at, file) in [MOVIES, "rows.ndjson", "calm.ndjson"].into_iter().enumerate() {
        let collection = at.to_string();
        let printed = place.ok(&["schema", file]);
        place.write("schema.json", &printed);
        let put = ["put", file, "-c", collection.as_str()];
        let inferred = stored(&place, &put);
        let again = [&put[..], &["--schema", "schema.json", "--store", "other"]].concat();
        let key = first_line(&place.ok(&again));
        assert!(fs::read(place.path(&format!("other/{key}"))).unwrap() == inferred, "{file}");
        assert_eq!(place.ok(&["schema", "-c", &collection]), printed, "{file}");
    }
}

#[test]
fn the_schema_of_rows_is_printed_to_be_edited() {
    let place = Place::new();
    let text = "{\"at\":\"2024-02-29T01:02:03.5Z\",\"s\":{\"a\":1,\"b\":[true]},\"n\":null}\n";
    let printed = r#"{
  "columns": [
    {"name": "at", "type": "timestamp", "unit": "ms", "form": "text:1"},
    {"name": "s", "type": "struct", "fields": [
      {"name": "a", "type": "int64"},
      {"name": "b", "type": "list", "element": {"type": "boolean"}}
    ]},
    {"name": "n", "type": "null"}
  ],
  "inferred": true
}
"#;
    let mut packed = Vec::new();
    let mut gzip = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap();
    for input in [text.as_bytes(), &packed, &zstd::encode_all(text.as_bytes(), 1).unwrap()] {
        assert_eq!(place.run_with_input(&["schema"], input).ok(), printed);
    }
    let array = format!("[{}]", text.trim());
    assert_eq!(place.run_with_input(&["schema", "-"], array.as_bytes()).ok(), printed);
    let texts = place.run_with_input(&["schema", "--text-types", "string"], text.as_bytes()).ok();
    contains_all(&texts, &[r#"{"name": "at", "type": "string"}"#]);
    assert_eq!(place.stored_files(), Vec::<String>::new(), "nothing is stored");

    // Two files, and a bad row in the second.
    place.write("a", text);
    place.write("b", "{\"z\":1}\n{");
    contains_all(&place.run(&["schema", "a", "b"]).fails(1), &["b: ", "row 2"]);
    contains_all(&place.run_with_input(&["schema"], b"").fails(1), &["no row"]);
    contains_all(&place.run(&["schema", "a", "-c", "x"]).fails(2), &["cannot be used with"]);
    contains_all(&place.run(&["schema", "-c", "x"]).fails(1), &["no such folder"]);
}

#[test]
fn rows_past_the_first_row_group_are_not_read() {
    let place = Place::new();
    let mut text: String = (0..20_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    text.push_str("no JSON\n");
    place.write("rows", &text);
    let ran = place.run(&["schema", "rows", "--row-group-bytes", "10KiB"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    contains_all(&ran.stdout, &[r#"{"name": "n", "type": "int64"}"#]);
    contains_all(&ran.stderr, &["note: ", "of the first", "--row-group-bytes"]);
}

#[test]
fn a_collection_says_where_its_files_differ() {
    let place = Place::new();
    let append = |text: &str| place.put(text, &["--append", "--new-schema"]);
    let first = append("{\"v\":1,\"s\":{\"a\":1}}\n");
    place.ok(&["schema", "-c", "c"]);
    let second = append("{\"v\":1.5,\"new\":true}\n");
    let third = append("{\"v\":2.5,\"new\":false}\n");
    let ran = place.run(&["schema", "-c", "c"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    contains_all(&ran.stdout, &[r#"{"name": "v", "type": "float64"}"#]);
    let line = format!("  v: float64 in {second}, {third}; int64 in {first}");
    contains_all(&ran.stderr, &["3 files", &line, "new: no column in", "s: no column in"]);
    assert!(!ran.stderr.contains("s.a"), "{}", ran.stderr);

    let told = json(&place.ok(&["schema", "-c", "c", "--json", "--parallel", "1"]));
    assert_eq!(told["key"], json!(third));
    assert_eq!(told["files"], json!(3));
    let types = json!([
        { "type": "float64", "keys": [second, third] }, { "type": "int64", "keys": [first] },
    ]);
    let differences = told["differences"].as_array().unwrap();
    assert_eq!(differences.iter().find(|of| of["column"] == "v").unwrap()["types"], types);
    assert_eq!(told["schema"]["columns"][0], json!({ "name": "v", "type": "float64" }));

    // An int64 beside doubles is a double, because each number of it is exact as one.
    assert_eq!(told["clashes"], json!([]));
    append("{\"v\":\"text\",\"new\":[1]}\n");
    let ran = place.run(&["schema", "-c", "c"]);
    contains_all(
        &ran.stderr,
        &[
            "note: SQL reads these columns as text",
            "\n  new: boolean, list\n",
            "\n  v: float64, int64, string\n",
        ],
    );
    let told = json(&place.ok(&["schema", "-c", "c", "--json"]));
    assert_eq!(told["clashes"][1]["column"], json!("new"));

    let damaged = place.path(&format!("coldpress-data/{second}"));
    fs::write(damaged, "no Parquet").unwrap();
    contains_all(&place.run(&["schema", "-c", "c"]).fails(1), &[&second]);
}

#[test]
fn lsns_that_are_not_as_many_as_the_rows_are_noted() {
    let place = Place::new();
    place.write("rows", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    let put = |lsns: &str, more: &[&str]| {
        place.ok(&[&["put", "rows", "-c", "c", "--lsn", lsns], more].concat())
    };
    assert!(!put("0..2", &[]).contains("note"));
    contains_all(
        &put("10..19", &[]),
        &["note", "the LSNs 10..19 are 10 numbers, and the rows are 3"],
    );
    contains_all(&put("20..20", &[]), &["are 1 numbers"]);
    let told = json(&put("30..39", &["--json"]));
    assert_eq!(told["notes"].as_array().unwrap().len(), 1);
    assert_eq!(json(&put("40..42", &["--json"]))["notes"], json!([]));
}

#[test]
fn the_example_of_the_documentation_is_a_schema_of_its_row() {
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");
    let page = fs::read_to_string(PAGE).unwrap();
    let mut examples =
        page.split("```json\n").skip(1).map(|from| from.split("```").next().unwrap());
    let place = Place::new();
    place.write("schema.json", examples.next().unwrap());
    let row = examples.next().unwrap();
    let key = place.put(row, &["--schema", "schema.json", "--policy", "strict"]);
    same_rows(row, &place.ok(&["cat", &key]));
    let types = ["null", "boolean", "json", "binary", "uuid", "date", "timestamp", "decimal"];
    for name in types {
        contains_all(&page, &[&format!("\"type\": \"{name}\"")]);
    }
}
