//! A local disk that is full, or that nobody may write to. Each test mounts one of its own, in a
//! mount namespace that ends with the shell that made it.

use std::fs;
use std::path::Path;

use crate::common::child::{Ran, run};
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place, in_own_mounts, strs};
use crate::log::Log;
use crate::rows::noise;

const FULL: &str = "No space left on device";
const READ_ONLY: &str = "Read-only file system";

/// `$1` is the folder that becomes a disk of 2 MB. What fails on it is run again once there is
/// room.
const UNTIL_THERE_IS_ROOM: &str = r#"
disk=$1; shift
mount -t tmpfs -o size=2m tmpfs "$disk" || exit 90
"$0" "$@" >first.out 2>first.err; echo $? >first.code
find "$disk" -type f -printf '%f\n' | sort >first.files
mount -o remount,size=64m "$disk" || exit 91
"$0" "$@" >&2 || exit 92
cp -a "$disk" after
"#;

/// The same, on a disk that may only be read, until it may be written.
const UNTIL_IT_MAY_BE_WRITTEN: &str = r#"
disk=$1; shift
mount -t tmpfs -o size=64m tmpfs "$disk" || exit 90
[ -d seed ] && cp -a seed/. "$disk"
mount -o remount,ro "$disk" || exit 91
"$0" "$@" >first.out 2>first.err; echo $? >first.code
find "$disk" -type f -printf '%f\n' | sort >first.files
mount -o remount,rw "$disk" || exit 91
"$0" "$@" >&2 || exit 92
cp -a "$disk" after
"#;

/// What the first try, the one that failed, said; and the files it left.
#[track_caller]
fn first_try(place: &Place<'_>, second: Ran, named: &str) -> Vec<String> {
    first_try_ended(place, second, 1, named)
}

/// The same, where it ended with this exit code.
#[track_caller]
fn first_try_ended(place: &Place<'_>, second: Ran, code: i32, named: &str) -> Vec<String> {
    second.ok();
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    let said = read("first.err");
    assert_eq!(read("first.code"), format!("{code}\n"), "{said}");
    let line = said.lines().last().unwrap_or_default();
    assert!(line.starts_with("error: ") && line.contains(named), "no {named:?} in: {said}");
    read("first.files").lines().map(str::to_owned).collect()
}

fn place(name: &str) -> Place<'static> {
    Place::new(Seaweed::shared(), &format!("disk/{name}"))
}

