//! `kill -9` of `put` at each of its requests: a later run of the same command makes it good.

use std::fs;
use std::process::Stdio;

use crate::common::child::run;
use crate::harness::{LIMIT, Place, bare};
use crate::kill::{Killer, reach_of};
use crate::prng::SplitMix64;
use crate::rows::noise;

const SEED: u64 = 0x4B11_100A;
/// Each key's put is killed so often before it is let through.
const KILLS_EACH: u32 = 4;

/// Rows of one size, and how many requests a put of them sends undisturbed.
struct Source {
    name: &'static str,
    keys: u32,
    rows: usize,
    requests: u64,
}

#[test]
fn a_hundred_kills_of_put_leave_no_half_object_and_no_parts() {
    let (place, killer) = Killer::before("crash/put", SEED);
    // The large ones go up in parts.
    let sources = [("small", 10_000, 15), ("large", 20_000_000, 10)]
        .map(|(name, bytes, keys)| source(&place, &killer, name, bytes, keys));
    let (mut kills, mut with_parts_left, mut wanted) = (0, 0, Vec::new());
    for source in &sources {
        for number in 0..source.keys {
            let key = source.key(&place, number);
            let whole = source.reference(&place, number);
            let mut command = place.command(&source.put(number));
            for each in 0..KILLS_EACH {
                // At each request in turn, and now and then behind the last one.
                let request = u64::from(number * KILLS_EACH + each) % (source.requests + 1);
                killer.kill_after(&mut command, request, reach_of(kills));
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

/// Rows of a file that become several objects: they wait for one another, and a kill shows none, or
/// the first ones where it falls between those.
#[test]
fn kills_of_a_put_of_several_objects_leave_no_hole_and_no_parts() {
    let (place, killer) = Killer::before("crash/several", SEED + 1);
    fs::write(place.path("rows"), noise(30_000_000, SEED)).unwrap();
    let put = |collection: &str| {
        let collection = format!("--collection={collection}");
        let cut = ["--codec=none", "--row-group-bytes=4MiB", "--file-size=5MiB", "--padded-lsn"];
        let mut command = place.command(&["put", "rows", &collection]);
        command.args(cut).stdin(Stdio::null());
        command
    };
    let folder = |collection: &str| format!("{}0/{collection}/", place.key_prefix());
    let names = |collection: &str| -> Vec<String> {
        let keys = place.bucket().keys(&folder(collection));
        keys.iter().map(|key| key.strip_prefix(&folder(collection)).unwrap().to_owned()).collect()
    };
    let is_claim = |name: &String| name.starts_with("_claims/");
    let requests = killer.requests_of(&mut put("whole"));
    let wanted = names("whole");
    assert!(wanted.len() > 3, "{wanted:?}");
    let mut random = SplitMix64::new(SEED + 1);
    let (mut with_parts_left, mut nothing_seen) = (0, 0);
    let mut kills = 0;
    while kills < 12 || (with_parts_left == 0 || nothing_seen == 0) && kills < 60 {
        kills += 1;
        let collection = format!("killed-{kills}");
        killer.kill_after(&mut put(&collection), random.below(requests), reach_of(kills));
        with_parts_left += u32::from(!place.uploads_left().is_empty());
        let mut seen = names(&collection);
        seen.retain(|name| !is_claim(name));
        nothing_seen += u32::from(seen.is_empty());
        assert_eq!(seen, wanted[..seen.len()]);
        run(&mut put(&collection), LIMIT).ok();
        assert_eq!(names(&collection), wanted);
    }
    eprintln!(
        "{with_parts_left} of {kills} kills with parts left behind, {nothing_seen} with nothing to see"
    );
    assert!(with_parts_left > 0 && nothing_seen > 0);
    assert_eq!(place.bucket().open_uploads(&place.key_prefix()), []);
}

/// An append of several objects, killed anywhere: run again, it goes on where the first run ended,
/// and every row is there once. With other appends before and behind it.
#[test]
fn a_hundred_kills_of_an_append_of_several_objects_store_every_row_once() {
    let (place, killer) = Killer::before("crash/append", SEED + 2);
    let text = noise(1_500_000, SEED);
    fs::write(place.path("rows"), &text).unwrap();
    fs::write(place.path("other"), "{\"row\":-1}\n").unwrap();
    let put = |name: &str, collection: &str| {
        let collection = format!("--collection={collection}");
        let cut = ["--append", "--codec=none", "--row-group-bytes=256KiB", "--file-size=300KiB"];
        let mut command = place.command(&["put", name, &collection]);
        command.args(cut).stdin(Stdio::null());
        command
    };
    let wanted: Vec<i64> = text.lines().map(row_of).collect();
    let requests = killer.requests_of(&mut put("rows", "whole"));
    let objects = |collection: &str| {
        place.bucket().keys(&format!("{}0/{collection}/lsn-", place.key_prefix()))
    };
    let claims = |collection: &str| {
        place.bucket().keys(&format!("{}0/{collection}/_claims/", place.key_prefix()))
    };
    let count = objects("whole").len();
    assert!(count > 2, "{count}");
    let (mut between, mut nothing_seen, mut all_seen) = (0, 0, 0);
    for kill in 0..100 {
        let collection = format!("killed-{kill}");
        run(&mut put("other", &collection), LIMIT).ok();
        // At each request in turn, and now and then behind the last one.
        killer.kill_after(&mut put("rows", &collection), kill % (requests + 1), reach_of(kill));
        let seen = objects(&collection).len() - 1;
        between += u32::from(seen > 0 && seen < count);
        nothing_seen += u32::from(seen == 0);
        all_seen += u32::from(seen == count);
        run(&mut put("other", &collection), LIMIT).ok();
        // All is stored, and its claim is gone: it had only to say so, and nobody can know that it
        // did not.
        if seen < count || !claims(&collection).is_empty() {
            run(&mut put("rows", &collection), LIMIT).ok();
        }
        let mut rows: Vec<i64> = Vec::new();
        for key in objects(&collection) {
            rows.extend(place.run(&["cat", key.as_str()]).ok().lines().map(row_of));
        }
        rows.sort_unstable();
        let mut once = vec![-1, -1];
        once.extend(&wanted);
        assert!(rows == once, "kill {kill}: {} of {} rows, {seen} objects", rows.len(), once.len());
    }
    eprintln!(
        "{between} kills between two objects, {nothing_seen} with nothing to see, {all_seen} behind the last"
    );
    assert!(between > 0, "no kill fell between two objects");
}

fn row_of(line: &str) -> i64 {
    let row: serde_json::Value = serde_json::from_str(line).unwrap();
    row["row"].as_i64().unwrap()
}

/// Writes the rows, and puts them once to count the requests.
fn source(
    place: &Place<'_>,
    killer: &Killer,
    name: &'static str,
    bytes: usize,
    keys: u32,
) -> Source {
    let text = noise(bytes, SEED);
    fs::write(place.path(name), &text).unwrap();
    let mut source = Source { name, keys, rows: text.lines().count(), requests: 0 };
    let mut whole = place.command(&source.put(0));
    source.requests = killer.requests_of(whole.args(["--tenant", "9"]));
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
