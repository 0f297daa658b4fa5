//! `kill -9` of the archiver at random moments, while the log grows.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::common::child::Running;
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place, strs, wait_for};
use crate::kill::{Killer, reach_of};
use crate::log::{Log, Writer};
use crate::prng::SplitMix64;

const SEED: u64 = 0x4B11_1009;
const KILLS: usize = 100;
/// A start, its probe and its listing take a good part of this, so that kills hit all of it.
const LIFE_MS_MAX: u64 = 450;

#[test]
fn a_hundred_kills_of_the_archiver_cost_no_byte() {
    let log = Log { seed: SEED, bytes_min: 1_000, bytes_max: 200_000 };
    kills_while_it_grows("crash/wal", log, Duration::from_millis(40), KILLS);
}

/// Large enough to be sent ahead in parts, of which a kill leaves some.
#[test]
fn kills_among_parts_cost_no_byte_either() {
    let log = Log { seed: SEED + 2, bytes_min: 1_000_000, bytes_max: 3_000_000 };
    kills_while_it_grows("crash/parts", log, Duration::from_millis(60), KILLS / 4);
}

fn kills_while_it_grows(prefix: &str, log: Log, segment_time: Duration, kills: usize) {
    let place = Place::new(Seaweed::shared(), prefix);
    let folder = place.folder("wal");
    let writer = Writer::start(log, folder.clone(), segment_time);
    let mut random = SplitMix64::new(log.seed);
    let mut archived_at_kills = Vec::new();
    for kill in 0..kills {
        // Half of the lives free the local disk too: then the archive alone has those segments.
        let mut arguments = vec!["wal", "archive", strs(&folder), "--watch", "--poll", "20ms"];
        if random.below(2) == 0 {
            arguments.push("--delete-after-verify");
        }
        let mut command = place.command(&arguments);
        let before = place.archived().len();
        writer.wait_at(before as u64 + 50);
        let mut running = Running::start(command.stdin(Stdio::null()));
        // Half of the lives archive something, however slow the machine is; the others end at any
        // time.
        let grown = random.below(2) as usize * (1 + random.below(3) as usize);
        wait_for(|| running.has_ended() || place.archived().len() >= before + grown);
        thread::sleep(Duration::from_millis(random.below(LIFE_MS_MAX)));
        if running.has_ended() {
            let ran = running.wait(Duration::ZERO);
            panic!("it ended by itself before kill {kill}: {}", ran.stderr);
        }
        running.kill();
        let archived = place.archived();
        let first: Vec<String> = (0..archived.len() as u64).map(Log::name).collect();
        assert_eq!(archived, first, "kill {kill} has left a hole");
        archived_at_kills.push(archived.len());
    }
    let newest = writer.finish();
    eprintln!("{newest} segments written; archived at each kill: {archived_at_kills:?}");
    archived_at_kills.dedup();
    assert!(archived_at_kills.len() > kills / 10, "kills fell where nothing was going on");

    let once = ["wal", "archive", strs(&folder), "--delete-after-verify"];
    place.run(&once).ok();
    place.run(&["wal", "verify", strs(&folder)]).ok();
    let restored = place.path("restored");
    place.run(&["wal", "restore", "--to", strs(&restored)]).ok();
    log.assert_is(&restored, 0..newest);
    log.assert_is(&folder, newest..newest + 1);
    assert_archive_is_clean(&place, newest);
}

/// Whatever `verify` sees on its way, it waits for.
#[test]
fn verify_beside_an_archiver_at_work_is_no_false_alarm() {
    let place = Place::new(Seaweed::shared(), "crash/verify");
    let (folder, store) = (place.folder("wal"), place.path("store"));
    let log = Log { seed: SEED + 3, bytes_min: 1_000, bytes_max: 50_000 };
    let writer = Writer::start(log, folder.clone(), Duration::from_millis(15));
    let arguments = ["wal", "archive", strs(&folder), "--watch", "--poll", "20ms"];
    let arguments = [&arguments[..], &["--delete-after-verify", "--store", strs(&store)]].concat();
    let archiver = Running::start(place.command(&arguments).stdin(Stdio::null()));
    // From then on there is something to verify.
    wait_for(|| store.join("wal").join(Log::name(0)).exists());
    let verify = ["wal", "verify", strs(&folder), "--store", strs(&store), "--require-some"];
    for _ in 0..25 {
        place.run(&verify).ok();
    }
    archiver.signal("TERM");
    archiver.wait(LIMIT).ok();
    writer.finish();
}

#[test]
fn kills_of_a_restore_leave_whole_segments_and_the_next_one_ends_it() {
    let (place, killer) = Killer::before("crash/restore", SEED + 1);
    let folder = place.folder("wal");
    let log = Log { seed: SEED + 1, bytes_min: 1_000_000, bytes_max: 3_000_000 };
    log.write(&folder, 0..21);
    place.run(&["wal", "archive", strs(&folder)]).ok();
    let restored = place.folder("restored");
    let restore = ["wal", "restore", "--to", strs(&restored)];
    let begin_anew = || {
        fs::remove_dir_all(&restored).unwrap();
        fs::create_dir(&restored).unwrap();
    };
    let requests = killer.requests_of(&mut place.command(&restore));
    begin_anew();
    let mut random = SplitMix64::new(SEED + 1);
    let mut in_the_middle = 0;
    for kill in 0..15 {
        killer.kill_after(&mut place.command(&restore), random.below(requests), reach_of(kill));
        let whole = whole_segments(&log, &restored);
        in_the_middle += u32::from((1..20).contains(&whole));
        // Begun anew now and then, so that later kills find something to do.
        if whole == 20 {
            begin_anew();
        }
    }
    assert!(in_the_middle > 0, "no kill fell into the middle of a restore");
    place.run(&["wal", "restore", "--to", strs(&restored)]).ok();
    whole_segments(&log, &restored);
    let names = fs::read_dir(&restored).unwrap();
    let left: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.len() == 24)
        .collect();
    assert_eq!(left.len(), 20);
}

/// How many segments have their names; each must be whole, whenever the kill came.
fn whole_segments(log: &Log, folder: &Path) -> usize {
    let numbers = (0..20).filter(|&number| {
        let Ok(found) = fs::read(folder.join(Log::name(number))) else { return false };
        assert!(found == log.bytes(number), "segment {number} has its name and not its bytes");
        true
    });
    numbers.count()
}

/// Nothing in the bucket but the segments, one record each, and what a killed probe may leave.
fn assert_archive_is_clean(place: &Place<'_>, segments: u64) {
    let wanted: Vec<String> = (0..segments).map(Log::name).collect();
    assert_eq!(place.archived(), wanted);
    let shown = place.run(&["ls", "--json"]).ok();
    assert!(!shown.contains('~') && !shown.contains("probe"), "{shown}");
    let prefix = place.key_prefix();
    let keys = place.bucket().keys(&prefix);
    let probe = format!("{prefix}_coldpress/probe-");
    let others = keys.iter().filter(|key| !key.starts_with(&probe)).count() as u64;
    assert_eq!(others, 2 * segments, "a record for each segment and no more: {keys:?}");
    assert_eq!(place.uploads_left(), []);
}
