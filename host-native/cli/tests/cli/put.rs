//! `put`: what it stores, what it says, and what it refuses.

use std::fs;

use serde_json::json;

use crate::harness::{MOVIES, Place, contains_all, first_line, json, same_rows};
use crate::json::Json;

#[test]
fn the_first_command_of_the_readme_prints_what_the_readme_shows() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md"));
    let readme = readme.unwrap();
    let command = "$ cargo run --release -- put examples/movies.ndjson --collection movies\n";
    let shown = readme.split_once(command).unwrap().1.split_once("```").unwrap().0;
    let printed = Place::new().ok(&["put", MOVIES, "--collection", "movies"]);
    // The store of the test is elsewhere.
    let lines = |text: &str| -> Vec<String> {
        let kept = text.lines().filter(|line| !line.trim_start().starts_with("store "));
        kept.map(str::to_owned).collect()
    };
    assert!(shown.lines().count() > 5, "{shown}");
    assert_eq!(lines(&printed), lines(shown));
}

#[test]
fn acceptance_1_every_movie_comes_back_and_numeric_titles_are_rescued() {
    let place = Place::new();
    let printed = place.ok(&["put", MOVIES, "--collection", "movies"]);
    let key = first_line(&printed);
    assert_eq!(key, "0/movies/lsn-0-3200.parquet");
    contains_all(
        &printed,
        &["rows", "3,201", "columns", "bytes in", "bytes out", "ratio", "Title: "],
    );

    let source = fs::read_to_string(MOVIES).unwrap();
    let back = place.ok(&["cat", &key]);
    same_rows(&source, &back);

    let numeric = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| match Json::parse(line).unwrap() {
                Json::Object(fields) => fields.into_iter().find_map(|(name, value)| match value {
                    Json::Number(number) if name == "Title" => Some(number),
                    _ => None,
                }),
                _ => None,
            })
            .collect()
    };
    let titles = numeric(&source);
    assert!(!titles.is_empty());
    assert_eq!(numeric(&back), titles, "numbers still, not text and not null");
    let again = json(&place.ok(&["put", MOVIES, "--collection", "movies", "--json"]));
    assert_eq!(again["rescued"]["Title"], json!(titles.len()));
    let schema = json(&place.ok(&["inspect", &key, "--json"]))["schema"].to_string();
    assert!(schema.contains(r#"{"name":"Title","type":"string"}"#), "{schema}");
}

#[test]
fn json_report_has_stable_names() {
    let place = Place::new();
    let text = "{\"a\":1,\"a\":2}\n{\"a\":\"x\"}\n{\"a\":3}\n";
    place.write("rows.ndjson", text);
    let report = json(&place.ok(&["put", "rows.ndjson", "-c", "c", "--tenant", "7", "--json"]));
    let bytes_out = fs::metadata(place.path("coldpress-data/7/c/lsn-0-2.parquet")).unwrap().len();
    assert_eq!(report["bytes_out"], json!(bytes_out));
    assert!(report["ratio"].as_f64().unwrap() > 0.0);
    let mut rest = report.as_object().unwrap().clone();
    rest.retain(|name, _| name != "bytes_out" && name != "ratio");
    assert_eq!(
        serde_json::Value::from(rest),
        json!({
            "key": "7/c/lsn-0-2.parquet", "store": "./coldpress-data", "already_there": false,
            "tenant_id": 7, "collection": "c", "min_lsn": 0, "max_lsn": 2, "rows": 3,
            "columns": 3, "bytes_in": text.len(), "codec": "zstd:1", "rescued": {"a": 1},
            "other_form": {}, "warnings": [], "notes": [], "duplicate_ids": 0,
            "duplicate_keys": 1,
        })
    );
}

#[test]
fn the_same_content_again_is_success_and_other_content_is_not() {
    let place = Place::new();
    let key = place.put("{\"a\":1}\n{\"a\":2}\n", &[]);
    assert_eq!(key, "0/c/lsn-0-1.parquet");
    let again = place.ok(&["put", "rows.json", "-c", "c"]);
    assert_eq!(first_line(&again), key);
    assert!(again.contains("already there"), "{again}");
    let report = json(&place.ok(&["put", "rows.json", "-c", "c", "--json"]));
    assert_eq!(report["already_there"], json!(true));

    let before = fs::read(place.path("coldpress-data/0/c/lsn-0-1.parquet")).unwrap();
    place.write("other.json", "{\"a\":1}\n{\"a\":3}\n");
    let line = place.run(&["put", "other.json", "-c", "c"]).fails(1);
    contains_all(&line, &[&key, "other content", "--append", "--lsn 2..3"]);
    let after = fs::read(place.path("coldpress-data/0/c/lsn-0-1.parquet")).unwrap();
    assert_eq!(before, after);
    assert_eq!(place.stored_files(), [key]);
}

#[test]
fn an_overlap_names_the_object_and_both_ways_out() {
    let place = Place::new();
    let key = place.put("{}{}{}", &["--lsn", "10..19"]);
    assert_eq!(key, "0/c/lsn-10-19.parquet");
    for lsns in ["0..10", "19..30", "12..13", "0..99"] {
        let line = place.run(&["put", "rows.json", "-c", "c", "--lsn", lsns]).fails(1);
        contains_all(&line, &[&key, lsns, "--append", "--lsn 20.."]);
    }
    assert_eq!(place.stored_files(), ["0/c/lsn-10-19.parquet"]);
    // Both ways out are real ones, and other tenants and collections are no hindrance.
    assert_eq!(place.put("{}{}{}", &["--lsn", "20..29"]), "0/c/lsn-20-29.parquet");
    assert_eq!(place.put("{}{}{}", &["--append"]), "0/c/lsn-30-32.parquet");
    assert_eq!(place.put("{}", &["--lsn", "0..9"]), "0/c/lsn-0-9.parquet");
    assert_eq!(place.put("{}", &["--lsn", "12..13", "--tenant", "1"]), "1/c/lsn-12-13.parquet");
}

#[test]
fn append_begins_after_the_highest_and_stops_at_the_last_lsn() {
    let place = Place::new();
    assert_eq!(place.put("[{\"a\":[{},{}]},{}]", &["--append"]), "0/c/lsn-0-1.parquet");
    assert_eq!(place.put("{}\n{}\n{}", &["--append"]), "0/c/lsn-2-4.parquet");
    let last = u64::MAX.to_string();
    place.put("{}", &["--lsn", &format!("{last}..{last}")]);
    let line = place.run(&["put", "rows.json", "-c", "c", "--append"]).fails(1);
    contains_all(&line, &["too few LSNs left", "--lsn"]);
    let line = place.run(&["put", "rows.json", "-c", "c", "--lsn", "0..1"]).fails(1);
    contains_all(&line, &["0/c/lsn-0-1.parquet", "--append cannot help"]);
}

#[test]
fn padded_lsns_are_in_order_and_still_overlap() {
    let place = Place::new();
    let key = place.put("{}{}", &["--padded-lsn"]);
    assert_eq!(key, format!("0/c/lsn-{:020}-{:020}.parquet", 0, 1));
    let line = place.run(&["put", "rows.json", "-c", "c"]).fails(1);
    contains_all(&line, &[&key]);
    assert_eq!(place.put("{}", &["--append"]), "0/c/lsn-2-2.parquet");
}

#[test]
fn ids_come_from_the_field_that_is_named() {
    let place = Place::new();
    let key = place.put("{\"n\":\"x\",\"a\":1}\n{\"n\":7}\n", &["--id", "n"]);
    assert_eq!(
        place.ok(&["cat", &key, "--with-id"]),
        "{\"_id\":\"x\",\"n\":\"x\",\"a\":1}\n{\"_id\":\"7\",\"n\":7}\n"
    );
    place.write("bad.json", "{\"n\":1}\n{\"m\":2}\n");
    let line = place.run(&["put", "bad.json", "-c", "d", "--id", "n"]).fails(1);
    contains_all(&line, &["bad.json", "line 2", "\"n\""]);
}

#[test]
fn every_codec_gives_the_rows_back() {
    let place = Place::new();
    let rows = "{\"a\":1,\"t\":\"été\"}\n{\"a\":2.5}\n{\"a\":\"x\",\"l\":[1,2]}\n";
    for codec in ["none", "snappy", "gzip", "gzip:9", "brotli", "zstd", "zstd:19", "lz4"] {
        let key = place.put(rows, &["--codec", codec, "--append", "--row-group-rows", "2"]);
        same_rows(rows, &place.ok(&["cat", &key]));
        let facts = json(&place.ok(&["inspect", &key, "--json"]));
        assert_eq!(facts["row_groups"].as_array().unwrap().len(), 2);
        let found = facts["row_groups"][0]["columns"][0]["codec"].to_string().to_lowercase();
        let name = codec.split(':').next().unwrap().replace("none", "uncompressed");
        assert!(found.contains(&name), "{codec}: {found}");
    }
}

#[test]
fn many_rescued_columns_stay_a_short_table() {
    let place = Place::new();
    let row = |value: &str| {
        let fields: Vec<String> = (0..30).map(|n| format!("\"f{n:02}\":{value}")).collect();
        format!("{{{}}}\n", fields.join(","))
    };
    place.write("rows.json", [row("1"), row("2"), row("\"x\"")].concat());
    let printed = place.ok(&["put", "rows.json", "-c", "c"]);
    contains_all(&printed, &["f00: 1", "f19: 1", "and 10 more columns"]);
    assert!(!printed.contains("f20: 1"), "{printed}");
    let report = json(&place.ok(&["put", "rows.json", "-c", "c", "--json"]));
    assert_eq!(report["rescued"].as_object().unwrap().len(), 30);
}

#[test]
fn a_strict_misfit_leaves_nothing_behind() {
    let place = Place::new();
    place.write("schema.json", r#"{"columns":[{"name":"a","type":"int64"}]}"#);
    place.write("rows.json", "{\"a\":1}\n{\"a\":\"text\"}\n");
    let strict = ["put", "rows.json", "-c", "c", "--schema", "schema.json", "--policy", "strict"];
    let line = place.run(&strict).fails(1);
    contains_all(&line, &["rows.json", "row 1", "a"]);
    assert_eq!(place.stored_files(), [""; 0]);
    let rescued = place.ok(&["put", "rows.json", "-c", "c", "--schema", "schema.json"]);
    assert!(rescued.contains("a: 1"), "{rescued}");
    let back = place.ok(&["cat", &first_line(&rescued)]);
    same_rows("{\"a\":1}\n{\"a\":\"text\"}\n", &back);
}

#[test]
fn nulls_are_kept_unless_they_mean_an_absent_field() {
    let place = Place::new();
    let rows = "{\"a\":null,\"b\":1}\n{\"b\":2}\n";
    let key = place.put(rows, &[]);
    assert_eq!(place.ok(&["cat", &key]), rows);
    let key = place.put(rows, &["--append", "--nulls", "absent"]);
    assert_eq!(place.ok(&["cat", &key]), "{\"b\":1}\n{\"b\":2}\n");
}

#[test]
fn instants_are_typed_and_the_report_tells_apart_what_is_not_in_their_column() {
    let place = Place::new();
    let row = |n: usize| match n {
        7 => "{\"at\":\"2026-01-02T03:04:05.5+01:00\"}\n".to_owned(),
        9 => "{\"at\":\"soon\"}\n".to_owned(),
        n => format!("{{\"at\":\"2026-01-02T03:04:{:02}.000Z\"}}\n", n % 60),
    };
    let rows: String = (0..200).map(row).collect();
    place.write("rows.json", &rows);
    let printed = place.ok(&["put", "rows.json", "-c", "c"]);
    let told = "at: 1, and 1 in the column, their own form kept beside it";
    contains_all(&printed, &[told]);
    let key = first_line(&printed);
    assert_eq!(place.ok(&["cat", &key]), rows);
    contains_all(
        &place.ok(&["inspect", &key]),
        &["timestamp(ms)", "2026-01-02T02:04:05.5Z", "not in the column", "in another form"],
    );
    let facts = json(&place.ok(&["inspect", &key, "--json"]));
    assert_eq!(facts["rescued"], json!([{"path": "at", "count": 2, "other_form": 1}]));
    let report = json(&place.ok(&["put", "rows.json", "-c", "c", "--json"]));
    assert_eq!((&report["rescued"], &report["other_form"]), (&json!({"at": 2}), &json!({"at": 1})));

    let texts = place.put(&rows, &["--text-types", "string", "--append"]);
    contains_all(&place.ok(&["inspect", &texts]), &["string"]);
    assert_eq!(place.ok(&["cat", &texts]), rows);
    contains_all(
        &place.run(&["put", "rows.json", "-c", "c", "--text-types", "x"]).fails(2),
        &["infer"],
    );
}

#[test]
fn a_schema_of_types_that_spark_refuses_is_taken_with_a_warning() {
    let place = Place::new();
    place.write("schema.json", r#"{"columns":[{"name":"id","type":"uuid"}]}"#);
    place.write("rows.json", "{\"id\":\"00112233-4455-6677-8899-aabbccddeeff\"}\n");
    let put = ["put", "rows.json", "-c", "c", "--schema", "schema.json"];
    contains_all(&place.ok(&put), &["warning", "id: the type is uuid. Spark 3.5"]);
    let report = json(&place.ok(&[&put[..], &["--json"]].concat()));
    assert_eq!(report["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn a_schema_that_cannot_be_used_is_named() {
    let place = Place::new();
    place.write("schema.json", r#"{"columns":[{"name":"a","type":"integer"}]}"#);
    let arguments = ["put", MOVIES, "-c", "c", "--schema"];
    let line = place.run(&[&arguments[..], &["schema.json"]].concat()).fails(1);
    contains_all(&line, &["schema.json", "integer"]);
    let line = place.run(&[&arguments[..], &["missing.json"]].concat()).fails(1);
    contains_all(&line, &["missing.json", "No such file"]);
}

/// Makes many objects of few rows.
const SMALL: [&str; 6] = ["-c", "c", "--row-group-bytes", "10KiB", "--file-size", "1B"];

fn five_thousand_rows() -> String {
    (0..5_000).map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

#[test]
fn rows_of_files_are_stored_all_or_none() {
    let place = Place::new();
    let rows = five_thousand_rows();
    place.write("rows.ndjson", &rows);
    place.write("bad.ndjson", "{\"n\":}\n");
    let line = place.run(&[&["put", "rows.ndjson", "bad.ndjson"][..], &SMALL].concat()).fails(1);
    contains_all(&line, &["bad.ndjson", "line 1"]);
    assert!(!line.contains("stored"), "{line}");
    assert_eq!(place.stored_files(), [""; 0]);
    let piped = [&["put", "-", "bad.ndjson", "--all-or-nothing"][..], &SMALL].concat();
    place.run_with_input(&piped, rows.as_bytes()).fails(1);
    assert_eq!(place.stored_files(), [""; 0]);

    place.ok(&[&["put", "rows.ndjson", "--padded-lsn"][..], &SMALL].concat());
    let keys = place.stored_files();
    assert!(keys.len() > 3, "{keys:?}");
    let back: Vec<String> = keys.iter().map(|key| place.ok(&["cat", key])).collect();
    same_rows(&rows, &back.concat());
}

#[test]
fn a_pipe_that_stops_half_way_says_what_is_stored() {
    let place = Place::new();
    let rows = five_thousand_rows();
    let bad = format!("{rows}{{\"n\":}}\n");
    let put = |text: &str, more: &[&str]| {
        place.run_with_input(&[&["put", "-"][..], &SMALL, more].concat(), text.as_bytes()).fails(1)
    };
    let told = ["standard input", "line 5001", "rows are stored, in", "the same command again"];
    contains_all(&put(&bad, &["--tenant", "1"]), &told);
    let told = ["line 5001", "rows are stored, in", "and run: ", "--append --skip-rows "];
    contains_all(&put(&bad, &["--tenant", "2", "--append"]), &told);

    place.put("{}", &["--lsn", "3000..3000"]);
    let told = [
        "overlap those of the stored object 0/c/lsn-3000-3000.parquet",
        "rows are stored, in",
        "--append --skip-rows ",
    ];
    let line = put(&rows, &[]);
    contains_all(&line, &told);
    assert!(!line.contains("--lsn "), "that would store the first ones twice: {line}");
}
