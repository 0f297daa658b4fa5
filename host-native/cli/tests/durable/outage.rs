//! A store that is away, slow, or answers what it should not.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::common::child::{Running, run, run_fed};
use crate::common::proxy::{Asked, Fault, FaultProxy, Rule};
use crate::common::seaweed::Seaweed;
use crate::harness::{LIMIT, Place, behind_proxy, failure_code, strs, wait_for};
use crate::log::{Log, Writer};
use crate::rows::{noise, write_telemetry};
use crate::telemetry::SEED;

/// Retrying ends after 30 s with the command's own settings (docs/operating.md, "Time"). This many
/// times as much is for a busy machine; who tries again without an end is over it all the same.
const BOUNDED: Duration = Duration::from_secs(6 * 30);

/// What a bad day has: each fault once for certain, then again by chance.
fn bad_day() -> Vec<Rule> {
    let once_and_by_chance = |fault: Fault, befalls: fn(&Asked) -> bool| {
        [Rule::new(fault.clone()).on(befalls).times(1), Rule::new(fault).on(befalls).chance(5)]
    };
    [
        once_and_by_chance(Fault::slow_down(None), |_| true),
        once_and_by_chance(Fault::internal_error(), |asked| asked.method == "PUT"),
        once_and_by_chance(Fault::CutRequest { after: 10_000 }, |asked| asked.body_bytes > 20_000),
        once_and_by_chance(Fault::CutAnswer { after: 300 }, |asked| asked.method == "GET"),
        once_and_by_chance(Fault::LoseAnswer, |asked| asked.body_bytes > 20_000),
        once_and_by_chance(Fault::Delay(Duration::from_millis(60)), |_| true),
        // An upload that was begun and that nobody knows; an object that was made and nobody heard
        // of.
        once_and_by_chance(Fault::LoseAnswer, |asked| asked.target.contains("uploads=")),
        once_and_by_chance(Fault::LoseAnswer, |asked| {
            asked.method == "POST" && asked.target.contains("uploadId=")
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn a_log_is_archived_verified_and_restored_through_a_store_that_fails() {
    let (place, proxy) = behind_proxy("outage/log", 11);
    let folder = place.folder("wal");
    // Small ones, and such as go ahead in parts.
    let log = Log { seed: 11, bytes_min: 20_000, bytes_max: 2_500_000 };
    log.write(&folder, 0..41);
    proxy.follow(bad_day());
    place.run(&["wal", "archive", strs(&folder)]).ok();
    let counts = proxy.counts();
    eprintln!("archive: {counts:?}");
    assert!(counts.faults() >= 10 && counts.lost > 0 && counts.cut > 1, "{counts:?}");
    assert!(counts.at_once_max > 1, "segments go up beside one another: {counts:?}");
    place.run(&["wal", "verify", strs(&folder)]).ok();
    let restored = place.path("restored");
    place.run(&["wal", "restore", "--to", strs(&restored)]).ok();
    log.assert_is(&restored, 0..40);
    assert_eq!(place.archived().len(), 40);
    assert_eq!(place.uploads_left(), []);
}

#[test]
fn an_archiver_that_fails_takes_back_what_it_has_sent_behind_the_failure() {
    let (place, proxy) = behind_proxy("outage/behind", 20);
    let folder = place.folder("wal");
    let log = Log { seed: 20, bytes_min: 3_000_000, bytes_max: 3_000_000 };
    log.write(&folder, 0..6);
    let first = format!("{}wal/{}", place.key_prefix(), Log::name(0));
    place.bucket().put(&first, &vec![0; 3_000_000]);
    // It is found out late that this is of another log, when all behind it have been sent.
    proxy.follow([Rule::new(Fault::Hold { until: |counts| counts.bytes_up > 3_000_000 })
        .on(|asked| asked.method == "GET" && asked.target.contains("/000000010000000000000000"))]);
    // A slow machine may need longer for what is sent ahead than a request has by default.
    let archive = ["wal", "archive", strs(&folder), "--timeout", "600"];
    place.run(&archive).fails(1, &["other content"]);
    let counts = proxy.counts();
    assert!(counts.bytes_up > 3_000_000, "nothing was sent ahead: {counts:?}");
    assert_eq!(place.uploads_left(), []);
    assert_eq!(place.archived(), [Log::name(0)]);
}

#[test]
fn rows_in_parts_arrive_through_a_store_that_fails() {
    let (place, proxy) = behind_proxy("outage/rows", 12);
    fs::write(place.path("rows.ndjson"), noise(40_000_000, 12)).unwrap();
    proxy.follow(bad_day());
    let put = ["put", "rows.ndjson", "--collection", "c", "--codec", "none"];
    for _ in 0..2 {
        // The second time it is there already: also through these faults, and never a conflict.
        place.run(&put).ok();
    }
    let counts = proxy.counts();
    eprintln!("put: {counts:?}");
    assert!(counts.lost > 2 && counts.cut > 1, "{counts:?}");
    proxy.follow([]);
    let keys = place.bucket().keys(&format!("{}0/", place.key_prefix()));
    assert_eq!(keys.len(), 1, "{keys:?}");
    place.run(&["get", keys[0].as_str(), "-o", "got"]).ok();
    let reference = place.folder("reference");
    place.run(&[&put[..], &["--store", strs(&reference)]].concat()).ok();
    let file = fs::read_dir(reference.join("0/c")).unwrap().next().unwrap().unwrap();
    assert!(fs::read(place.path("got")).unwrap() == fs::read(file.path()).unwrap());
    assert_eq!(place.uploads_left(), []);
}

#[test]
fn a_store_that_asks_for_patience_gets_it() {
    let (place, proxy) = behind_proxy("outage/patience", 13);
    fs::write(place.path("segment"), "log").unwrap();
    for (retry_after_s, name) in [(None, "a"), (Some(1), "b")] {
        proxy.follow([Rule::new(Fault::slow_down(retry_after_s)).times(4)]);
        place.run(&["wal", "put", "segment", "--name", name]).ok();
    }
    assert_eq!(proxy.counts().answered, 8);
    assert_eq!(place.archived(), ["a", "b"]);
}

#[test]
fn a_slow_store_slows_the_reader_and_fills_no_memory() {
    let (place, proxy) = behind_proxy("outage/slow", 14);
    proxy.follow([Rule::new(Fault::Throttle { bytes_per_s: 4_000_000 })
        .on(|asked| asked.method == "PUT" && asked.body_bytes > 100_000)]);
    let (sender, receiver) = std::sync::mpsc::channel();
    let ran = run_fed(
        &mut place.command(&["put", "-", "--collection", "c", "--codec", "none"]),
        move |mut stdin| {
            let _ = sender.send(write_telemetry(&mut stdin, 250_000_000, SEED));
        },
        LIMIT,
    );
    let (peak, took) = (ran.peak_bytes, ran.took);
    ran.ok();
    receiver.recv().unwrap().expect("all of it was taken");
    let counts = proxy.counts();
    eprintln!("{took:?}, peak {} MB, {counts:?}", peak / 1_000_000);
    assert!(counts.throttled > 1 && peak < 400_000_000, "{peak} bytes at once: {counts:?}");
}

#[test]
fn a_server_that_is_stopped_and_started_costs_time_and_nothing_else() {
    let mut server = Seaweed::start();
    let proxy_server = server.endpoint.clone();
    let proxy = FaultProxy::before(&proxy_server, 15);
    let log = Log { seed: 15, bytes_min: 50_000, bytes_max: 150_000 };
    let (folder, watching, writer, variables) = {
        let place = Place::new(&server, "outage/stopped").by_way_of(proxy.endpoint());
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(log, folder.path().to_owned(), Duration::from_millis(100));
        let path = strs(folder.path());
        let mut command = place.command(&["wal", "archive", path, "--watch", "--poll", "100ms"]);
        let watching = Running::start(command.stdin(Stdio::null()));
        wait_for(|| place.archived().len() >= 5);
        (folder, watching, writer, place.variables())
    };
    server.stop();
    // A put that begins while nobody is there.
    let place_folder = tempfile::tempdir().unwrap();
    fs::write(place_folder.path().join("segment"), "late").unwrap();
    let mut late = crate::harness::bare(env!("CARGO_BIN_EXE_coldpress"), place_folder.path());
    late.envs(variables).args(["wal", "put", "segment", "--name", "late", "--node", "other"]);
    let late = Running::start(&mut late);
    thread::sleep(Duration::from_secs(3));
    server.start_again();
    late.wait(LIMIT).ok();
    let place = Place::new(&server, "outage/stopped");
    let written = writer.sealed();
    wait_for(|| place.archived().len() as u64 >= written);
    let newest = writer.finish();
    watching.signal("TERM");
    let ended = watching.wait(LIMIT);
    assert!(matches!(ended.code, Some(0 | 130)), "{}", ended.stderr);
    place.run(&["wal", "archive", strs(folder.path())]).ok();
    place.run(&["wal", "verify", strs(folder.path())]).ok();
    let restored = place.path("restored");
    place.run(&["wal", "restore", "--to", strs(&restored)]).ok();
    log.assert_is(&restored, 0..newest);
}

#[test]
fn a_server_that_stays_away_is_an_error_in_bounded_time() {
    let (place, proxy) = behind_proxy("outage/away", 16);
    let folder = place.folder("wal");
    Log { seed: 16, bytes_min: 1_000, bytes_max: 1_000 }.write(&folder, 0..3);
    fs::write(place.path("rows.ndjson"), "{\"a\":1}\n").unwrap();
    proxy.go_away();
    let endpoint = proxy.endpoint();
    let restored = place.path("restored");
    let calls = [
        vec!["put", "rows.ndjson", "--collection", "c"],
        vec!["wal", "put", "rows.ndjson"],
        vec!["wal", "archive", strs(&folder)],
        vec!["wal", "verify", strs(&folder)],
        vec!["wal", "restore", "--to", strs(&restored)],
        vec!["wal", "get", "000000010000000000000000", "got"],
    ];
    // Beside one another: each waits out its whole time.
    let running = calls.map(|call| {
        let mut command = place.command(&[&call[..], &["--timeout", "2"]].concat());
        (call, Running::start(command.stdin(Stdio::null())))
    });
    for (call, running) in running {
        let ran = running.wait(LIMIT).within(BOUNDED);
        let line = ran.fails(failure_code(&call), &[&endpoint]);
        assert!(
            line.contains("onnect") || line.contains("can be reached, and try again"),
            "{call:?}: {line}"
        );
    }
    assert!(!place.path("got").exists());
}

#[test]
fn a_server_that_says_nothing_is_an_error_in_bounded_time() {
    let (place, proxy) = behind_proxy("outage/silent", 17);
    fs::write(place.path("segment"), "log").unwrap();
    proxy.follow([Rule::new(Fault::Silence(2 * BOUNDED))]);
    let ran = place.run(&["wal", "put", "segment", "--timeout", "1"]);
    ran.within(BOUNDED).fails(1, &[&proxy.endpoint()]);
}

#[test]
fn what_was_read_in_part_is_read_again_and_never_passed_off_as_whole() {
    let (place, proxy) = behind_proxy("outage/reads", 18);
    let folder = place.folder("wal");
    let log = Log { seed: 18, bytes_min: 300_000, bytes_max: 900_000 };
    log.write(&folder, 0..9);
    place.run(&["wal", "archive", strs(&folder)]).ok();
    let cut = |per_cent| {
        Rule::new(Fault::CutAnswer { after: 100_000 })
            .on(|asked| asked.method == "GET" && !asked.target.contains("list-type"))
            .chance(per_cent)
    };
    proxy.follow([cut(40)]);
    let restored = place.path("restored");
    place.run(&["wal", "restore", "--to", strs(&restored)]).ok();
    log.assert_is(&restored, 0..8);
    assert!(proxy.counts().cut > 0);
    // Every answer is cut: then it is an error, and no file.
    proxy.follow([Rule::new(Fault::CutAnswer { after: 0 })
        .on(|asked| asked.method == "GET" && !asked.target.contains("list-type"))]);
    let name = Log::name(3);
    let mut get = place.command(&["wal", "get", name.as_str(), "got", "--timeout", "2"]);
    run(&mut get, LIMIT).within(BOUNDED).fails(126, &[&name]);
    assert!(!place.path("got").exists());
    let left: Vec<_> = fs::read_dir(place.path(".")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left.len(), 2, "no half file stays: {left:?}");
}

#[test]
fn a_put_goes_on_where_the_store_goes_away_between_its_parts() {
    let (place, proxy) = behind_proxy("outage/parts", 19);
    let text = noise(60_000_000, 19);
    // The second part is on its way for as long as the store is not away.
    proxy.follow([Rule::new(Fault::Hold { until: |counts| counts.went_away > 0 })
        .on(|asked| asked.target.contains("partNumber=2"))]);
    thread::scope(|scope| {
        let outage = scope.spawn(|| {
            wait_for(|| !place.uploads_left().is_empty());
            proxy.go_away();
            thread::sleep(Duration::from_secs(2));
            proxy.come_back();
        });
        let ran = run_fed(
            &mut place.command(&["put", "-", "--collection", "c", "--codec", "none"]),
            move |mut stdin| {
                stdin.write_all(text.as_bytes()).unwrap();
            },
            LIMIT,
        );
        ran.ok();
        outage.join().unwrap();
    });
    let keys = place.bucket().keys(&format!("{}0/", place.key_prefix()));
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(place.uploads_left(), []);
}
