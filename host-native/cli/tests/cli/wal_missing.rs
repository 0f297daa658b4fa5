//! `coldpress wal get` of a segment that the archive lacks: 1 is for the end of the log alone.

use std::fs::{self, File};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::harness::{Place, contains_all};

const PG: [&str; 3] =
    ["000000010000000000000001", "000000010000000000000002", "000000010000000000000003"];

/// A place whose archive holds these segments, each with its own name as content.
fn archived(names: &[&str]) -> Place {
    let place = Place::new();
    for name in names {
        place.write("segment", name);
        place.ok(&["wal", "put", "segment", "--name", name]);
    }
    place
}

/// The record of a segment.
fn record(place: &Place, name: &str) -> String {
    let start = format!("{name}~crc32c-");
    let entries = fs::read_dir(place.path("coldpress-data/wal")).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    format!("coldpress-data/wal/{}", names.find(|name| name.starts_with(&start)).unwrap())
}

fn delete_object(place: &Place, name: &str) {
    fs::remove_file(place.path(&format!("coldpress-data/wal/{name}"))).unwrap();
}

/// The segment's put was long ago.
fn age_record(place: &Place, name: &str) {
    let file = File::options().write(true).open(place.path(&record(place, name))).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3_600)).unwrap();
}

#[track_caller]
fn ends(place: &Place, code: i32, arguments: &[&str], parts: &[&str]) {
    let line = place.run(&[&["wal", "get"], arguments].concat()).fails(code);
    contains_all(&line, parts);
    assert!(!place.path("x").exists());
}

#[test]
fn a_gap_is_no_end_of_a_log_of_other_names() {
    for names in [["wal-8", "wal-9", "wal-10", "wal-11"], ["a", "bb", "c", "dd"]] {
        let place = archived(&names);
        fs::remove_file(place.path(&record(&place, names[1]))).unwrap();
        delete_object(&place, names[1]);
        let gap = ["missing in the middle", names[0], names[1], names[2], "--past-gap"];
        ends(&place, 126, &[names[1], "x"], &gap);
        ends(&place, 1, &[names[1], "x", "--past-gap"], &["holds no segment"]);
    }
    let place = archived(&["wal-8", "wal-9", "README"]);
    for name in ["wal-10", "wal-7"] {
        ends(&place, 1, &[name, "x"], &["holds no segment", name]);
    }
}

#[test]
fn a_record_alone_shows_that_the_segment_is_missing() {
    for names in [PG, ["wal-1", "wal-2", "wal-3"]] {
        let place = archived(&names);
        for name in names {
            age_record(&place, name);
            delete_object(&place, name);
            ends(&place, 126, &[name, "x"], &[name, "only its record is there", "--past-gap"]);
            if name != names[2] {
                ends(&place, 1, &[name, "x", "--past-gap"], &["holds no segment"]);
            }
            place.write(&format!("coldpress-data/wal/{name}"), name);
        }
    }
}

/// A standby asks while its primary is putting the segment.
#[test]
fn a_segment_whose_record_is_young_is_waited_for() {
    let place = archived(&PG);
    let object = place.path(&format!("coldpress-data/wal/{}", PG[2]));
    fs::rename(&object, place.path("away")).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_secs(1));
            fs::rename(place.path("away"), &object).unwrap();
        });
        place.ok(&["wal", "get", PG[2], "x"]);
    });
    assert_eq!(fs::read_to_string(place.path("x")).unwrap(), PG[2]);
}

#[test]
fn an_archive_of_other_names_is_not_the_end_of_postgres_log() {
    let place = archived(&["wal-1", "wal-2"]);
    for name in [PG[0], "00000002.history"] {
        let parts = ["a log of other names", "\"wal-1\"", name, "no node was named", "--node"];
        ends(&place, 126, &[name, "x"], &parts);
        ends(&place, 126, &[name, "x", "--past-gap"], &parts);
    }
    place.write("segment", "1");
    place.ok(&["wal", "put", "segment", "--name", PG[0]]);
    for name in [PG[1], "00000002.history", "000000020000000000000001"] {
        ends(&place, 1, &[name, "x"], &["holds no segment", name]);
    }
}
