//! Appends by way of the command: at the same moment, run again, broken off, with nobody to tell.

use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::{Place, Ran, contains_all, json};

/// Makes many objects of few rows.
// `--row-group-size` is the old name of `--row-group-bytes`, and still works.
const SMALL: [&str; 6] = ["-c", "c", "--row-group-size", "10KiB", "--file-size", "1B"];

fn rows(range: std::ops::Range<usize>) -> String {
    range.map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

/// Every row of the collection, sorted, and no LSN twice.
fn stored(place: &Place) -> Vec<usize> {
    let listed = json(&place.ok(&["ls", "--json"]));
    let mut files: Vec<(u64, u64, &str)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            let lsn = |name: &str| file[name].as_u64().unwrap();
            (lsn("min_lsn"), lsn("max_lsn"), file["key"].as_str().unwrap())
        })
        .collect();
    files.sort_unstable();
    assert!(files.windows(2).all(|pair| pair[0].1 < pair[1].0), "{files:?}");
    let text: String = files.iter().map(|(.., key)| place.ok(&["cat", key])).collect();
    let number = |line: &str| json(line)["n"].as_u64().unwrap() as usize;
    let mut found: Vec<usize> = text.lines().map(number).collect();
    found.sort_unstable();
    found
}

/// Where two lists of rows part, in few words.
#[track_caller]
fn assert_rows(found: &[usize], wanted: impl IntoIterator<Item = usize>) {
    let wanted: Vec<usize> = wanted.into_iter().collect();
    let parted = found.iter().zip(&wanted).find(|(found, wanted)| found != wanted);
    assert!(found == wanted, "{} of {} rows, {parted:?}", found.len(), wanted.len());
}

