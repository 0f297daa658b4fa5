//! Refused: by credentials, by permissions, by a clock that is off. The error names which it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::common::child::{Ran, run};
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place, bare, copy_program, failure_code, is_root, strs};
use crate::log::Log;

/// A refusal is no outage: it is not tried again, which would take 30 s.
const AT_ONCE: Duration = Duration::from_secs(29);

/// Every command that writes to the store or reads from it.
fn calls(place: &Place<'_>) -> Vec<Vec<String>> {
    let folder = place.folder("wal");
    Log { seed: 1, bytes_min: 1_000, bytes_max: 1_000 }.write(&folder, 0..3);
    fs::write(place.path("rows.ndjson"), "{\"a\":1}\n").unwrap();
    let folder = strs(&folder).to_owned();
    let call = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        call(&["put", "rows.ndjson", "--collection", "c"]),
        call(&["wal", "put", "rows.ndjson"]),
        call(&["wal", "archive", &folder]),
        call(&["wal", "verify", &folder]),
        call(&["wal", "restore", "--to", "restored"]),
        call(&["wal", "get", "000000010000000000000000", "got"]),
    ]
}

#[test]
fn wrong_credentials_are_named_and_not_tried_again() {
    let place = Place::new(Seaweed::shared(), "refused/key").with_secret("wrong-in-the-clear");
    for call in calls(&place) {
        let ran = place.run(&call).within(AT_ONCE);
        let line = ran.fails(failure_code(&call), &["credentials", "AWS_SECRET"]);
        assert!(!line.contains("in-the-clear"), "{call:?}: {line}");
    }
    assert_eq!(place.bucket().keys("refused/key/"), [""; 0]);
    assert!(!place.path("got").exists());
}

/// A program that shifts the clock which the command sees; what it waits by stays true.
fn an_hour_off(place: &Place<'_>, shift: &str, call: &[String]) -> Ran {
    let mut command = place.program("faketime");
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    command.args(["-f", shift, env!("CARGO_BIN_EXE_coldpress")]).args(call);
    run(&mut command, LIMIT)
}

#[test]
fn a_clock_an_hour_off_is_named() {
    let now_s = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let before = now_s();
    let shown = Command::new("faketime").args(["-f", "-1h", "date", "+%s"]).output();
    let shown = shown.expect("faketime; `cargo xtask setup` installs it").stdout;
    let shown: u64 = String::from_utf8(shown).unwrap().trim().parse().unwrap();
    let shifted = before - 3_601..=now_s() - 3_599;
    assert!(shifted.contains(&shown), "faketime does not shift the clock");
    let place = Place::new(Seaweed::shared(), "refused/clock");
    for call in calls(&place) {
        for shift in ["-1h", "+1h"] {
            let ran = an_hour_off(&place, shift, &call).within(AT_ONCE);
            let line = ran.fails(failure_code(&call), &["clock"]);
            assert!(!line.contains("check access_key"), "{call:?}: {line}");
        }
    }
    assert_eq!(place.bucket().keys("refused/clock/"), [""; 0]);
    // And set right, the same call does its work.
    place.run(&["wal", "put", "rows.ndjson"]).ok();
}

/// Another user's binary and folder: as root nothing is refused, so that root steps down to
/// `nobody`.
struct Nobody {
    folder: tempfile::TempDir,
}

impl Nobody {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        copy_program(folder.path());
        Nobody { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder that others may read and nobody may write.
    fn readable_folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o555)).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let binary = self.path("coldpress");
        let mut command = if is_root() {
            let mut command = bare("setpriv", self.folder.path());
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary);
            command
        } else {
            bare(binary, self.folder.path())
        };
        run(command.args(arguments), LIMIT)
    }
}

#[test]
fn folders_that_may_not_be_written_or_read_are_named() {
    const DENIED: &str = "Permission denied";
    let nobody = Nobody::new();
    let store = nobody.readable_folder("store");
    let store = strs(&store);
    let log = Log { seed: 1, bytes_min: 1_000, bytes_max: 1_000 };
    let wal = nobody.path("wal");
    fs::create_dir(&wal).unwrap();
    log.write(&wal, 0..3);
    fs::write(nobody.path("rows.ndjson"), "{\"a\":1}\n").unwrap();
    let named = &[DENIED, store];
    nobody.run(&["put", "rows.ndjson", "-c", "c", "--store", store]).fails(1, named);
    nobody.run(&["wal", "put", "rows.ndjson", "--store", store]).fails(1, named);
    nobody.run(&["wal", "archive", strs(&wal), "--store", store]).fails(1, named);
    // A segment that may not be read: it is named, and it makes no hole.
    fs::set_permissions(wal.join(Log::name(0)), Permissions::from_mode(0o000)).unwrap();
    let open = nobody.path("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    let archive = ["wal", "archive", strs(&wal), "--store", strs(&open)];
    nobody.run(&archive).fails(1, &[DENIED, &Log::name(0)]);
    assert!(!open.join("wal").join(Log::name(1)).exists(), "no hole");
    fs::set_permissions(wal.join(Log::name(0)), Permissions::from_mode(0o644)).unwrap();
    nobody.run(&archive).ok();
    // A restore to where it may not write.
    let target = nobody.readable_folder("target");
    let restore = ["wal", "restore", "--to", strs(&target), "--store", strs(&open)];
    nobody.run(&restore).fails(1, &[DENIED, strs(&target)]);
    fs::set_permissions(&target, Permissions::from_mode(0o777)).unwrap();
    nobody.run(&restore).ok();
    log.assert_is(&target, 0..2);
}
