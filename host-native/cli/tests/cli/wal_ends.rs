//! `coldpress wal` where something is not there, is wrong, or is in the way: exit codes and
//! messages.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::harness::{Place, Ran, contains_all, json};

/// A place with a folder `log` of these segments, each of which holds its own name, all but the
/// last one archived.
fn archived(segments: &[&str], options: &[&str]) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("log")).unwrap();
    for name in segments {
        place.write(&format!("log/{name}"), name);
    }
    place.ok(&[&["wal", "archive", "log"], options].concat());
    place
}

const PG: [&str; 4] = [
    "000000010000000000000001",
    "000000010000000000000002",
    "000000010000000000000003",
    "000000010000000000000004",
];

#[track_caller]
fn stops(place: &Place, arguments: &[&str], parts: &[&str]) {
    contains_all(&place.run(&[&["wal", "get"], arguments].concat()).fails(126), parts);
    assert!(!place.path("x").exists());
}

/// PostgreSQL takes 1 to 125 for the end of the log, and would promote.
#[test]
fn wal_get_ends_with_1_only_where_the_archive_has_no_such_segment() {
    let place = archived(&PG, &["--node", "pg"]);
    let node = ["--node", "pg"];
    let get = |name, more: &[&'static str]| [&["wal", "get", name, "x"][..], &node, more].concat();
    for missing in [PG[3], "00000002.history", "000000020000000000000001"] {
        let line = place.run(&get(missing, &[])).fails(1);
        contains_all(&line, &["holds no segment", missing]);
    }
    // An archive that is not the one that was meant.
    stops(&place, &[PG[0], "x", "--node", "typo"], &["no log of node \"typo\"", "\"pg\""]);
    stops(&place, &[PG[0], "x"], &["no log without a node", "node \"pg\"", "--node"]);
    stops(&place, &[PG[0], "x", "--store", "unmounted"], &["unmounted", "not there", "mounted"]);
    fs::create_dir(place.path("empty")).unwrap();
    stops(&place, &[PG[0], "x", "--store", "empty"], &["holds no log", "--allow-empty-archive"]);
    let allowed = ["wal", "get", PG[0], "x", "--store", "empty", "--allow-empty-archive"];
    contains_all(&place.run(&allowed).fails(1), &["holds no segment"]);
    let missing = ["wal", "get", PG[0], "x", "--store", "unmounted", "--allow-empty-archive"];
    contains_all(&place.run(&missing).fails(126), &["not there"]);
    // Wrong calls, of every kind.
    stops(&place, &[PG[0]], &["<FILE>"]);
    stops(&place, &[PG[0], "x", "--nod", "pg"], &["--nod"]);
    stops(&place, &[PG[0], "x", "--node", ""], &["node"]);
    stops(&place, &["", "x"], &["segment"]);
    stops(&place, &[PG[0], "x", "--store", "s3://b/p"], &["AWS_ACCESS_KEY_ID is not set"]);
    stops(&place, &[PG[0], "x", "--store", "gs://b/p"], &["gs://"]);
    stops(&place, &[PG[0], "none/x", "--node", "pg"], &["none", "No such file"]);
    contains_all(
        &place.run(&["--store", "coldpress-data", "wal", "get", "--bogus"]).fails(126),
        &["--bogus"],
    );
    // Damage, and a gap in the middle.
    place.write(&format!("coldpress-data/wal/pg/{}", PG[2]), "damaged");
    stops(&place, &[PG[2], "x", "--node", "pg"], &["damaged"]);
    fs::remove_file(place.path(&format!("coldpress-data/wal/pg/{}", PG[1]))).unwrap();
    let record = ["only its record is there", PG[1], "--past-gap"];
    stops(&place, &[PG[1], "x", "--node", "pg"], &record);
    for entry in fs::read_dir(place.path("coldpress-data/wal/pg")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(PG[1]) {
            fs::remove_file(path).unwrap();
        }
    }
    let gap = ["missing in the middle", PG[0], PG[2], "--past-gap"];
    stops(&place, &[PG[1], "x", "--node", "pg"], &gap);
    place.run(&get(PG[1], &["--past-gap"])).fails(1);
    place.ok(&get(PG[0], &[]));
    assert_eq!(fs::read_to_string(place.path("x")).unwrap(), PG[0]);
}

/// An unmounted folder, one whose log is gone, and one that may not be read.
#[test]
fn wal_get_stops_where_the_folder_of_the_archive_is_not_as_it_was() {
    let place = archived(&PG, &[]);
    let wal = place.path("coldpress-data/wal");
    fs::rename(&wal, place.path("away")).unwrap();
    stops(&place, &[PG[3], "x"], &["holds no log"]);
    fs::create_dir(&wal).unwrap();
    stops(&place, &[PG[3], "x"], &["holds no log"]);
    fs::remove_dir(&wal).unwrap();
    fs::write(&wal, "a file").unwrap();
    stops(&place, &[PG[3], "x"], &["wal"]);
    fs::remove_file(&wal).unwrap();
    fs::rename(place.path("away"), &wal).unwrap();
    place.run(&["wal", "get", PG[3], "x"]).fails(1);
    place.ok(&["wal", "get", PG[2], "x"]);
}

#[test]
fn wal_get_replaces_no_device_pipe_or_folder() {
    let place = archived(&["1", "2"], &[]);
    symlink("/dev/null", place.path("device")).unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    for target in ["device", "folder", "pipe"] {
        let line = place.run(&["wal", "get", "1", target]).fails(126);
        contains_all(&line, &["not replaced"]);
    }
    assert_eq!(fs::read_link(place.path("device")).unwrap().to_str(), Some("/dev/null"));
    assert!(fs::symlink_metadata(place.path("pipe")).unwrap().file_type().is_fifo());
    assert!(place.path("folder").is_dir());
    // What a link leads to is written, and the link stays.
    place.write("file", "old");
    symlink("file", place.path("link")).unwrap();
    place.ok(&["wal", "get", "1", "link"]);
    assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "1");
    assert!(fs::symlink_metadata(place.path("link")).unwrap().is_symlink());
    // And a restore reads no pipe that is in its way.
    fs::create_dir(place.path("back")).unwrap();
    assert!(Command::new("mkfifo").arg(place.path("back/1")).status().unwrap().success());
    let line = place.run(&["wal", "restore", "--to", "back"]).fails(1);
    contains_all(&line, &["back/1", "not replaced"]);
}

