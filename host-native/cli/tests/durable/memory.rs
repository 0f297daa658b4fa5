//! Memory is bounded by settings, whatever comes in.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::child::{Running, peak_bytes, run_fed};
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place};
use crate::rows::write_telemetry;
use crate::telemetry::SEED;

/// Acceptance of issue 4: under 400 MB, whatever comes in.
const PEAK_BYTES_MAX: u64 = 400_000_000;
const INPUT_MB: u64 = 500;
/// Another size than [`INPUT_MB`], for who has more time than CI: 8000 is what the issue asks for.
const INPUT_MB_VARIABLE: &str = "COLDPRESS_STREAM_MB";

#[test]
fn half_a_gigabyte_goes_through_in_bounded_memory() {
    let asked = std::env::var(INPUT_MB_VARIABLE).ok();
    let input_mb = asked.map_or(INPUT_MB, |mb| mb.parse().expect("megabytes"));
    let place = Place::new(Seaweed::shared(), "memory/stream");
    let (sender, receiver) = std::sync::mpsc::channel();
    let ran = run_fed(
        &mut place.command(&["put", "-", "--collection", "telemetry", "--json"]),
        move |mut stdin| {
            // Where the command ends early, its own words are the failure.
            let _ = sender.send(write_telemetry(&mut stdin, input_mb * 1_000_000, SEED));
        },
        LIMIT.max(Duration::from_millis(input_mb * 300)),
    );
    let (peak, took) = (ran.peak_bytes, ran.took);
    let printed = ran.ok();
    let (bytes, rows) = receiver.recv().unwrap().expect("all of it was taken");
    eprintln!(
        "{} MB of NDJSON in {:.1} s, peak {} MB",
        bytes / 1_000_000,
        took.as_secs_f64(),
        peak / 1_000_000
    );
    assert!(peak > 1_000_000, "its memory was never seen");
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes at once");
    assert_eq!(rows_stored(&place), rows, "{printed}");
    assert_eq!(place.uploads_left(), []);
}

#[test]
fn a_reader_that_stops_early_is_no_failure() {
    let place = Place::new(Seaweed::shared(), "memory/closed");
    let put = run_fed(
        &mut place.command(&["put", "-", "--collection", "c"]),
        |mut stdin| {
            write_telemetry(&mut stdin, 20_000_000, SEED).unwrap();
        },
        LIMIT,
    );
    let key = put.ok().lines().next().unwrap().to_owned();
    // More than a pipe holds, of which one line is read.
    let mut command = place.command(&["cat", key.as_str()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    let ended = child.wait_with_output().unwrap();
    assert!(line.starts_with("{\"_id\":"), "{line}");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!((ended.status.code(), said.as_ref()), (Some(0), ""));
}

#[test]
fn an_input_that_breaks_off_in_a_row_leaves_nothing_behind() {
    let place = Place::new(Seaweed::shared(), "memory/broken");
    let ran = run_fed(
        &mut place.command(&["put", "-", "--collection", "c"]),
        |mut stdin| {
            write_telemetry(&mut stdin, 60_000_000, SEED).unwrap();
            // The writer dies in the middle of a row.
            stdin.write_all(b"{\"_id\":\"last\",\"ts\":17").unwrap();
        },
        LIMIT,
    );
    ran.fails(1, &["standard input"]);
    assert_eq!(place.uploads_left(), []);
    let left: Vec<String> = place.bucket().keys(&place.key_prefix());
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_signal_in_the_middle_of_an_upload_leaves_nothing_behind() {
    let place = Place::new(Seaweed::shared(), "memory/signal");
    let mut command = place.command(&["put", "-", "--collection", "c", "--codec", "none"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Held open: nothing but the signal ends it.
    write_telemetry(&mut stdin, 150_000_000, SEED).unwrap();
    let killed = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let ended = child.wait_with_output().unwrap();
    drop(stdin);
    let said = String::from_utf8_lossy(&ended.stderr);
    let expected = "error: interrupted; no row is known to be stored\n";
    assert_eq!((ended.status.code(), said.as_ref()), (Some(130), expected));
    assert_eq!(place.uploads_left(), []);
    assert_eq!(place.bucket().keys(&place.key_prefix()), [""; 0]);
}

#[test]
fn the_measure_sees_what_a_process_takes() {
    let place = Place::new(Seaweed::shared(), "memory/measure");
    // Holds 100 MB for a moment, in a program that is there on every machine.
    let line = "head -c 100000000 /dev/zero | tail -c 99999999 | wc -c & wait; exec sleep 0.1";
    let mut command = place.program("sh");
    let small = Running::start(command.args(["-c", line])).wait(LIMIT);
    assert!(small.peak_bytes < 20_000_000, "children are not counted: {}", small.peak_bytes);
    let mut command = place.program("tail");
    let mut running = Running::start(command.args(["-c", "99999999"]).stdin(Stdio::piped()));
    let mut stdin = running.stdin();
    stdin.write_all(&vec![0; 100_000_000]).unwrap();
    // It holds what it read until its input ends, and so it is looked at while it holds all of it.
    let started = Instant::now();
    while peak_bytes(running.id()) < 95_000_000 {
        assert!(!running.has_ended() && started.elapsed() < LIMIT, "it never held that much");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(!running.has_ended(), "it ended before its input did");
    drop(stdin);
    let held = running.wait(LIMIT);
    assert!((95_000_000..130_000_000).contains(&held.peak_bytes), "{}", held.peak_bytes);
}

/// Counted in the files' own footers.
fn rows_stored(place: &Place<'_>) -> u64 {
    let mut rows = 0;
    for key in place.bucket().keys(&place.key_prefix()) {
        let printed = place.run(&["inspect", key.as_str(), "--json"]).ok();
        let about: serde_json::Value = serde_json::from_str(&printed).unwrap();
        rows += about["rows"].as_u64().unwrap_or_else(|| panic!("no rows in {printed}"));
    }
    rows
}
