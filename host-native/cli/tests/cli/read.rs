//! What comes out: `cat`, `ls`, `get`, `inspect` and the segments of `wal put`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{MOVIES, Place, contains_all, first_line, json, same_rows};
use crate::law::without_white_space;

const ROWS: &str = "{\"_id\":\"p\",\"a\":1,\"b\":{\"c\":true}}\n{\"_id\":\"q\",\"a\":2.5,\"d.e\":\"x\"}\n{\"a\":\"t\"}\n";

#[test]
fn cat_gives_columns_in_the_documents_own_form() {
    let place = Place::new();
    let key = place.put(ROWS, &[]);
    same_rows(ROWS, &place.ok(&["cat", &key]));
    let rows = "{\"a\":1}\n{\"a\":2.5}\n{\"a\":\"t\"}\n";
    same_rows(rows, &place.ok(&["cat", &key, "--columns", "a"]));
    let rows = "{\"b\":{\"c\":true}}\n{\"d.e\":\"x\"}\n{}\n";
    same_rows(rows, &place.ok(&["cat", &key, "--columns", "b,\"d.e\""]));
    same_rows(rows, &place.ok(&["cat", &key, "--columns", "b", "--column", "d.e"]));
    let key_of_comma = place.put("{\"a,b\":1,\"\":2,\"c\":3}\n", &["--append"]);
    let chosen = place.run(&["cat", &key_of_comma, "--column", "a,b", "--column", ""]);
    same_rows("{\"a,b\":1,\"\":2}\n", &chosen.stdout);
    contains_all(&chosen.stderr, &["note: no file that was read has a column \"\""]);
    // Values were rescued in the first file, and nope could be one of them.
    let absent = place.run(&["cat", &key, "--columns", "a,nope"]);
    same_rows("{\"a\":1}\n{\"a\":2.5}\n{\"a\":\"t\"}\n", &absent.stdout);
    contains_all(&absent.stderr, &["note: ", "nope"]);
    place.write("plain.json", "{\"a\":1}\n");
    let plain = first_line(&place.ok(&["put", "plain.json", "-c", "plain"]));
    let line = place.run(&["cat", &plain, "--columns", "a,nope"]).fails(1);
    contains_all(&line, &[&plain, "nope"]);
}

/// The rows of README's example: their nulls, the forms of their numbers and the order of their
/// fields come back too. Nothing here reads the JSON, so nothing can hide a difference.
#[test]
fn the_example_of_the_readme_comes_back_to_the_letter() {
    let place = Place::new();
    let key = first_line(&place.ok(&["put", MOVIES, "-c", "movies"]));
    let found = place.ok(&["cat", &key]);
    let source = fs::read_to_string(MOVIES).unwrap();
    assert_eq!(source.lines().count(), found.lines().count());
    for (row, (source, found)) in source.lines().zip(found.lines()).enumerate() {
        assert_eq!(without_white_space(source), without_white_space(found), "row {row}");
    }
}

#[test]
fn cat_shows_ids_where_they_are_asked_for() {
    let place = Place::new();
    let key = place.put("{\"a\":1}\n{\"_id\":\"q\",\"a\":2}\n{}\n", &[]);
    let bare = "{\"a\":1}\n{\"_id\":\"q\",\"a\":2}\n{}\n";
    same_rows(bare, &place.ok(&["cat", &key]));
    let ids: Vec<Value> = place
        .ok(&["cat", &key, "--with-id"])
        .lines()
        .map(|line| {
            assert!(line.starts_with("{\"_id\":") && line.matches("_id").count() == 1, "{line}");
            json(line)["_id"].clone()
        })
        .collect();
    assert_eq!(ids, [json!("0"), json!("q"), json!("2")]);
    let chosen = "{\"_id\":\"0\"}\n{\"_id\":\"q\"}\n{\"_id\":\"2\"}\n";
    assert_eq!(place.ok(&["cat", &key, "--columns", "_id"]), chosen);
    let key =
        place.put("{\"_id\":7,\"a\":1,\"b\":{\"_id\":1}}\n{\"b\":{\"_id\":2}}\n", &["--append"]);
    let shown = "{\"_id\":7,\"a\":1}\n{\"_id\":\"1\"}\n";
    same_rows(shown, &place.ok(&["cat", &key, "--columns", "a", "--with-id"]));
    let shown = "{\"_id\":7,\"b\":{\"_id\":1}}\n{\"_id\":\"1\",\"b\":{\"_id\":2}}\n";
    assert_eq!(place.ok(&["cat", &key, "--columns", "_id,b"]), shown);
}

