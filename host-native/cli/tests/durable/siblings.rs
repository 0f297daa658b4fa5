//! Several at one key, and what those leave behind who were killed before they had one.

use std::fs;

use crate::common::child::{Running, run};
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place, strs};
use crate::log::Log;
use crate::rows::noise;

const PUT: [&str; 6] = ["put", "rows.ndjson", "--codec", "none", "--collection", "c"];

#[test]
fn puts_of_the_same_rows_at_once_all_succeed() {
    let place = Place::new(Seaweed::shared(), "siblings/put");
    fs::write(place.path("rows.ndjson"), noise(40_000_000, 1)).unwrap();
    for round in 0..4 {
        let tenant = round.to_string();
        let put = [&PUT[..], &["--tenant", &tenant]].concat();
        let running = [(); 2].map(|()| Running::start(&mut place.command(&put)));
        for running in running {
            running.wait(LIMIT).ok();
        }
        let folder = format!("{}{tenant}/", place.key_prefix());
        assert_eq!(place.bucket().keys(&folder).len(), 1);
    }
    assert_eq!(place.uploads_left(), []);
}

#[test]
fn what_killed_archivers_left_is_taken_away_by_a_later_run() {
    let place = Place::new(Seaweed::shared(), "siblings/wal");
    let folder = place.folder("wal");
    let log = Log { seed: 3, bytes_min: 10, bytes_max: 2_000_000 };
    log.write(&folder, 0..3);
    place.run(&["wal", "archive", strs(&folder)]).ok();
    log.write(&folder, 3..6);
    let key = |name: &str| format!("{}wal/{name}", place.key_prefix());
    // Of one that is archived, of one that will be, and of one that never comes: its archiver may
    // live.
    for name in [Log::name(1), Log::name(3), Log::name(9)] {
        place.bucket().abandon_upload(&key(&name));
    }
    place.run(&["wal", "archive", strs(&folder)]).ok();
    let left: Vec<String> = place.uploads_left().into_iter().map(|upload| upload.key).collect();
    assert_eq!(left, [key(&Log::name(9))]);
    place.run(&["wal", "verify", strs(&folder)]).ok();
}

#[test]
fn what_a_killed_probe_left_is_taken_away_by_a_later_run() {
    let place = Place::new(Seaweed::shared(), "siblings/probe");
    let prefix = place.key_prefix();
    let probe = format!("{prefix}_coldpress/probe-00000000000000000000000000000000");
    place.bucket().put(&probe, b"first");
    place.bucket().abandon_upload(&format!("{probe}/0/probe/lsn-0-0.parquet"));
    fs::write(place.path("rows.ndjson"), noise(40_000_000, 2)).unwrap();
    // Old enough that no living process is about it, and still within what the server lets a clock
    // be off.
    let mut later = place.program("faketime");
    later.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    later.args(["-f", "+14m", env!("CARGO_BIN_EXE_coldpress")]).args(PUT);
    run(&mut later, LIMIT).ok();
    assert_eq!(place.bucket().open_uploads(&prefix), []);
    assert_eq!(place.bucket().keys(&format!("{prefix}_coldpress/")), [""; 0]);
}
