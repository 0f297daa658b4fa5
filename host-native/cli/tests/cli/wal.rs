//! `coldpress wal`: a log into the store, checked there, and back.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Place, Ran, contains_all, json};

/// A place with a folder `log` of these segments, each of which holds its own name.
fn place(segments: &[&str]) -> Place {
    let place = Place::new();
    fs::create_dir(place.path("log")).unwrap();
    for name in segments {
        place.write(&format!("log/{name}"), name);
    }
    place
}

fn names(place: &Place, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_log_is_archived_verified_and_restored() {
    let place = place(&["seg-8", "seg-9", "seg-10", "seg-11"]);
    let printed = place.ok(&["wal", "archive", "log"]);
    assert_eq!(
        printed,
        "archived seg-8 5 B\narchived seg-9 5 B\narchived seg-10 6 B\n3 segments archived, 16 B, 3 of them new\n"
    );
    let printed = place.ok(&["wal", "archive", "log", "--delete-after-verify", "--json"]);
    let events: Vec<Value> = printed.lines().map(json).collect();
    let expected = json!({
        "event": "archived", "segment": "seg-8", "bytes": 5, "crc32c": events[0]["crc32c"],
        "created": false, "verified": true,
    });
    assert_eq!(events[0], expected);
    let expected = json!({
        "event": "done", "segments": 3, "bytes": 16, "created": 0, "verified": 3, "settled": 3,
    });
    assert_eq!(events[3], expected);
    assert_eq!(names(&place, "log"), ["seg-11"]);

    let status = json(&place.ok(&["wal", "status", "log", "--json"]));
    assert_eq!((&status["archived_segments"], &status["archived_bytes"]), (&json!(3), &json!(16)));
    assert_eq!((&status["exposure_bytes"], &status["waiting_segments"]), (&json!(6), &json!(0)));
    assert_eq!((&status["last_segment"], &status["gaps"]), (&json!("seg-10"), &json!([])));
    let text = place.ok(&["wal", "status", "log"]);
    contains_all(
        &text,
        &["archived  3 segments, 16 B", "last      seg-10, ", "exposure  ", " s, 6 B"],
    );

    let text = place.ok(&["wal", "verify", "log"]);
    contains_all(&text, &["seg-8 ", "ok", "not yet due", "3 ok, 1 not yet due\n"]);
    assert_eq!(
        place.ok(&["wal", "restore", "--to", "back"]),
        "3 segments in back, 16 B: seg-8 to seg-10\n"
    );
    assert_eq!(names(&place, "back"), ["seg-10", "seg-8", "seg-9"]);
    assert_eq!(fs::read_to_string(place.path("back/seg-10")).unwrap(), "seg-10");
    let again = json(&place.ok(&["wal", "restore", "--to", "back", "--from", "seg-9", "--json"]));
    assert_eq!(
        (again[0]["segment"].as_str(), &again[1]["already_there"]),
        (Some("seg-9"), &json!(true))
    );
    place.write("back/seg-9", "other");
    contains_all(
        &place.run(&["wal", "restore", "--to", "back"]).fails(1),
        &["seg-9", "not replaced"],
    );
}

#[test]
fn damage_and_gaps_end_with_one() {
    let place = place(&["1", "2", "3", "4"]);
    place.ok(&["wal", "archive", "log"]);
    place.write("coldpress-data/wal/2", "X");
    let ran = place.run(&["wal", "verify", "--json"]);
    assert_eq!(ran.code, Some(1));
    let states: Vec<Value> =
        json(&ran.stdout).as_array().unwrap().iter().map(|check| check["state"].clone()).collect();
    assert_eq!(states, ["ok", "damaged", "ok"]);
    contains_all(
        &ran.stderr,
        &[
            "1 segment of the log missing, damaged or different in the folder, the first is 2 (damaged: ",
        ],
    );
    contains_all(&place.run(&["wal", "get", "2", "x"]).fails(126), &["damaged"]);
    assert!(!place.path("x").exists());

    fs::remove_file(place.path("log/4")).unwrap();
    for name in ["6", "7"] {
        place.write(&format!("log/{name}"), name);
    }
    let line = place.run(&["wal", "archive", "log"]);
    assert_eq!(line.code, Some(1));
    contains_all(&line.stderr, &["2 segments are missing, the first is 4", "--past-gap"]);
    place.ok(&["wal", "archive", "log", "--past-gap"]);
    contains_all(
        &place.run(&["wal", "restore", "--to", "b"]).fails(1),
        &["first is 4", "--until 3"],
    );
    assert!(!place.path("b").exists());
}

/// As PostgreSQL calls it: `%p` is a path from the data folder, `%f` the name.
#[test]
fn it_serves_as_archive_command_and_restore_command() {
    let name = "0000000100000000000000A4";
    let place = place(&[name]);
    let path = format!("log/{name}");
    let put = ["wal", "put", &path, "--name", name, "--node", "pg"];
    assert_eq!(place.ok(&put), format!("wal/pg/{name}\n"));
    assert_eq!(place.ok(&put), format!("wal/pg/{name}\n"), "again is success");
    let got = ["wal", "get", name, "log/RECOVERYXLOG", "--node", "pg"];
    assert_eq!(place.ok(&got), "");
    assert_eq!(fs::read_to_string(place.path("log/RECOVERYXLOG")).unwrap(), name);
    place.write(&path, "other content");
    contains_all(&place.run(&put).fails(1), &["other content"]);
    for missing in ["00000002.history", "0000000100000000000000A5", "0000000100000000000000a4"] {
        let line = place.run(&["wal", "get", missing, "log/x", "--node", "pg"]).fails(1);
        contains_all(&line, &["no segment", missing]);
    }
    contains_all(&place.run(&["wal", "get", name, "none/x", "--node", "pg"]).fails(126), &["none"]);
    assert_eq!(names(&place, "log"), [name, "RECOVERYXLOG"]);
}

#[test]
fn wrong_calls_are_told() {
    let place = place(&["1"]);
    for (arguments, part) in [
        (&["archive", "log", "--sealed", "new"][..], "last, ready or age:TIME"),
        (&["archive", "log", "--names", "x"], "postgres, number or any"),
        (&["archive", "log", "--drain", "5s"], "--watch"),
        (&["archive", "log", "--parallel", "0"], "1..=64"),
        (&["archive", "log", "--sealed", "ready", "--delete-after-verify"], "leave out"),
        (&["archive", "log", "--node", ""], "node"),
        (&["status"], "<DIR>"),
        (&["restore"], "--to"),
        (&["put", "log/1", "--name", ""], "segment"),
    ] {
        let line = place.run(&[&["wal"], arguments].concat()).fails(2);
        assert!(line.contains(part), "{line}");
    }
    contains_all(&place.run(&["wal", "archive", "none"]).fails(1), &["none", "No such file"]);
    contains_all(
        &place.run(&["wal", "archive", "log", "--sealed", "ready"]).fails(1),
        &["archive_status"],
    );
    assert!(place.stored_files().is_empty());
}

/// A watch that runs.
struct Watch {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Watch {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Watch { child, stdout, stderr }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    fn end(mut self) -> Ran {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        Ran { code: self.child.wait().unwrap().code(), stdout, stderr }
    }
}

fn request(url: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_watch_archives_what_comes_shows_metrics_and_ends_on_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let place = place(&["1", "2"]);
        let arguments = [
            "wal",
            "archive",
            "log",
            "--watch",
            "--poll",
            "20ms",
            "--delete-after-verify",
            "--metrics",
            "127.0.0.1:0",
        ];
        let mut watch = Watch::start(place.command(&arguments));
        let mut told = String::new();
        watch.stderr.read_line(&mut told).unwrap();
        let url =
            told.trim().strip_prefix("metrics at ").unwrap().strip_suffix("/metrics").unwrap();
        assert_eq!(watch.line(), "archived 1 1 B\n");
        place.write("log/3", "three");
        assert_eq!(watch.line(), "archived 2 1 B\n");
        assert!(request(url, "/healthz").ends_with("\r\n\r\nok\n"));
        assert!(request(url, "/").starts_with("HTTP/1.1 404"));
        let started = Instant::now();
        loop {
            let metrics = request(url, "/metrics");
            let lines = [
                "# TYPE coldpress_wal_archived_segments_total counter",
                "coldpress_wal_archived_segments_total 2",
                "coldpress_wal_archived_bytes_total 2",
                "coldpress_wal_deleted_segments_total 2",
                "coldpress_wal_verified_segments_total 2",
                "coldpress_wal_exposure_bytes 5",
                "coldpress_wal_waiting_segments 0",
                "coldpress_wal_in_trouble 0",
            ];
            // The gauges follow with the next look at the folder.
            if lines.iter().all(|line| metrics.lines().any(|found| found == *line)) {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{metrics}");
            std::thread::sleep(Duration::from_millis(20));
        }
        watch.signal(signal);
        let ran = watch.end();
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        assert_eq!(
            ran.stdout,
            "2 segments archived, 2 B, 2 of them new, 2 read back and deleted or marked in the folder\n"
        );
        assert_eq!(names(&place, "log"), ["3"]);
    }
}

/// Killed again and again, it goes on where it was.
#[test]
fn a_watch_that_is_killed_begins_again_from_the_listing() {
    let place = place(&[]);
    let count = 60;
    for n in 0..count {
        place.write(&format!("log/{n}"), format!("segment {n}"));
        if n % 6 == 5 {
            let arguments =
                ["wal", "archive", "log", "--watch", "--poll", "5ms", "--delete-after-verify"];
            let mut watch = Watch::start(place.command(&arguments));
            if n % 12 == 5 {
                watch.line();
            }
            watch.signal("-KILL");
            assert_eq!(watch.end().code, None);
        }
    }
    place.ok(&["wal", "archive", "log", "--delete-after-verify"]);
    place.ok(&["wal", "verify", "log"]);
    place.ok(&["wal", "restore", "--to", "back"]);
    for n in 0..count - 1 {
        let file = place.path(&format!("back/{n}"));
        assert_eq!(fs::read_to_string(file).unwrap(), format!("segment {n}"));
    }
}

#[test]
fn a_watch_meets_a_conflict_and_ends() {
    let place = place(&["1", "2"]);
    place.ok(&["wal", "archive", "log"]);
    place.write("log/1", "X");
    let watch = Watch::start(place.command(&["wal", "archive", "log", "--watch"]));
    let ran = watch.end();
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    contains_all(&ran.stderr, &["wal/1", "other content", "--node"]);
}