#[test]
fn cat_stops_at_the_limit() {
    let place = Place::new();
    let key = place.put(&"{\"a\":1}\n".repeat(10), &["--row-group-rows", "3"]);
    for (limit, rows) in [("0", 0), ("1", 1), ("4", 4), ("10", 10), ("99", 10)] {
        assert_eq!(place.ok(&["cat", &key, "--limit", limit]).lines().count(), rows);
    }
}

#[test]
fn a_closed_pipe_ends_cat_quietly() {
    let place = Place::new();
    let many: String =
        (0..50_000).map(|n| format!("{{\"n\":{n},\"t\":\"some text\"}}\n")).collect();
    let key = place.put(&many, &[]);
    let mut child = place
        .command(&["cat", &key])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "{\"n\":0,\"t\":\"some text\"}\n");
    // The reader is dropped by now, as when `head` has gone.
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_standard_output_is_an_error() {
    let place = Place::new();
    let key = place.put(ROWS, &[]);
    for arguments in [
        &["cat", &key][..],
        &["ls"],
        &["inspect", &key],
        &["get", &key, "-o", "-"],
        &["verify"],
        &["verify", "--json"],
        &["rm", "--tenant", "0"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = place.command(arguments).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr.starts_with("error: cannot write to standard output"), "{stderr}");
    }
}

#[test]
fn missing_keys_say_where_was_looked() {
    let place = Place::new();
    place.put("{}", &[]);
    for command in ["cat", "get", "inspect"] {
        let line = place.run(&[command, "0/c/lsn-5-6.parquet"]).fails(1);
        contains_all(&line, &["0/c/lsn-5-6.parquet", "./coldpress-data", "coldpress ls"]);
        let line = place.run(&[command, "nothing"]).fails(1);
        contains_all(&line, &["nothing", if command == "cat" { "a key" } else { "not a key" }]);
    }
    assert!(!place.path("lsn-5-6.parquet").exists());
    let line = place.run(&["cat", "0/c/lsn-0-0.parquet", "--store", "elsewhere"]).fails(1);
    contains_all(&line, &["elsewhere"]);
    assert!(!place.path("elsewhere").exists(), "reading makes no folder");
}

#[test]
fn local_files_are_read_by_their_path() {
    let place = Place::new();
    let key = place.put(ROWS, &[]);
    fs::rename(place.path("coldpress-data"), place.path("moved")).unwrap();
    let path = format!("moved/{key}");
    for store in [&[][..], &["--store", "s3://bucket/without-credentials"]] {
        let by_file_name = place.path("moved").join("copy.parquet");
        fs::copy(place.path(&path), &by_file_name).unwrap();
        same_rows(ROWS, &place.ok(&[&["cat", "moved/copy.parquet"], store].concat()));
    }
    same_rows(ROWS, &place.ok(&["cat", &path]));
    contains_all(&place.ok(&["inspect", &path]), &["collection", "3 in 1 row group"]);
    place.write("junk.parquet", b"PAR1 this is not a file of ours PAR1");
    contains_all(&place.run(&["cat", "junk.parquet"]).fails(1), &["junk.parquet"]);
}

#[test]
fn a_damaged_object_is_an_error_for_cat_and_inspect() {
    let place = Place::new();
    let key = place.put(ROWS, &[]);
    let path = place.path("coldpress-data").join(&key);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    for command in ["cat", "inspect"] {
        contains_all(&place.run(&[command, &key]).fails(1), &[&key]);
    }
}

