//! `verify` and `rm`: what is damaged is told, and nothing goes that was not named.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Place, Ran, contains_all, json};
use crate::stub::{Bucket, Reply, Stub};

/// A store with data of two tenants, a segment, and what strangers and a killed put left.
fn filled() -> Place {
    let place = Place::new();
    let rows = |n: usize| "{\"a\":1}\n".repeat(n);
    place.put(&rows(10), &["--tenant", "7", "--lsn", "0..9"]);
    place.put(&rows(10), &["--tenant", "7", "--lsn", "10..19"]);
    place.put(&rows(10), &["--tenant", "7", "--lsn", "20..29"]);
    place.put(&rows(3), &["--tenant", "8"]);
    place.ok(&["put", "rows.json", "-c", "a b", "--tenant", "7"]);
    place.ok(&["wal", "put", "rows.json", "--name", "0001"]);
    fs::write(place.path("coldpress-data/7/c/notes.txt"), "mine").unwrap();
    fs::write(place.path("coldpress-data/7/c/.coldpress-0123456789abcdef#0"), "half").unwrap();
    place
}

fn damage(place: &Place, key: &str) {
    let path = place.path("coldpress-data").join(key);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

fn json_lines(text: &str) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = text.lines().map(json).collect();
    let total = lines.pop().unwrap()["total"].take();
    (lines, total)
}