#[test]
fn sixteen_appends_at_once_store_every_row_once() {
    let place = Place::new();
    let mut first = 0;
    let mut running = Vec::new();
    for count in 1..=16 {
        let name = format!("rows-{count}");
        place.write(&name, rows(first..first + count));
        first += count;
        let mut command = place.command(&["put", &name, "-c", "c", "--append"]);
        running.push(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    }
    for child in running {
        let ran = Ran::new(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    }
    assert_rows(&stored(&place), 0..first);
    assert!(place.stored_files().iter().all(|name| name.ends_with(".parquet")));
}

#[test]
fn what_is_stored_is_told_where_the_summary_cannot_be() {
    let place = Place::new();
    place.write("rows", rows(0..3));
    let full = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.stdout(File::options().write(true).open("/dev/full").unwrap());
        let is_restore = arguments.starts_with(&["wal", "get"]);
        // PostgreSQL would take 1 for the end of the log.
        let code = if is_restore { 126 } else { 1 };
        Ran::new(command.stderr(Stdio::piped()).output().unwrap()).fails(code)
    };
    let put = ["put", "rows", "-c", "c"];
    let told = ["cannot write to standard output", "all is stored, 3 rows in 0/c/lsn-0-2.parquet"];
    let line = full(&put);
    contains_all(&line, &told);
    assert!(line.ends_with("the same command again stores nothing twice"), "{line}");
    let line = full(&[&put[..], &["--append", "--json"]].concat());
    contains_all(&line, &["3 rows in 0/c/lsn-3-5.parquet", "would store them a second time"]);
    let line = full(&[&put[..], &["--append-id", "a"]].concat());
    contains_all(&line, &["3 rows in 0/c/lsn-6-8.parquet", "stores nothing twice"]);

    contains_all(
        &full(&["wal", "put", "rows", "--name", "01"]),
        &["stored: wal/01", "safe to run the same"],
    );
    let line = full(&["wal", "put", "rows", "--name", "01", "--json"]);
    contains_all(&line, &["stored: wal/01"]);
    contains_all(&full(&["wal", "get", "01", "back", "--json"]), &["the segment is in back"]);
    contains_all(&full(&["wal", "restore", "--to", "log"]), &["all is restored", "1 segment"]);
    fs::create_dir(place.path("wal")).unwrap();
    place.write("wal/02", "x");
    place.write("wal/03", "x");
    contains_all(&full(&["wal", "archive", "wal"]), &["1 segment archived"]);
    let line = full(&["wal", "rm", "01", "--yes"]);
    contains_all(&line, &["cannot write to standard output", "1 segment: deleted: 01"]);
    let line = full(&["rm", "--tenant", "0", "--yes"]);
    contains_all(&line, &["cannot write to standard output", "3 files", ": deleted"]);
    let line = place.run(&["ls", "--tenant", "0"]).fails(1);
    assert!(line.contains("no data of tenant 0"), "{line}");
    let line = full(&["token", "--tenant", "1", "--append", "tokens"]);
    contains_all(&line, &["is in tokens", "delete that line"]);
}

#[test]
fn an_append_that_failed_says_how_to_go_on() {
    let place = Place::new();
    let good = rows(0..5_000);
    let bad = format!("{good}{{\"n\":}}\n");
    let put = |more: &[&str], text: &str| {
        place.run_with_input(&[&["put", "-"][..], &SMALL, more].concat(), text.as_bytes())
    };
    let line = put(&["--append"], &bad).fails(1);
    contains_all(&line, &["line 5001", "rows are stored, in", "and run: "]);
    let command = line.split("and run: ").nth(1).unwrap();
    assert!(command.contains("put - -c c --row-group-size 10KiB"), "{command}");
    let whole = rows(0..5_002);
    // The very command that it says, by a shell.
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(place.path("."));
    let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(whole.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_rows(&stored(&place), 0..5_002);

    let place = Place::new();
    place.write("rows", &bad);
    let line = place.run(&[&["put", "rows", "--append"][..], &SMALL].concat()).fails(1);
    assert!(line.contains("line 5001") && line.ends_with("; nothing is stored"), "{line}");
    assert_eq!(place.stored_files(), [""; 0]);
}

#[test]
fn an_append_with_an_id_is_run_again_by_the_same_command() {
    let place = Place::new();
    let put = |text: &str| {
        let arguments = [&["put", "-", "--append-id", "night of day 1"][..], &SMALL].concat();
        place.run_with_input(&arguments, text.as_bytes())
    };
    let line = put(&format!("{}{{\"n\":}}\n", rows(0..5_000))).fails(1);
    contains_all(&line, &["line 5001", "run the same command again to continue after them"]);
    place.put(&rows(9_000..9_003), &["--append"]);
    put(&rows(0..5_000)).ok();
    assert_rows(&stored(&place), (0..5_000).chain(9_000..9_003));
    let files = place.stored_files();
    let report = put(&rows(0..5_000)).ok();
    contains_all(&report, &["already there", "counted, not compared"]);
    assert!(!report.contains("the same content"), "{report}");
    assert_eq!(place.stored_files(), files);
    let line = put(&rows(0..4_999)).fails(1);
    contains_all(
        &line,
        &["4999 rows, but 5000 rows of this append are stored", "this run stored nothing"],
    );
    let both = place.run(&["put", "rows.json", "-c", "c", "--append-id", "a", "--lsn", "0..9"]);
    assert_eq!(both.code, Some(2));
}

#[cfg(unix)]
#[test]
fn a_signal_tells_what_is_stored() {
    let place = Place::new();
    // More than waits anywhere on the way: once it is written, some objects are stored.
    let pad = "x".repeat(1_000);
    let text: String = (0..14_000).map(|n| format!("{{\"n\":{n},\"pad\":\"{pad}\"}}\n")).collect();
    let cut = ["--row-group-size", "1MiB", "--file-size", "1B"];
    let arguments = [&["put", "-", "-c", "c", "--append"][..], &cut].concat();
    let mut child = place
        .command(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ran = Ran::new(child.wait_with_output().unwrap());
    drop(stdin);
    let line = ran.fails(130);
    contains_all(
        &line,
        &["error: interrupted; the first ", " rows are stored, in ", "--skip-rows "],
    );
    let skipped = line.rsplit(' ').next().unwrap();
    let more = [&arguments[..], &["--skip-rows", skipped]].concat();
    place.run_with_input(&more, text.as_bytes()).ok();
    // What was being stored when the signal came may be there or not: the next run finds out.
    assert_rows(&stored(&place), 0..14_000);
}

#[test]
fn an_append_keeps_the_types_of_its_collection_and_says_what_does_not_fit() {
    let place = Place::new();
    place.write("one", r#"{"t":21}{"t":22}"#);
    place.write("two", r#"{"t":21.5,"new":true}"#);
    let append = |file: &str, more: &[&str]| {
        place.ok(&[&["put", file, "-c", "c", "--append"][..], more].concat())
    };
    append("one", &[]);
    let printed = append("two", &[]);
    contains_all(&printed, &["rescued", "t: 1", "--new-schema", "--schema"]);
    let schema = |key: &str| json(&place.ok(&["inspect", key, "--json"]))["schema"].to_string();
    let kept = schema("0/c/lsn-2-2.parquet");
    contains_all(&kept, &[r#"{"name":"t","type":"int64"#, r#"{"name":"new","type":"boolean""#]);
    let back = place.ok(&["cat", "0/c/lsn-2-2.parquet"]);
    assert_eq!(json(&back), json(r#"{"t":21.5,"new":true}"#));
    assert!(!append("two", &["--new-schema"]).contains("rescued"));
    assert!(schema("0/c/lsn-3-3.parquet").contains(r#"{"name":"t","type":"float64""#));
    let refused = place.run(&["put", "one", "-c", "c", "--new-schema", "--schema", "x"]).fails(2);
    assert!(refused.contains("--new-schema"), "{refused}");
}

#[test]
fn a_first_append_says_nothing_of_kept_types_and_an_empty_name_is_shown() {
    let place = Place::new();
    place.write("mixed", r#"{"":1,"n":"a"}{"n":"b"}{"n":3}"#);
    let printed = place.ok(&["put", "mixed", "-c", "c", "--append"]);
    contains_all(&printed, &["\"\": 1", "n: 1"]);
    assert!(!printed.contains("--new-schema"), "{printed}");
    assert!(place.ok(&["put", "mixed", "-c", "c", "--append"]).contains("--new-schema"));
}

#[test]
fn appends_that_begin_a_collection_at_once_give_each_column_one_type() {
    let place = Place::new();
    place.write("ints", "{\"n\":1}\n".repeat(5));
    place.write("doubles", "{\"n\":1.5}\n".repeat(5));
    let puts: Vec<_> = (0..6)
        .map(|n| {
            let file = if n % 2 == 0 { "ints" } else { "doubles" };
            let mut put = place.command(&["put", file, "-c", "c", "--append"]);
            put.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for put in puts {
        Ran::new(put.wait_with_output().unwrap()).ok();
    }
    let listed = json(&place.ok(&["ls", "--json"]));
    let of_doubles = |file: &serde_json::Value| {
        let schema = json(&place.ok(&["inspect", file["key"].as_str().unwrap(), "--json"]));
        schema["schema"].to_string().contains("float64")
    };
    let files = listed.as_array().unwrap();
    let doubles = files.iter().filter(|file| of_doubles(file)).count();
    assert!(files.len() == 6 && (doubles == 0 || doubles == 6), "{doubles} of {listed}");
}

#[test]
fn a_put_of_given_lsns_keeps_the_columns_of_the_object_before_it() {
    let place = Place::new();
    place.write("one", r#"{"t":21}{"t":22}"#);
    place.write("two", r#"{"t":21.5,"new":true}"#);
    let put = |file: &str, lsns: &str, more: &[&str]| {
        place.run(&[&["put", file, "-c", "c", "--lsn", lsns][..], more].concat())
    };
    let inspected = |key: &str| json(&place.ok(&["inspect", key, "--json"]));
    let schema = |key: &str| inspected(key)["schema"].to_string();
    put("one", "10..11", &[]).ok();
    let printed = put("two", "20..20", &[]).ok();
    contains_all(&printed, &["rescued", "t: 1", "--new-schema", "--schema"]);
    let kept = schema("0/c/lsn-20-20.parquet");
    contains_all(&kept, &[r#"{"name":"t","type":"int64"#, r#"{"name":"new","type":"boolean""#]);
    // What comes behind it changes nothing: the same rows are the same bytes.
    place.put(r#"{"t":1,"newer":2}"#, &["--append"]);
    contains_all(&put("two", "20..20", &[]).ok(), &["already there"]);
    put("one", "30..31", &[]).ok();
    assert!(schema("0/c/lsn-30-31.parquet").contains(r#""newer""#));
    put("two", "40..40", &["--new-schema"]).ok();
    assert!(schema("0/c/lsn-40-40.parquet").contains(r#"{"name":"t","type":"float64""#));
    // An object before it that cannot be read.
    place.write("coldpress-data/0/c/lsn-40-40.parquet", "no parquet");
    let line = put("one", "50..51", &[]).fails(1);
    contains_all(&line, &["0/c/lsn-40-40.parquet", "restore it", "--new-schema"]);
    put("one", "50..51", &["--new-schema"]).ok();
}

#[test]
fn columns_that_another_id_forbids_name_their_object_and_the_ways_out() {
    let place = Place::new();
    place.write("rows", r#"{"_id":7}"#);
    let put = |more: &[&str]| place.run(&[&["put", "rows", "-c", "c"][..], more].concat());
    put(&["--lsn", "1..1", "--id", "_id"]).ok();
    for how in [&["--append"][..], &["--lsn", "2..2"]] {
        let line = put(how).fails(1);
        contains_all(&line, &["0/c/lsn-1-1.parquet", "\"_id\"", "--id", "--new-schema"]);
        put(&[how, &["--id", "_id"]].concat()).ok();
    }
}

#[test]
fn a_put_before_all_other_objects_agrees_with_the_types_of_the_last_one() {
    let place = Place::new();
    place.write("later", r#"{"s":{"t":21},"n":null}"#);
    place.write("rows", r#"{"s":{"t":21.5}}"#);
    place.write("same", r#"{"s":{"t":7},"n":"x","new":[1]}"#);
    place.ok(&["put", "later", "-c", "c", "--lsn", "10..10"]);
    let before = place.stored_files();
    for first in [&["put", "rows", "-c", "c"][..], &["put", "-", "-c", "c", "--lsn", "3..3"]] {
        let line = place.run_with_input(first, br#"{"s":{"t":21.5}}"#).fails(1);
        let types = ["0/c/lsn-10-10.parquet", "\"s.t\"", "float64", "int64"];
        contains_all(&line, &[&types[..], &["--append", "--schema", "--new-schema"]].concat());
        assert_eq!(place.stored_files(), before, "nothing is left behind");
    }
    place.ok(&["put", "same", "-c", "c", "--lsn", "1..1"]);
    place.ok(&["put", "rows", "-c", "c", "--new-schema"]);
    // It is stored, so the same command succeeds, whatever is behind it.
    contains_all(&place.ok(&["put", "rows", "-c", "c"]), &["already there"]);
}

#[test]
fn an_append_behind_a_damaged_object_says_what_to_do() {
    let place = Place::new();
    let key = place.put("{}", &["--append"]);
    place.write(&format!("coldpress-data/{key}"), "no parquet");
    place.write("rows", "{}");
    let line = place.run(&["put", "rows", "-c", "c", "--append"]).fails(1);
    contains_all(&line, &[&key, "restore it", "--new-schema"]);
    assert_eq!(place.put("{}", &["--append", "--new-schema"]), "0/c/lsn-1-1.parquet");
}