#[test]
fn ls_lists_in_order_and_filters() {
    let place = Place::new();
    let line = place.run(&["ls"]).fails(1);
    contains_all(&line, &["coldpress-data", "no such folder"]);
    fs::create_dir(place.path("coldpress-data")).unwrap();
    assert_eq!(place.ok(&["ls"]), "the store ./coldpress-data is empty\n");
    assert_eq!(place.ok(&["ls", "--json"]), "[]\n");
    for (tenant, collection, lsns) in
        [("10", "a", "0..4"), ("2", "b", "100..199"), ("2", "b", "20..29"), ("2", "a", "5..5")]
    {
        place.write("rows.json", "{}");
        place.ok(&["put", "rows.json", "-c", collection, "--tenant", tenant, "--lsn", lsns]);
    }
    place.write("seg-7", "log");
    assert_eq!(place.ok(&["wal", "put", "seg-7"]), "wal/seg-7\n");
    let keys = |options: &[&str]| -> Vec<String> {
        let text = place.ok(&[&["ls", "--json"], options].concat());
        let shown = place.ok(&[&["ls"], options].concat());
        let keys: Vec<String> = json(&text)
            .as_array()
            .unwrap()
            .iter()
            .map(|object| object["key"].as_str().unwrap().to_owned())
            .collect();
        let first_words: Vec<&str> =
            shown.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(first_words, keys, "the table shows the same");
        keys
    };
    let (a5, b20, b100, a10) = (
        "2/a/lsn-5-5.parquet",
        "2/b/lsn-20-29.parquet",
        "2/b/lsn-100-199.parquet",
        "10/a/lsn-0-4.parquet",
    );
    assert_eq!(keys(&[]), [a5, b20, b100, a10, "wal/seg-7"]);
    assert_eq!(keys(&["--tenant", "2"]), [a5, b20, b100]);
    assert_eq!(keys(&["--collection", "a"]), [a5, a10]);
    assert_eq!(keys(&["--tenant", "2", "--collection", "b"]), [b20, b100]);
    assert_eq!(keys(&["--lsn", "4..20"]), [a5, b20, a10]);
    assert_eq!(keys(&["--tenant", "2", "--collection", "b", "--lsn", "29..99"]), [b20]);
    assert_eq!(keys(&["--tenant", "2", "--lsn", "6..7"]), [""; 0]);

    let object =
        json(&place.ok(&["ls", "--json", "--collection", "a", "--tenant", "2"]))[0].clone();
    let bytes = fs::metadata(place.path("coldpress-data").join(a5)).unwrap().len();
    assert_eq!(object["bytes"], json!(bytes));
    assert_eq!((&object["min_lsn"], &object["max_lsn"]), (&json!(5), &json!(5)));
    let modified = object["modified"].as_str().unwrap();
    assert!(modified.starts_with("20") && modified.ends_with('Z'), "{modified}");
    let table = place.ok(&["ls"]);
    contains_all(&table, &["key", "size", "modified", " B  ", " UTC"]);
}

#[test]
fn get_writes_whole_files_and_replaces_none_unasked() {
    let place = Place::new();
    let key = place.put(ROWS, &[]);
    let stored = fs::read(place.path("coldpress-data").join(&key)).unwrap();
    assert_eq!(place.ok(&["get", &key]), "");
    assert_eq!(fs::read(place.path("lsn-0-2.parquet")).unwrap(), stored);
    let line = place.run(&["get", &key]).fails(1);
    contains_all(&line, &["lsn-0-2.parquet exists", "--force"]);

    place.write("out", "old");
    contains_all(&place.run(&["get", &key, "-o", "out"]).fails(1), &["out exists"]);
    assert_eq!(fs::read(place.path("out")).unwrap(), b"old");
    place.ok(&["get", &key, "-o", "out", "--force"]);
    assert_eq!(fs::read(place.path("out")).unwrap(), stored);

    let output = place.command(&["get", &key, "-o", "-"]).output().unwrap();
    assert_eq!(output.stdout, stored);
    contains_all(
        &place.run(&["get", &key, "-o", "no/folder"]).fails(1),
        &["the folder no does not exist"],
    );
    contains_all(&place.run(&["get", &key, "-o", "."]).fails(1), &["folder"]);
    let names: Vec<String> = fs::read_dir(place.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("coldpress-get"))
        .collect();
    assert_eq!(names, [""; 0], "no temporary file is left");
}

#[test]
fn segments_are_put_once_and_come_back() {
    let place = Place::new();
    place.write("seg", b"\0\x01log");
    assert_eq!(place.ok(&["wal", "put", "seg"]), "wal/seg\n");
    let report = json(&place.ok(&["wal", "put", "seg", "--name", "a/b", "--json"]));
    let expected = json!({
        "key": "wal/a%2Fb", "segment": "a/b", "node": null, "store": "./coldpress-data",
        "bytes": report["bytes"], "crc32c": report["crc32c"], "already_there": false,
    });
    assert_eq!(report, expected);
    assert_eq!(place.ok(&["wal", "put", "seg"]), "wal/seg\n", "the same content is success");
    place.write("seg", "other");
    contains_all(&place.run(&["wal", "put", "seg"]).fails(1), &["wal/seg", "other content"]);
    let output = place.command(&["get", "wal/seg", "-o", "-"]).output().unwrap();
    assert_eq!(output.stdout, b"\0\x01log");
    contains_all(&place.run(&["wal", "put", "missing"]).fails(1), &["missing", "No such file"]);
    place.run(&["wal", "put", "seg", "--name", ""]).fails(2);
    // The record of what was refused is taken back.
    let files =
        ["wal/a%2Fb", "wal/a%2Fb~crc32c-ca70e5ed-5", "wal/seg", "wal/seg~crc32c-ca70e5ed-5"];
    assert_eq!(place.stored_files(), files);
}