#[test]
fn rows_for_a_full_disk() {
    let place = place("rows");
    let disk = place.folder("disk");
    fs::write(place.path("rows.ndjson"), noise(6_000_000, 1)).unwrap();
    let put = ["put", "rows.ndjson", "-c", "c", "--codec", "none", "--store", strs(&disk)];
    let arguments = [&[strs(&disk)], &put[..]].concat();
    let second = run(&mut in_own_mounts(&place, UNTIL_THERE_IS_ROOM, &arguments), LIMIT);
    assert_eq!(first_try(&place, second, FULL), [""; 0], "no half file stays");
    // Beside the file lies the folder of claims, which is empty again.
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(place.path(folder)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let (stored, claims) = (names("after/0/c"), names("after/0/c/_claims"));
    assert!(stored.len() == 2 && stored[0] == "_claims", "{stored:?}");
    assert_eq!(claims, [""; 0]);
}

#[test]
fn a_log_archived_to_a_full_disk() {
    let place = place("archive");
    let (disk, folder) = (place.folder("disk"), place.folder("wal"));
    let log = Log { seed: 2, bytes_min: 400_000, bytes_max: 500_000 };
    log.write(&folder, 0..9);
    // Of several at once it is chance which one finds no room.
    let archive = ["wal", "archive", strs(&folder), "--store", strs(&disk)];
    let arguments = [&[strs(&disk)], &archive[..]].concat();
    let second = run(&mut in_own_mounts(&place, UNTIL_THERE_IS_ROOM, &arguments), LIMIT);
    let left = first_try(&place, second, FULL);
    assert!(left.iter().all(|name| !name.starts_with('.')), "no half file stays: {left:?}");
    // The first ones, in order: what did not fit makes no hole.
    let whole: Vec<&String> = left.iter().filter(|name| name.len() == 24).collect();
    let first: Vec<String> = (0..whole.len() as u64).map(Log::name).collect();
    assert!(!whole.is_empty() && whole.iter().copied().eq(&first), "{left:?}");
    let after = strs(&place.path("after")).to_owned();
    place.run(&["wal", "verify", strs(&folder), "--store", &after]).ok();
    let restored = place.path("restored");
    place.run(&["wal", "restore", "--to", strs(&restored), "--store", &after]).ok();
    log.assert_is(&restored, 0..8);
}

#[test]
fn a_log_restored_to_a_full_disk() {
    let place = place("restore");
    let (disk, folder) = (place.folder("disk"), place.folder("wal"));
    let log = Log { seed: 3, bytes_min: 400_000, bytes_max: 500_000 };
    log.write(&folder, 0..9);
    place.run(&["wal", "archive", strs(&folder)]).ok();
    let arguments = [strs(&disk), "wal", "restore", "--to", strs(&disk)];
    let second = run(&mut in_own_mounts(&place, UNTIL_THERE_IS_ROOM, &arguments), LIMIT);
    let left = first_try(&place, second, FULL);
    assert!((1..8).contains(&left.len()), "{left:?}");
    assert!(left.iter().all(|name| name.len() == 24), "only whole ones have a name: {left:?}");
    log.assert_is(&place.path("after"), 0..8);
}

#[test]
fn a_segment_for_a_full_disk() {
    let place = place("get");
    let disk = place.folder("disk");
    let log = Log { seed: 4, bytes_min: 3_000_000, bytes_max: 3_000_000 };
    fs::write(place.path("segment"), log.bytes(0)).unwrap();
    place.run(&["wal", "put", "segment"]).ok();
    let target = disk.join("RECOVERYXLOG");
    let arguments = [strs(&disk), "wal", "get", "segment", strs(&target)];
    let second = run(&mut in_own_mounts(&place, UNTIL_THERE_IS_ROOM, &arguments), LIMIT);
    let left = first_try_ended(&place, second, 126, FULL);
    assert_eq!(left, [""; 0], "no half segment stays");
    assert!(fs::read(place.path("after/RECOVERYXLOG")).unwrap() == log.bytes(0));
}

#[test]
fn a_store_that_may_only_be_read() {
    let place = place("read-only");
    let disk = place.folder("disk");
    fs::write(place.path("segment"), "log").unwrap();
    let arguments = [strs(&disk), "wal", "put", "segment", "--store", strs(&disk)];
    let second = run(&mut in_own_mounts(&place, UNTIL_IT_MAY_BE_WRITTEN, &arguments), LIMIT);
    assert_eq!(first_try(&place, second, READ_ONLY), [""; 0]);
    assert_eq!(fs::read(place.path("after/wal/segment")).unwrap(), b"log");
}

#[test]
fn a_log_that_may_not_be_deleted_is_archived_all_the_same_and_the_error_names_the_segment() {
    let place = place("delete");
    let (disk, seed) = (place.folder("disk"), place.folder("seed"));
    let log = Log { seed: 5, bytes_min: 10_000, bytes_max: 20_000 };
    log.write(&seed, 0..5);
    let arguments = [strs(&disk), "wal", "archive", strs(&disk), "--delete-after-verify"];
    let second = run(&mut in_own_mounts(&place, UNTIL_IT_MAY_BE_WRITTEN, &arguments), LIMIT);
    let left = first_try(&place, second, READ_ONLY);
    assert_eq!(left.len(), 5);
    let said = fs::read_to_string(place.path("first.err")).unwrap();
    assert!(said.contains(&Log::name(0)), "{said}");
    log.assert_is(&place.path("after"), 4..5);
    restores(&place, &log, 4);
}

#[test]
fn the_disk_of_these_tests_is_really_that_small() {
    let place = place("small");
    let disk = place.folder("disk");
    let line = "mount -t tmpfs -o size=2m tmpfs \"$1\" && head -c 3000000 /dev/zero >\"$1/file\"";
    let ran = run(&mut in_own_mounts(&place, line, &[strs(&disk)]), LIMIT);
    assert!(ran.code == Some(1) && ran.stderr.contains(FULL), "{ran:?}");
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 0, "nobody else sees the mount");
}

fn restores(place: &Place<'_>, log: &Log, segments: u64) {
    let restored = place.path("restored");
    place.run(&["wal", "restore", "--to", strs(&restored)]).ok();
    log.assert_is(Path::new(&restored), 0..segments);
}
