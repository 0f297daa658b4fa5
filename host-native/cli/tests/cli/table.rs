//! `coldpress table`, and what the other commands do where a collection has a log.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Place, Ran, contains_all, json};

/// Puts rows behind the others, and makes the collection a table.
fn append(place: &Place, text: &str) -> String {
    place.put(text, &["--append", "--table"])
}

fn files(place: &Place) -> Vec<Value> {
    place.ok(&["table", "files", "-c", "c", "--json"]).lines().map(json).collect()
}

fn history(place: &Place) -> Vec<Value> {
    place.ok(&["table", "history", "-c", "c", "--json"]).lines().map(json).collect()
}

#[test]
fn a_put_makes_a_table_and_the_next_ones_grow_it() {
    let place = Place::new();
    append(&place, "{\"n\":1}\n{\"n\":2}\n");
    // What is a table stays one without the option.
    place.put("{\"n\":\"three\",\"new\":true}\n", &["--append"]);
    let rows: Vec<Value> = files(&place);
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!((&rows[0]["path"], &rows[0]["rows"]), (&"lsn-0-1.parquet".into(), &2.into()));
    assert_eq!(rows[1]["lsns"], serde_json::json!(["2..2"]));
    assert_eq!(rows[0]["stats"]["maxValues"]["n"], 2);
    let versions = history(&place);
    let numbers: Vec<_> = versions.iter().map(|version| version["version"].as_u64()).collect();
    assert_eq!(numbers, [Some(1), Some(0)]);
    assert!(versions[0]["engine"].as_str().unwrap().starts_with("coldpress/"), "{versions:?}");
    assert_eq!(versions[0]["rows_added"], 1);
    // A text where the table has numbers is rescued; a new field is a column.
    let schema = place.ok(&["table", "schema", "-c", "c"]);
    contains_all(&schema, &[r#""name": "n", "type": "int64""#, r#""name": "new""#]);
    let delta = json(&place.ok(&["table", "schema", "-c", "c", "--delta"]));
    let names: Vec<_> =
        delta["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str()).collect();
    assert_eq!(names, [Some("_id"), Some("n"), Some("_rescued_data"), Some("new")]);
    let rows = place.ok(&["cat", "-c", "c"]);
    assert_eq!(rows, "{\"n\":1}\n{\"n\":2}\n{\"n\":\"three\",\"new\":true}\n");
}

#[test]
fn what_the_log_does_not_have_is_nowhere_until_it_is_adopted() {
    let place = Place::new();
    append(&place, "{\"n\":1}\n");
    // A device uploaded a file, and its receipt never came.
    let other = Place::new();
    other.put("{\"n\":2}\n", &["--lsn", "1..1"]);
    let name = "coldpress-data/0/c/lsn-1-1.parquet";
    fs::copy(other.path(name), place.path(name)).unwrap();
    assert_eq!(place.ok(&["cat", "-c", "c"]), "{\"n\":1}\n");
    assert_eq!(json(&place.ok(&["ls", "--json"])).as_array().unwrap().len(), 1);
    let adopted = json(&place.ok(&["table", "adopt", "-c", "c", "--json"]));
    assert_eq!(adopted["adopted"], serde_json::json!(["0/c/lsn-1-1.parquet"]));
    assert_eq!((&adopted["known"], &adopted["version"]), (&1.into(), &1.into()));
    assert_eq!(place.ok(&["cat", "-c", "c"]), "{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(
        place.ok(&["table", "adopt", "-c", "c"]),
        "adopted 0 files; the table has version 1\n"
    );
}

#[test]
fn a_collection_of_files_becomes_a_table() {
    let place = Place::new();
    place.put("{\"n\":1}\n", &["--append"]);
    place.put("{\"n\":2,\"m\":1.5}\n", &["--append"]);
    let failure = place.run(&["table", "files", "-c", "c"]).fails(1);
    contains_all(&failure, &["is no table", "coldpress table adopt"]);
    place.run(&["table", "history", "-c", "c"]).fails(1);
    place.run(&["table", "schema", "-c", "nothing"]).fails(1);
    assert_eq!(
        place.ok(&["table", "adopt", "-c", "c"]),
        "adopted 2 files; the table has version 0\n"
    );
    assert_eq!(files(&place).len(), 2);
    // The first put with the option adopts as well.
    let place = Place::new();
    place.put("{\"n\":1}\n", &["--append"]);
    append(&place, "{\"n\":2}\n");
    assert_eq!(files(&place).len(), 2);
}

#[test]
fn a_file_that_does_not_fit_is_refused_and_nothing_is_stored() {
    let place = Place::new();
    append(&place, "{\"n\":1}\n");
    let before = place.stored_files();
    place.write("rows.json", "{\"n\":\"text\"}\n");
    let put = ["put", "rows.json", "-c", "c", "--append", "--new-schema"];
    let failure = place.run(&put).fails(1);
    contains_all(&failure, &["\"n\"", "string", "int64"]);
    assert_eq!(place.stored_files(), before);
    // Files of before the table that do not fit one another are named.
    let place = Place::new();
    place.put("{\"n\":1}\n", &["--append"]);
    place.put("{\"n\":\"text\"}\n", &["--append", "--new-schema"]);
    let ran = place.run(&["table", "adopt", "-c", "c"]);
    assert_eq!(ran.code, Some(1));
    contains_all(&ran.stdout, &["adopted 1 file", "passed over 0/c/lsn-1-1.parquet", "string"]);
    assert!(ran.stderr.starts_with("error: 1 file cannot be in the table"), "{}", ran.stderr);
}

#[test]
fn rm_takes_files_out_of_the_table_and_scans_leave_files_out_by_the_log() {
    let place = Place::new();
    for n in 0..4 {
        append(&place, &format!("{{\"n\":{n}}}\n"));
    }
    place.ok(&["rm", "0/c/lsn-1-1.parquet", "--yes"]);
    assert_eq!(place.ok(&["cat", "-c", "c"]), "{\"n\":0}\n{\"n\":2}\n{\"n\":3}\n");
    // Its object stays for readers of the older version.
    assert!(place.path("coldpress-data/0/c/lsn-1-1.parquet").exists());
    let ran = place.run(&["cat", "-c", "c", "--where", "n >= 3", "--explain"]);
    assert_eq!(ran.stdout, "{\"n\":3}\n");
    contains_all(&ran.stderr, &["3: 2 left out by statistics", "1 opened"]);
    // A removed file is not adopted again.
    let ran = place.run(&["table", "adopt", "-c", "c"]);
    assert_eq!(ran.code, Some(1));
    contains_all(&ran.stdout, &["adopted 0 files", "the table has removed it"]);
}

#[test]
fn sixteen_writers_at_once_commit_each_file_once() {
    let place = Place::new();
    let mut running = Vec::new();
    for n in 0..16 {
        let name = format!("rows-{n}");
        place.write(&name, format!("{{\"n\":{n}}}\n"));
        let mut command = place.command(&["put", &name, "-c", "c", "--append", "--table"]);
        running.push(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    }
    for child in running {
        let ran = Ran::new(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    }
    let mut found: Vec<u64> = place
        .ok(&["cat", "-c", "c"])
        .lines()
        .map(|line| json(line)["n"].as_u64().unwrap())
        .collect();
    found.sort_unstable();
    assert_eq!(found, (0..16).collect::<Vec<_>>());
    assert_eq!(files(&place).len(), 16);
    let entries = fs::read_dir(place.path("coldpress-data/0/c/_delta_log")).unwrap();
    let mut entries: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    entries.sort();
    let wanted: Vec<_> = (0..entries.len()).map(|version| format!("{version:020}.json")).collect();
    assert_eq!(entries, wanted, "versions without a gap");
}

#[test]
fn a_damaged_log_is_named() {
    let place = Place::new();
    append(&place, "{\"n\":1}\n");
    let entry = "coldpress-data/0/c/_delta_log/00000000000000000000.json";
    place.write(entry, "{\"add\":");
    for command in [&["cat", "-c", "c"][..], &["table", "files", "-c", "c"], &["ls", "-c", "c"]] {
        let failure = place.run(command).fails(1);
        contains_all(&failure, &["00000000000000000000.json"]);
    }
}