#[test]
fn inspect_tells_the_facts_of_the_file() {
    let place = Place::new();
    place.ok(&["put", MOVIES, "-c", "movies", "--tenant", "4", "--lsn", "0..9999"]);
    let key = "4/movies/lsn-0-9999.parquet";
    let facts = json(&place.ok(&["inspect", key, "--json"]));
    let bytes = fs::metadata(place.path("coldpress-data").join(key)).unwrap().len();
    let parts =
        [("rows", 3201), ("tenant_id", 4), ("min_lsn", 0), ("max_lsn", 9999), ("bytes", bytes)];
    for (name, value) in parts {
        assert_eq!(facts[name], json!(value), "{name}");
    }
    assert!(facts["created_by"].as_str().unwrap().contains("coldpress"));
    let id = &facts["row_groups"][0]["columns"][0];
    assert_eq!(
        (&id["column"], &id["bloom_filter"], &id["values"]),
        (&json!("_id"), &json!(false), &json!(3201))
    );
    for column in facts["row_groups"][0]["columns"].as_array().unwrap() {
        assert!(!column["encodings"].as_array().unwrap().is_empty(), "{column}");
        assert_eq!(
            (&column["column_index"], &column["offset_index"]),
            (&json!(true), &json!(true))
        );
    }

    let shown = place.ok(&["inspect", key]);
    contains_all(
        &shown,
        &[
            key,
            "3,201 in 1 row group",
            "created by",
            "collection",
            "movies",
            "0..9999",
            "schema",
            "row group 0: 3,201 rows",
            "encodings",
            "compressed",
            "uncompressed",
            "nulls",
            "min",
            "max",
            "Rotten Tomatoes Rating",
            "_rescued_data",
        ],
    );
    assert!(shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
    assert!(!shown.contains('\x1b'));
}

#[test]
fn inspect_tells_of_a_bloom_filter_where_it_is_worth_its_bytes() {
    let place = Place::new();
    // Hexadecimal digits in no order.
    let digits = |at: u64, factor: u64| at.wrapping_mul(factor).rotate_left(17);
    let id = |at| {
        let first = digits(at, 0x9E37_79B9_7F4A_7C15);
        format!("{first:016x}{:016x}", digits(first, 0xD134_2543_DE82_EF95))
    };
    let rows: String = (0..6_000).map(|at| format!("{{\"_id\":\"{}\"}}\n", id(at))).collect();
    let key = place.put(&rows, &[]);
    let facts = json(&place.ok(&["inspect", &key, "--json"]));
    assert_eq!(facts["row_groups"][0]["columns"][0]["bloom_filter"], json!(true));
    contains_all(&place.ok(&["inspect", &key]), &["bloom page"]);
}

#[test]
fn inspect_shows_the_field_ids_that_a_schema_states() {
    let place = Place::new();
    place.write(
        "schema.json",
        r#"{"columns":[{"name":"a","type":"string","field_id":7},{"name":"l","type":"list",
            "element":{"type":"int64","field_id":9},"field_id":8}],"id_field_id":1}"#,
    );
    let rows = "{\"a\":\"x\",\"l\":[1]}\n";
    let key = place.put(rows, &["--schema", "schema.json"]);
    same_rows(rows, &place.ok(&["cat", &key]));
    let shown = place.ok(&["inspect", &key]);
    contains_all(&shown, &["field id"]);
    let facts = json(&place.ok(&["inspect", &key, "--json"]));
    let columns = facts["row_groups"][0]["columns"].as_array().unwrap();
    let ids: Vec<&Value> = columns.iter().map(|column| &column["field_id"]).collect();
    assert_eq!(ids, [&json!(1), &json!(7), &json!(9), &Value::Null]);
    assert!(facts["schema"].to_string().contains("\"field_id\":8"), "{facts}");
}

#[test]
fn inspect_draws_nested_columns_as_a_tree() {
    let place = Place::new();
    let key = place.put(
        "{\"a\":{\"b\":1,\"c\":[{\"d\":\"x\"}]},\"tags\":[\"t\"],\"none\":null,\"ev\\nil\":1}\n{\"a\":{\"b\":2}}\n{\"a\":5}\n",
        &[],
    );
    let shown = place.ok(&["inspect", &key]);
    contains_all(
        &shown,
        &["├─ b", "└─ c", "└─ element", "└─ d", "list<string>", "ev\\nil", "null: no value"],
    );
    assert!(!shown.contains("field id"), "{shown}");
    let facts = json(&place.ok(&["inspect", &key, "--json"]));
    let columns = facts["row_groups"][0]["columns"].as_array().unwrap();
    assert_eq!(columns.last().unwrap()["column"], json!("_rescued_data"));
}
