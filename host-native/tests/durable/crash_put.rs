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

/// Rows of one size, and how long a put of them takes undisturbed.
struct Source {
    name: &'static str,
    keys: u32,
    rows: usize,
    took: Duration,
}

#[test]
fn a_hundred_kills_of_put_leave_no_half_object_and_no_parts() {
    let place = Place::new(Seaweed::shared(), "crash/put");
    // The large ones go up in parts.
    let sources = [source(&place, "small", 10_000, 15), source(&place, "large", 20_000_000, 10)];
    let mut random = SplitMix64::new(SEED);
    let (mut kills, mut with_parts_left, mut wanted) = (0, 0, Vec::new());
    for source in &sources {
        for number in 0..source.keys {
            let key = source.key(&place, number);
            let whole = source.reference(&place, number);
            let mut command = place.command(&source.put(number));
            for _ in 0..KILLS_EACH {
                let running = Running::start(command.stdin(Stdio::null()));
                let life_us = random.below(source.took.as_micros() as u64 * 11 / 10);
                thread::sleep(Duration::from_micros(life_us));
                running.kill();
                kills += 1;
                with_parts_left += u32::from(!place.uploads_left().is_empty());
                // Either the whole object is there, or none.
                let size = place.bucket().size(&key);
                assert!(size.is_none_or(|size| size == whole.len() as u64), "{size:?}");
            }
            run(&mut command, LIMIT).ok();
            place.run(&["get", key.as_str(), "-o", "got"]).ok();
            assert!(fs::read(place.path("got")).unwrap() == whole, "{key}");
            fs::remove_file(place.path("got")).unwrap();
            wanted.push(key);
        }
    }
    eprintln!("{kills} kills, {with_parts_left} of them with parts left behind at that moment");
    assert_eq!(kills, 100);
    assert!(with_parts_left > 0, "no kill fell into the middle of an upload in parts");
    wanted.sort_unstable();
    let keys = place.bucket().keys(&format!("{}0/", place.key_prefix()));
    assert_eq!(keys, wanted);
    let shown = place.run(&["ls", "--tenant", "0"]).ok();
    assert_eq!(shown.matches(".parquet").count(), wanted.len(), "{shown}");
    // Nor of the probes of those that were killed: whoever came after them saw that they were dead.
    assert_eq!(place.bucket().open_uploads(&place.key_prefix()), []);
}

/// Writes the rows, and puts them once to know how long a life is.
fn source(place: &Place<'_>, name: &'static str, bytes: usize, keys: u32) -> Source {
    let text = noise(bytes, SEED);
    fs::write(place.path(name), &text).unwrap();
    let mut source = Source { name, keys, rows: text.lines().count(), took: Duration::ZERO };
    let put = source.put(0);
    let mut warm = place.command(&put);
    let ran = run(warm.args(["--tenant", "9"]), LIMIT);
    source.took = ran.took;
    ran.ok();
    source
}

impl Source {
    fn collection(&self, number: u32) -> String {
        format!("{}-{number}", self.name)
    }

    fn put(&self, number: u32) -> [String; 6] {
        let collection = self.collection(number);
        ["put", self.name, "--collection", &collection, "--codec", "none"].map(str::to_owned)
    }

    fn key(&self, place: &Place<'_>, number: u32) -> String {
        let collection = self.collection(number);
        format!("{}0/{collection}/lsn-0-{}.parquet", place.key_prefix(), self.rows - 1)
    }

    /// The same object as a folder gets it, where nobody is killed.
    fn reference(&self, place: &Place<'_>, number: u32) -> Vec<u8> {
        let folder = place.folder("reference");
        let mut command = bare(env!("CARGO_BIN_EXE_coldpress"), &place.path("."));
        command.args(self.put(number)).arg("--store").arg(&folder);
        run(&mut command, LIMIT).ok();
        let collection = folder.join("0").join(self.collection(number));
        let file = fs::read_dir(collection).unwrap().next().unwrap().unwrap();
        let bytes = fs::read(file.path()).unwrap();
        fs::remove_dir_all(folder).unwrap();
        bytes
    }
}