#[test]
fn what_is_not_there_is_no_success() {
    let place = archived(&["wal-1", "wal-2", "wal-3"], &["--node", "a"]);
    let fails = |arguments: &[&str], parts: &[&str]| {
        contains_all(&place.run(&[&["wal"], arguments].concat()).fails(1), parts);
    };
    for more in [&["verify"][..], &["verify", "log"], &["restore", "--to", "r"], &["status", "log"]]
    {
        let with = |options: &[&'static str]| [more, options].concat();
        fails(&with(&["--store", "unmounted"]), &["unmounted", "not there"]);
        fails(&with(&["--node", "typo"]), &["no log of node \"typo\"", "the log of node \"a\""]);
        fails(&with(&[]), &["no log without a node", "the log of node \"a\"", "--node"]);
    }
    fails(&["rm", "wal-1"], &["no log without a node"]);
    for (ends, part) in [
        (&["--from", "wal-9"][..], "wal-9"),
        (&["--until", "wal-3"], "wal-3"),
        (&["--from", "wal-2", "--until", "wal-1"], "ends before it begins"),
    ] {
        fails(
            &[&["restore", "--to", "r", "--node", "a"], ends].concat(),
            &[part, "nothing was restored"],
        );
    }
    assert!(!place.path("r").exists() && !place.path("unmounted").exists());
    // Beside a log of its own, a log without a node is named too.
    place.ok(&["wal", "archive", "log"]);
    fails(&["verify", "--node", "typo"], &["a log without a node, the log of node \"a\""]);
    // A store that is empty says so; a timer insists.
    fs::create_dir(place.path("empty")).unwrap();
    let empty = |more: &[&'static str]| [&["wal", "verify", "--store", "empty"], more].concat();
    contains_all(&place.ok(&empty(&[])), &["empty holds no segment", "0 ok"]);
    let ran = place.run(&empty(&["--require-some"]));
    assert_eq!(ran.code, Some(1));
    contains_all(&ran.stderr, &["empty", "--require-some"]);
    fails(&["restore", "--to", "r", "--store", "empty"], &["holds no segment"]);
    fails(&["verify", "--store", "empty", "--node", "a"], &["no log of node \"a\""]);
    place.ok(&["wal", "verify", "--node", "a", "--require-some"]);
}

#[test]
fn verify_names_the_side_that_is_wrong_and_conflicts_tell_what_helps() {
    let place = archived(&["1", "2", "3", "4"], &[]);
    let verify = |place: &Place| {
        let ran = place.run(&["wal", "verify", "log", "--json"]);
        let checks = json(&ran.stdout);
        let of_2 = checks.as_array().unwrap().iter().find(|check| check["segment"] == "2").unwrap();
        (ran.code, of_2["state"].clone(), of_2["detail"].as_str().unwrap().to_owned(), ran.stderr)
    };
    place.write("log/2", "X");
    let (code, state, detail, line) = verify(&place);
    assert_eq!((code, state), (Some(1), json!("local differs")));
    contains_all(&detail, &["the archive is intact", "keep the object"]);
    contains_all(&line, &["intact in the archive", "keep the archive"]);
    for again in [&["wal", "archive", "log"][..], &["wal", "put", "log/2"]] {
        let ran = place.run(again);
        assert_eq!(ran.code, Some(1));
        contains_all(
            &ran.stderr,
            &["wal/2", "other content", "intact", "--node", "coldpress wal rm 2 --yes --past-gap"],
        );
    }
    place.write("log/2", "2");
    place.write("coldpress-data/wal/2", "Y");
    let (code, state, detail, _) = verify(&place);
    assert_eq!((code, state), (Some(1), json!("damaged")));
    contains_all(&detail, &["the file here is intact", "coldpress wal rm 2 --yes --past-gap"]);
    let line = place.run(&["wal", "put", "log/2"]).fails(1);
    contains_all(
        &line,
        &["wal/2", "is damaged", "like the file here", "coldpress wal rm 2 --yes --past-gap"],
    );
    let ran = place.run(&["wal", "archive", "log", "--delete-after-verify"]);
    assert_eq!(ran.code, Some(1));
    contains_all(&ran.stderr, &["2 is damaged", "kept", "coldpress wal rm 2 --yes --past-gap"]);
    place.write("log/2", "Z");
    let (_, state, detail, _) = verify(&place);
    assert_eq!(state, "damaged");
    contains_all(&detail, &["does not help", "another copy"]);
}

#[test]
fn wal_rm_deletes_a_segment_and_its_records_and_nothing_else() {
    let place = archived(&["1", "2", "3", "4"], &[]);
    place.put("{\"a\":1}\n", &[]);
    let before = place.stored_files();
    let rm = |arguments: &[&str]| place.run(&[&["wal", "rm"], arguments].concat());
    contains_all(&rm(&["3"]).ok(), &["3 ", "nothing was deleted; add --yes"]);
    contains_all(&rm(&["9", "3", "--yes"]).fails(1), &["no segment 9", "nothing was deleted"]);
    contains_all(&rm(&["2", "--yes"]).fails(1), &["a gap", "--past-gap", "nothing was deleted"]);
    contains_all(&rm(&["0/c/lsn-0-0.parquet", "--yes"]).fails(1), &["no segment"]);
    contains_all(&rm(&["../0", "--yes"]).fails(1), &["no segment"]);
    assert_eq!(place.stored_files(), before);
    contains_all(&rm(&["3", "--yes"]).ok(), &["1 segment: deleted"]);
    let line = json(&rm(&["2", "--yes", "--json"]).ok());
    let expected =
        json!({"segment": "2", "bytes": 1, "records": 1, "leaves_gap": false, "deleted": true});
    assert_eq!(line, expected);
    assert_eq!(place.stored_files().len(), before.len() - 4);
    // A damaged one in the middle is archived again.
    place.ok(&["wal", "archive", "log"]);
    place.write("coldpress-data/wal/2", "X");
    contains_all(&rm(&["2", "--yes", "--past-gap"]).ok(), &["leaves a gap", "deleted"]);
    place.ok(&["wal", "archive", "log"]);
    place.ok(&["wal", "verify", "log"]);
}

/// Most names are alike, so that the order is not known: `wal archive` stops, and so would every
/// look at the archive.
#[test]
fn wal_rm_takes_away_what_was_put_under_a_foreign_name() {
    let place = archived(&PG, &[]);
    place.write("notes", "no segment");
    place.ok(&["wal", "put", "notes"]);
    let line = place.run(&["wal", "archive", "log"]).fails(1);
    contains_all(&line, &["notes", "coldpress wal rm"]);
    contains_all(&place.ok(&["wal", "rm", "notes", "--yes"]), &["deleted"]);
    place.ok(&["wal", "archive", "log"]);
}

/// A clock that was set, a `touch`, a late write: the archive gets no hole, and nothing behind it
/// is deleted.
#[test]
fn nothing_behind_a_young_segment_is_archived_or_deleted() {
    let place = Place::new();
    fs::create_dir(place.path("log")).unwrap();
    let stamp = |name: &str, age_s: u64| {
        let file = File::options().write(true).open(place.path(&format!("log/{name}"))).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age_s)).unwrap();
    };
    for name in ["w-1", "w-2", "w-3", "w-4"] {
        place.write(&format!("log/{name}"), name);
        stamp(name, if name == "w-2" { 5 } else { 90_000 });
    }
    let rule = ["--sealed", "age:1h"];
    let archive = [&["wal", "archive", "log", "--delete-after-verify"][..], &rule].concat();
    let ran: Ran = place.run(&archive);
    assert_eq!(
        (ran.code, ran.stdout.lines().last()),
        (
            Some(0),
            Some(
                "1 segment archived, 3 B, 1 of them new, 1 read back and deleted or marked in the folder"
            )
        )
    );
    contains_all(&ran.stderr, &["warning: w-2 is not finished and holds up segment w-3"]);
    let left: Vec<bool> = (1..5).map(|n| place.path(&format!("log/w-{n}")).exists()).collect();
    assert_eq!(left, [false, true, true, true]);
    let status = json(&place.ok(&[&["wal", "status", "log", "--json"][..], &rule].concat()));
    assert_eq!((&status["held_segments"], &status["waiting_segments"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&status["held_up"][0]["by"], &status["exposure_bytes"]),
        (&json!("w-2"), &json!(9))
    );
    let text = place.ok(&[&["wal", "status", "log"][..], &rule].concat());
    contains_all(&text, &["blocked   w-2 is not finished", "the rule asks for 3600.0 s"]);
    let text = place.ok(&[&["wal", "verify", "log"][..], &rule].concat());
    contains_all(&text, &["1 ok, 3 not yet due", "it waits for w-2, which is not finished"]);
    let file = File::options().write(true).open(place.path("log/w-2")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(7_200)).unwrap();
    let line = place.run(&archive).stderr;
    contains_all(&line, &["w-2", " s in the future", "3600.0 s after that", "waits until then"]);
    assert!(line.contains("7200.") || line.contains("7199."), "{line}");
    stamp("w-2", 90_000);
    assert!(place.ok(&archive).ends_with(
        "2 segments archived, 6 B, 2 of them new, 2 read back and deleted or marked in the folder\n"
    ));
}

/// Names of segments are other people's.
#[test]
fn a_restore_stays_in_its_folder() {
    let place = archived(&["1", "2"], &[]);
    for name in ["../outside", "/tmp/coldpress-outside", ".."] {
        place.ok(&["wal", "put", "log/1", "--name", name]);
        let line = place.run(&["wal", "restore", "--to", "back/up", "--names", "any"]).fails(1);
        contains_all(&line, &["a name that no file can have", "nothing was restored"]);
        place.ok(&["wal", "rm", name, "--yes", "--names", "any", "--past-gap"]);
    }
    assert!(!place.path("back").exists());
}
