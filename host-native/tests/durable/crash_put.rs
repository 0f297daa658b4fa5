//! `kill -9` of `put` at random moments: a later run of the same command makes it good.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::common::child::{Running, run};
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place, bare};
use crate::prng::SplitMix64;
use crate::rows::noise;

const SEED: u64 = 0x4B11_100A;
/// Each key's put is killed so often before it is let through.
const KILLS_EACH: u32 = 4;

/// Rows of one size, the file they make, and how long that takes undisturbed.
struct Source {
    name: &'static str,
    keys: u32,
    rows: usize,
    took: Duration,
    parquet: Vec<u8>,
}

#[test]
fn a_hundred_kills_of_put_leave_no_half_object_and_no_parts() {
    let place = Place::new(Seaweed::shared(), "crash/put");
    let bucket = place.bucket();
    // The large ones go up in parts.
    let sources = [
        source(&place, "small.ndjson", 10_000, 15),
        source(&place, "large.ndjson", 24_000_000, 10),
    ];
    let mut random = SplitMix64::new(SEED);
    let (mut kills, mut with_parts_open) = (0, 0);
    for source in &sources {
        for number in 0..source.keys {
            let arguments = put_of(source, number);
            let mut command = place.command(&arguments);
            for _ in 0..KILLS_EACH {
                let running = Running::start(command.stdin(Stdio::null()));
                let life_us = random.below(source.took.as_micros() as u64 * 11 / 10);
                thread::sleep(Duration::from_micros(life_us));
                running.kill();
                kills += 1;
                with_parts_open += u32::from(!bucket.open_uploads(&place.key_prefix()).is_empty());
                // Either the whole object is there, or none.
                let size = bucket.size(&key_of(&place, source, number));
                assert!(size.is_none_or(|size| size == source.parquet.len() as u64), "{size:?}");
            }
            run(&mut command, LIMIT).ok();
        }
    }
    eprintln!("{kills} kills, {with_parts_open} of them with parts left at that moment");
    assert_eq!(kills, 100);
    assert!(with_parts_open > 0, "no kill fell into the middle of an upload in parts");

    let mut wanted = Vec::new();
    for source in &sources {
        for number in 0..source.keys {
            let key = key_of(&place, source, number);
            place.run(&["get", key.as_str(), "-o", "got"]).ok();
            assert!(fs::read(place.path("got")).unwrap() == source.parquet, "{key}");
            fs::remove_file(place.path("got")).unwrap();
            wanted.push(key);
        }
    }
    wanted.sort_unstable();
    let keys = bucket.keys(&format!("{}0/", place.key_prefix()));
    assert_eq!(keys, wanted);
    let shown = place.run(&["ls", "--tenant", "0"]).ok();
    assert_eq!(shown.matches(".parquet").count(), wanted.len(), "{shown}");
    assert_eq!(bucket.open_uploads(&place.key_prefix()), []);
}

#[test]
fn puts_of_the_same_rows_at_once_all_succeed() {
    let place = Place::new(Seaweed::shared(), "crash/at-once");
    fs::write(place.path("rows.ndjson"), noise(40_000_000, SEED + 1)).unwrap();
    for round in 0..4 {
        let collection = format!("c{round}");
        let put = ["put", "rows.ndjson", "--collection", &collection, "--codec", "none"];
        let running = [(); 2].map(|()| Running::start(&mut place.command(&put)));
        for running in running {
            running.wait(LIMIT).ok();
        }
        assert_eq!(place.bucket().keys(&format!("{}0/{collection}/", place.key_prefix())).len(), 1);
    }
    assert_eq!(place.bucket().open_uploads(&place.key_prefix()), []);
}

/// Writes the rows, and has them encoded into a folder, which is no part of what is tested here.
fn source(place: &Place<'_>, name: &'static str, bytes: usize, keys: u32) -> Source {
    let text = noise(bytes, SEED);
    fs::write(place.path(name), &text).unwrap();
    let rows = text.lines().count();
    let mut source = Source { name, keys, rows, took: Duration::ZERO, parquet: Vec::new() };
    let reference = place.folder(&format!("reference-{name}"));
    let mut command = bare(env!("CARGO_BIN_EXE_coldpress"), &place.path("."));
    command.args(put_of(&source, 0)).arg("--store").arg(&reference);
    run(&mut command, LIMIT).ok();
    let collection = reference.join("0").join(collection_of(&source, 0));
    let file = fs::read_dir(collection).unwrap().next().unwrap().unwrap();
    source.parquet = fs::read(file.path()).unwrap();
    // The same into the store, to know how long a life is.
    let warm = ["put", name, "--collection", &format!("warm-{name}"), "--codec", "none"];
    let ran = place.run(&[&warm[..], &["--tenant", "9"]].concat());
    source.took = ran.took;
    ran.ok();
    source
}

fn put_of(source: &Source, number: u32) -> [String; 6] {
    let collection = collection_of(source, number);
    ["put", source.name, "--collection", &collection, "--codec", "none"].map(str::to_owned)
}

fn collection_of(source: &Source, number: u32) -> String {
    format!("{}-{number}", source.name.trim_end_matches(".ndjson"))
}

fn key_of(place: &Place<'_>, source: &Source, number: u32) -> String {
    let collection = collection_of(source, number);
    format!("{}0/{collection}/lsn-0-{}.parquet", place.key_prefix(), source.rows - 1)
}