#[test]
fn verify_finds_all_whole_and_names_leftovers() {
    let place = filled();
    let printed = place.ok(&["verify"]);
    contains_all(&printed, &["ok", "7/c/lsn-10-19.parquet", "7/a%20b/lsn-0-2.parquet", "8/c/"]);
    contains_all(
        &printed,
        &["leftover staged file of a put", "7/c/.coldpress-0123456789abcdef#0 (4 B"],
    );
    assert!(
        printed.ends_with(": all undamaged\n") && printed.contains("5 files, 36 rows"),
        "{printed}"
    );
    assert!(!printed.contains("wal/") && !printed.contains("notes.txt"), "{printed}");
    let named = place.ok(&["verify", "-v"]);
    contains_all(
        &named,
        &[
            "not a Coldpress object: 7/c/notes.txt\n",
            "ignored 1 name that is not a Coldpress object\n",
        ],
    );

    let (lines, total) = json_lines(&place.ok(&["verify", "--json"]));
    let states: Vec<_> = lines.iter().map(|line| line["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["ok", "ok", "ok", "ok", "ok", "leftover"]);
    assert_eq!(lines[0]["key"], "7/a%20b/lsn-0-2.parquet");
    assert_eq!((&lines[1]["rows"], &lines[1]["whole_file_checksum"]), (&json!(10), &json!(true)));
    assert_eq!(
        (&total["files"], &total["ok"], &total["leftovers"], &total["foreign_names"]),
        (&json!(5), &json!(5), &json!(1), &json!(1))
    );

    let chosen = place.ok(&["verify", "--tenant", "7", "-c", "a b"]);
    assert!(chosen.contains("1 file, 3 rows") && !chosen.contains("leftover"), "{chosen}");
    let by_key = place.ok(&["verify", "8/c/lsn-0-2.parquet", "7/c/lsn-0-9.parquet"]);
    contains_all(&by_key, &["2 files, 13 rows", "all undamaged"]);
    assert!(!by_key.contains("leftover"), "{by_key}");
    contains_all(&printed, &["ignored 1 name that is not a Coldpress object; -v lists it\n"]);
}

#[test]
fn verify_tells_what_is_damaged_and_missing_and_exits_with_1() {
    let place = filled();
    damage(&place, "7/c/lsn-10-19.parquet");
    // A whole file, at the key of another tenant.
    let from = place.path("coldpress-data/8/c/lsn-0-2.parquet");
    fs::rename(from, place.path("coldpress-data/7/c/lsn-100-102.parquet")).unwrap();
    let ran = place.run(&["verify"]);
    assert_eq!(ran.code, Some(1));
    contains_all(
        &ran.stdout,
        &[
            "damaged  7/c/lsn-10-19.parquet",
            "damaged  7/c/lsn-100-102.parquet",
            "7/c/lsn-10-19.parquet: ",
            "made for tenant 8",
            "ok       7/c/lsn-20-29.parquet",
            "2 damaged",
        ],
    );
    assert!(ran.stderr.starts_with("error: of 5 files, 2 damaged"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);

    let keys = ["7/c/lsn-10-19.parquet", "7/c/lsn-77-77.parquet", "7/c/lsn-0-9.parquet"];
    let ran = place.run(&[&["verify", "--json"], &keys[..]].concat());
    assert_eq!(ran.code, Some(1));
    let (lines, total) = json_lines(&ran.stdout);
    let found: Vec<_> = lines.iter().map(|line| (&line["key"], &line["state"])).collect();
    let states = ["damaged", "missing", "ok"].map(Value::from);
    assert_eq!(found, keys.map(Value::from).iter().zip(&states).collect::<Vec<_>>());
    assert!(lines[0]["error"].as_str().unwrap().contains("damaged"));
    assert_eq!((&total["damaged"], &total["missing"]), (&json!(1), &json!(1)));

    // What cannot be checked ends the run, and the rest does not pass for whole.
    let ran = place.run(&["verify", "7/c/lsn-0-9.parquet", "wal/0001", "7/c/lsn-20-29.parquet"]);
    assert_eq!(ran.code, Some(1));
    contains_all(&ran.stderr, &["wal/0001", "coldpress wal verify"]);
    contains_all(&ran.stdout, &["ok ", "1 file, 10 rows", "the other files were not checked"]);
}

#[test]
fn verify_finds_files_that_hold_the_same_lsns() {
    let place = filled();
    let folder = place.path("coldpress-data/7/c");
    let wide = "lsn-00000000000000000010-00000000000000000019.parquet";
    fs::copy(folder.join("lsn-10-19.parquet"), folder.join(wide)).unwrap();
    let ran = place.run(&["verify", "--tenant", "7"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    contains_all(&ran.stdout, &["overlap: 7/c/lsn-", wide, "hold the same LSNs", "1 overlapping"]);
    contains_all(&ran.stderr, &["1 overlapping", "read twice", "coldpress rm"]);
    let ran = place.run(&["verify", "--json"]);
    let (lines, total) = json_lines(&ran.stdout);
    assert!(lines.iter().any(|line| line["state"] == "overlap" && line["keys"][1].is_string()));
    assert_eq!((ran.code, &total["overlaps"]), (Some(1), &json!(1)));
    place.ok(&["verify", "7/c/lsn-10-19.parquet"]);
}

#[test]
fn rm_shows_first_and_deletes_with_yes_alone() {
    let place = filled();
    let before = place.stored_files();
    let dry = place.ok(&["rm", "--tenant", "7"]);
    contains_all(&dry, &["7/a%20b/lsn-0-2.parquet", "7/c/lsn-0-9.parquet", "4 files, "]);
    assert!(dry.ends_with("; nothing was deleted; add --yes to delete\n"), "{dry}");
    assert!(!dry.contains("8/c") && !dry.contains("notes") && !dry.contains("wal"), "{dry}");
    assert_eq!(place.stored_files(), before);

    let done = place.ok(&["rm", "--tenant", "7", "--yes"]);
    contains_all(&done, &["7/c/lsn-20-29.parquet", "4 files, "]);
    assert!(done.ends_with(": deleted\n"), "{done}");
    let left =
        ["7/c/.coldpress-0123456789abcdef#0", "7/c/notes.txt", "8/c/lsn-0-2.parquet", "wal/0001"];
    let mut stored = place.stored_files();
    stored.retain(|name| !name.starts_with("wal/0001~"));
    assert_eq!(stored, left);
    let again = place.run(&["rm", "--tenant", "7", "--yes"]).fails(1);
    contains_all(&again, &["no data of tenant 7", "there is data of the tenant 8"]);
}

#[test]
fn rm_takes_a_collection_and_only_files_wholly_below_an_lsn() {
    let place = filled();
    let line = place.ok(&["rm", "--tenant", "7", "-c", "c", "--before", "15", "--yes"]);
    contains_all(
        &line,
        &["7/c/lsn-0-9.parquet", "1 file has LSNs on both sides of 15", "1 file, "],
    );
    let data = |place: &Place| {
        let mut files = place.stored_files();
        files.retain(|name| name.ends_with(".parquet"));
        files
    };
    let left = [
        "7/a%20b/lsn-0-2.parquet",
        "7/c/lsn-10-19.parquet",
        "7/c/lsn-20-29.parquet",
        "8/c/lsn-0-2.parquet",
    ];
    assert_eq!(data(&place), left);

    let run = |options: &[&str]| json_lines(&place.ok(&[&["rm", "--json"], options].concat()));
    let (lines, total) = run(&["--tenant", "7", "--before", "20"]);
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[1]["key"], &lines[1]["deleted"]), (&json!(left[1]), &json!(false)));
    assert_eq!((&lines[1]["min_lsn"], &lines[1]["max_lsn"]), (&json!(10), &json!(19)));
    assert_eq!(
        (&total["dry_run"], &total["files"], &total["deleted_files"]),
        (&json!(true), &json!(2), &json!(0))
    );
    let (lines, total) = run(&["--tenant", "7", "--before", "20", "--yes"]);
    assert!(lines.iter().all(|line| line["deleted"] == true), "{lines:?}");
    assert_eq!((&total["deleted_files"], &total["bytes"]), (&json!(2), &total["deleted_bytes"]));
    assert_eq!(data(&place), left[2..]);
    // The border itself is not below it.
    assert_eq!(run(&["--tenant", "7", "--before", "29"]).1["files"], 0);
    assert_eq!(run(&["--tenant", "7", "--before", "30"]).1["files"], 1);
    assert_eq!(run(&["--tenant", "7", "--before", "0"]).1["files"], 0);
}

#[test]
fn rm_tells_what_went_before_it_failed() {
    let place = Place::new();
    let bucket = Bucket::new(true);
    for lsn in 0..4 {
        bucket.put(&format!("p/7/c/lsn-{lsn}-{lsn}.parquet"), b"x");
    }
    let answering = bucket.clone();
    let stub = Stub::start(move |request| {
        if request.method != "POST" {
            return answering.answer(request);
        }
        let refused = "<Key>p/7/c/lsn-1-1.parquet</Key>";
        let mut others = request.clone();
        others.body = String::from_utf8(others.body).unwrap().replace(refused, "").into_bytes();
        answering.answer(&others);
        Reply::ok(format!(
            "<DeleteResult><Error>{refused}<Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
        ))
    });
    let run = |options: &[&str]| {
        let arguments = [&["rm", "--tenant", "7", "--store", "s3://data/p"], options].concat();
        let mut command = place.command(&arguments);
        command.env("AWS_ENDPOINT_URL", &stub.endpoint).env("AWS_ALLOW_HTTP", "true");
        command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
        Ran::new(command.output().unwrap())
    };
    assert!(run(&[]).ok().contains("4 files, 4 B; nothing was deleted"));
    assert_eq!(bucket.keys().len(), 4);
    let ran = run(&["--yes"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.starts_with("error: p/7/c/lsn-1-1.parquet: could not delete"),
        "{}",
        ran.stderr
    );
    contains_all(
        &ran.stdout,
        &["lsn-0-0", "lsn-2-2", "lsn-3-3", "3 files, 3 B: deleted, of 4 files"],
    );
    assert!(!ran.stdout.contains("lsn-1-1"), "{}", ran.stdout);
    let ran = run(&["--yes", "--json"]);
    let (lines, total) = json_lines(&ran.stdout);
    assert_eq!((ran.code, &lines[0]["deleted"]), (Some(1), &json!(false)));
    assert_eq!((&total["files"], &total["deleted_files"]), (&json!(1), &json!(0)));
}
