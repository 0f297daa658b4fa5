//! The plan, step by step; what comes of thousands of bad days is `tests/tests/wal_sim.rs`'s.

mod gaps;
mod held;

use std::time::Duration;

use super::*;
use crate::{Error, ErrorKind};

fn local(name: &str, bytes: u64) -> LocalSegment {
    LocalSegment {
        name: name.to_owned(),
        bytes,
        modified_ms: 100,
        age_ms: 0,
        mark: ArchiveMark::None,
    }
}

fn marked(name: &str, mark: ArchiveMark) -> LocalSegment {
    LocalSegment { mark, ..local(name, 16) }
}

fn checksum(bytes: u64) -> SegmentChecksum {
    SegmentChecksum { crc32c: bytes as u32, bytes }
}

fn there(name: &str, bytes: u64) -> ArchivedSegment {
    ArchivedSegment {
        name: name.to_owned(),
        bytes: Some(bytes),
        modified_ms: 50,
        records: vec![checksum(bytes)],
        recorded_ms: 50,
    }
}

fn plan(settings: WalSettings) -> WalPlan {
    WalPlan::new(settings, 7, 1_000).unwrap()
}

/// Answers what the plan wants to know first.
fn look(plan: &mut WalPlan, here: Vec<LocalSegment>, there: Vec<ArchivedSegment>) {
    let Some(WalAction::Scan { id }) = plan.poll(1_000) else { panic!("no scan") };
    plan.handle_scan(id, here, 1_000);
    let Some(WalAction::List { id }) = plan.poll(1_000) else { panic!("no listing") };
    plan.handle_listing(id, there, 1_000);
}

/// What it wants done, where folder and archive look the same however often it looks.
fn all_actions(
    plan: &mut WalPlan,
    here: &[LocalSegment],
    there: &[ArchivedSegment],
) -> Vec<WalAction> {
    let mut wanted = Vec::new();
    let now_ms = plan.now_ms;
    while let Some(action) = plan.poll(now_ms) {
        match action {
            WalAction::Scan { id } => plan.handle_scan(id, here.to_vec(), now_ms),
            WalAction::List { id } => plan.handle_listing(id, there.to_vec(), now_ms),
            other => wanted.push(other),
        }
        assert!(wanted.len() < 100);
    }
    wanted
}

fn actions(plan: &mut WalPlan) -> Vec<WalAction> {
    std::iter::from_fn(|| plan.poll(1_000)).take(100).collect()
}

fn puts(actions: &[WalAction]) -> Vec<(u64, String)> {
    let put = |action: &WalAction| match action {
        WalAction::Put { id, segment } => Some((*id, segment.name.clone())),
        _ => None,
    };
    actions.iter().filter_map(put).collect()
}

fn published(actions: &[WalAction]) -> Vec<u64> {
    let published = |action: &WalAction| match action {
        WalAction::Publish { id } => Some(*id),
        _ => None,
    };
    actions.iter().filter_map(published).collect()
}

fn cancelled(actions: &[WalAction]) -> Vec<u64> {
    let cancelled = |action: &WalAction| match action {
        WalAction::Cancel { id } => Some(*id),
        _ => None,
    };
    actions.iter().filter_map(cancelled).collect()
}

fn archived<'a>(actions: &'a [WalAction]) -> Vec<&'a str> {
    let archived = |action: &'a WalAction| match action {
        WalAction::Archived(now) => Some(now.name.as_str()),
        _ => None,
    };
    actions.iter().filter_map(archived).collect()
}

#[test]
fn segments_go_up_side_by_side_and_are_published_and_archived_in_order() {
    let mut plan = plan(WalSettings { parallel: 2, ..WalSettings::default() });
    look(&mut plan, (1..=4).map(|n| local(&format!("w-{n}"), n)).collect(), vec![]);
    let first = actions(&mut plan);
    let [(one, _), (two, _)] = &puts(&first)[..] else { panic!("{first:?}") };
    assert_eq!(published(&first), [*one], "the second waits for it");
    plan.handle_stored(*one, checksum(1), false, 1_000);
    let next = actions(&mut plan);
    assert_eq!(archived(&next), ["w-1"]);
    let [(three, name)] = &puts(&next)[..] else { panic!("{next:?}") };
    assert_eq!((published(&next), name.as_str()), (vec![*two], "w-3"));
    plan.handle_stored(*two, checksum(2), true, 1_000);
    let last = actions(&mut plan);
    assert_eq!((archived(&last), published(&last)), (vec!["w-2"], vec![*three]));
    assert!(plan.outcome().is_none());
    plan.handle_stored(*three, checksum(3), true, 1_000);
    assert_eq!(archived(&actions(&mut plan)), ["w-3"]);
    let summary = *plan.outcome().unwrap().as_ref().unwrap();
    let expected = WalSummary { segments: 3, bytes: 6, created: 2, verified: 0, settled: 0 };
    assert_eq!(summary, expected, "and never w-4, the newest");
}

#[test]
fn nothing_is_deleted_before_it_was_read_back_and_all_before_it_are_archived() {
    let mut plan = plan(WalSettings { delete: true, ..WalSettings::default() });
    look(&mut plan, (1..=3).map(|n| local(&format!("w-{n}"), n)).collect(), vec![]);
    let begun = puts(&actions(&mut plan));
    plan.handle_stored(begun[0].0, checksum(1), true, 1_000);
    let next = actions(&mut plan);
    let [WalAction::Publish { .. }, WalAction::Verify { id: one, name, .. }] = &next[..] else {
        panic!("{next:?}")
    };
    assert_eq!(name, "w-1");
    plan.handle_stored(begun[1].0, checksum(2), true, 1_000);
    let [WalAction::Verify { id: two, name, .. }] = &actions(&mut plan)[..] else { panic!() };
    assert_eq!(name, "w-2");
    plan.handle_verified(*two, checksum(2), 1_000);
    assert_eq!(actions(&mut plan), [], "w-1 is not archived");
    plan.handle_verified(*one, checksum(1), 1_000);
    let ended = actions(&mut plan);
    let deleted: Vec<&str> = ended
        .iter()
        .filter_map(|action| match action {
            WalAction::Delete { segment, .. } => Some(segment.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!((archived(&ended), deleted), (vec!["w-1", "w-2"], vec!["w-1", "w-2"]));
}

#[test]
fn damage_found_on_reading_back_stops_and_keeps_the_file() {
    let settings = WalSettings {
        delete: true,
        poll: Some(Duration::from_millis(1_000)),
        ..WalSettings::default()
    };
    let mut plan = plan(settings);
    look(&mut plan, vec![local("w-1", 1), local("w-2", 2)], vec![]);
    let begun = puts(&actions(&mut plan));
    plan.handle_stored(begun[0].0, checksum(1), true, 1_000);
    let [WalAction::Verify { id, .. }] = &actions(&mut plan)[..] else { panic!() };
    plan.handle_verified(*id, SegmentChecksum { crc32c: 9, bytes: 1 }, 1_000);
    assert_eq!(actions(&mut plan), []);
    let error = plan.outcome().unwrap().as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "also while watching");
    assert!(error.to_string().contains("w-1"), "{error}");
}

#[test]
fn the_first_failure_stops_later_ones_and_earlier_ones_end_in_order() {
    let mut plan = plan(WalSettings::default());
    look(&mut plan, (1..=9).map(|n| local(&format!("w-{n}"), n)).collect(), vec![]);
    let begun = puts(&actions(&mut plan));
    assert_eq!(begun.len(), 4);
    let error = Error::new(ErrorKind::Conflict, "other content");
    plan.handle_failure(begun[1].0, error, 1_000);
    let wanted = actions(&mut plan);
    assert_eq!(cancelled(&wanted), [begun[2].0, begun[3].0]);
    assert_eq!(wanted.len(), 2, "{wanted:?}");
    assert!(plan.outcome().is_none(), "the first is still under way");
    plan.handle_stored(begun[2].0, checksum(3), true, 1_000);
    plan.handle_stored(begun[0].0, checksum(1), true, 1_000);
    assert_eq!(archived(&actions(&mut plan)), ["w-1"]);
    assert_eq!(plan.outcome().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn what_turns_up_late_goes_before_those_that_wait() {
    let look_again = |parallel, drains| {
        let settings = WalSettings {
            parallel,
            poll: Some(Duration::from_millis(10)),
            ..WalSettings::default()
        };
        let mut plan = plan(settings);
        let here = |from: u32| (from..=9).map(|n| local(&format!("w-{n}"), 1)).collect::<Vec<_>>();
        look(&mut plan, here(6), vec![]);
        let begun = actions(&mut plan);
        let Some(WalAction::Scan { id }) = plan.poll(1_010) else { panic!("no look") };
        plan.handle_scan(id, here(1), 1_010);
        if drains {
            plan.shutdown();
        }
        let next = actions(&mut plan);
        let puts_of = |actions| puts(actions).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        let late = puts(&next).first().map(|(id, _)| *id);
        assert!(published(&next).into_iter().eq(late), "{next:?}");
        (puts_of(&begun).len(), cancelled(&next).len(), puts_of(&next))
    };
    // Where no place is free, the one that waits makes room; the one that may arrive already does
    // not.
    assert_eq!(look_again(2, false), (2, 1, vec!["w-1".to_owned()]));
    let (begun, cancels, late) = look_again(9, false);
    assert_eq!((begun, cancels, late.len()), (3, 0, 5));
    // Whoever leaves does not wait for what was not begun.
    assert_eq!(look_again(9, true), (3, 2, vec![]));
}

#[test]
fn while_watching_a_store_that_is_away_is_tried_for_ever_and_more_slowly() {
    let mut plan =
        plan(WalSettings { poll: Some(Duration::from_millis(100)), ..WalSettings::default() });
    let mut now_ms = 1_000;
    let away = || Error::new(ErrorKind::Unavailable, "away");
    let (mut lists, mut longest, mut last) = (0, 0, now_ms);
    while lists < 20 {
        match plan.poll(now_ms) {
            Some(WalAction::Scan { id }) => {
                plan.handle_scan(id, vec![local("w-1", 5), local("w-2", 1)], now_ms);
            }
            Some(WalAction::List { id }) => {
                lists += 1;
                (longest, last) = (longest.max(now_ms - last), now_ms);
                plan.handle_failure(id, away(), now_ms);
                assert!(plan.trouble().is_some());
            }
            Some(other) => panic!("{other:?}"),
            None => {
                let next_ms = plan.next_timeout().unwrap();
                assert!(next_ms > now_ms);
                now_ms = next_ms;
            }
        }
    }
    assert!((15_000..=30_101).contains(&longest), "{longest}");
    assert!(plan.outcome().is_none());
    let exposure = plan.exposure(now_ms);
    assert_eq!(
        (exposure.bytes, exposure.waiting, exposure.age),
        (6, 1, Duration::from_millis(now_ms - 100))
    );
    loop {
        match plan.poll(now_ms) {
            Some(WalAction::List { id }) => break plan.handle_listing(id, vec![], now_ms),
            Some(WalAction::Scan { id }) => {
                plan.handle_scan(id, vec![local("w-1", 5), local("w-2", 1)], now_ms);
            }
            _ => now_ms = plan.next_timeout().unwrap(),
        }
    }
    assert!(plan.trouble().is_none());
    assert!(matches!(plan.poll(now_ms), Some(WalAction::Put { .. })));
}

#[test]
fn a_shutdown_lets_what_is_under_way_end() {
    let mut plan =
        plan(WalSettings { poll: Some(Duration::from_millis(100)), ..WalSettings::default() });
    look(&mut plan, (1..=9).map(|n| local(&format!("w-{n}"), n)).collect(), vec![]);
    let begun = puts(&actions(&mut plan));
    plan.shutdown();
    plan.handle_stored(begun[0].0, checksum(1), true, 1_000);
    assert_eq!(archived(&actions(&mut plan)), ["w-1"]);
    for (id, _) in &begun[1..] {
        assert!(plan.outcome().is_none());
        plan.handle_stored(*id, checksum(1), true, 1_000);
        actions(&mut plan);
    }
    assert_eq!(plan.outcome().unwrap().as_ref().unwrap().segments, 4);
}

#[test]
fn the_rules_say_what_is_sealed() {
    let names = |settings: WalSettings, here: Vec<LocalSegment>| {
        let mut plan = plan(WalSettings { parallel: 9, ..settings });
        look(&mut plan, here, vec![]);
        puts(&actions(&mut plan)).into_iter().map(|(_, name)| name).collect::<Vec<_>>()
    };
    let aged = |name: &str, age_ms| LocalSegment { age_ms, ..local(name, 1) };
    let age = WalSettings {
        sealed: SealedRule::Age { age: Duration::from_millis(500) },
        ..WalSettings::default()
    };
    let here = vec![aged("w-1", 500), aged("w-2", 499), aged("w-3", 9_000)];
    assert_eq!(names(age, here), ["w-1"]);
    let ready = WalSettings { sealed: SealedRule::Ready, ..WalSettings::default() };
    let pg = |n: u32| format!("0000000100000000000000{n:02X}");
    let here = vec![
        marked(&pg(1), ArchiveMark::Done),
        marked(&pg(2), ArchiveMark::Ready),
        marked(&pg(3), ArchiveMark::Ready),
        marked(&pg(4), ArchiveMark::None),
        marked(&pg(5), ArchiveMark::None),
        marked("00000001.history", ArchiveMark::Ready),
    ];
    let expected = ["00000001.history".to_owned(), pg(1), pg(2), pg(3)];
    assert_eq!(names(ready.clone(), here.clone()), expected);
    // The one being written is at risk, and the old file that waits under a later name is not.
    let mut plan = plan(ready);
    look(&mut plan, here, vec![there(&pg(1), 16)]);
    let exposure = plan.exposure(1_100);
    assert_eq!((exposure.segments, exposure.waiting, exposure.bytes), (4, 3, 64));
}

#[test]
fn what_was_marked_done_and_is_archived_is_left_alone() {
    let pg = |n: u32| format!("0000000100000000000000{n:02X}");
    let mut plan = plan(WalSettings { sealed: SealedRule::Ready, ..WalSettings::default() });
    let here = vec![marked(&pg(1), ArchiveMark::Done), marked(&pg(2), ArchiveMark::Ready)];
    look(&mut plan, here, vec![there(&pg(1), 16)]);
    let [WalAction::Put { id, .. }, WalAction::Publish { .. }] = &actions(&mut plan)[..] else {
        panic!()
    };
    plan.handle_stored(*id, checksum(16), true, 1_000);
    let [WalAction::Verify { id, .. }] = &actions(&mut plan)[..] else { panic!() };
    plan.handle_verified(*id, checksum(16), 1_000);
    let ended = actions(&mut plan);
    let [WalAction::Archived(_), WalAction::MarkDone { id, name }] = &ended[..] else {
        panic!("{ended:?}")
    };
    assert_eq!(*name, pg(2));
    plan.handle_settled(*id, 1_000);
    assert_eq!(actions(&mut plan), []);
    assert!(plan.outcome().unwrap().is_ok());

    // However many they are.
    let mut plan = WalPlan::new(
        WalSettings { sealed: SealedRule::Ready, parallel: 1, ..WalSettings::default() },
        7,
        1_000,
    )
    .unwrap();
    let mut here: Vec<LocalSegment> = (1..9).map(|n| marked(&pg(n), ArchiveMark::Done)).collect();
    here.push(marked(&pg(9), ArchiveMark::Ready));
    look(&mut plan, here, (1..9).map(|n| there(&pg(n), 16)).collect());
    assert_eq!(puts(&actions(&mut plan))[0].1, pg(9));
}

#[test]
fn a_segment_that_changes_after_it_was_archived_is_compared_again() {
    let mut plan =
        plan(WalSettings { poll: Some(Duration::from_millis(10)), ..WalSettings::default() });
    let newest = local("w-2", 1);
    look(&mut plan, vec![local("w-1", 1), newest.clone()], vec![there("w-1", 1)]);
    let [WalAction::Compare { id, .. }] = &actions(&mut plan)[..] else { panic!() };
    plan.handle_stored(*id, checksum(1), false, 1_000);
    assert_eq!(archived(&actions(&mut plan)), ["w-1"]);
    for (bytes, compares) in [(1, false), (2, true)] {
        let now_ms = plan.next_timeout().unwrap();
        let Some(WalAction::Scan { id }) = plan.poll(now_ms) else { panic!() };
        plan.handle_scan(id, vec![local("w-1", bytes), newest.clone()], now_ms);
        let compared = matches!(plan.poll(now_ms), Some(WalAction::Compare { .. }));
        assert_eq!(compared, compares);
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for bad in [
        WalSettings { parallel: 0, ..WalSettings::default() },
        WalSettings { poll: Some(Duration::ZERO), ..WalSettings::default() },
        WalSettings { backoff: Duration::ZERO, ..WalSettings::default() },
        WalSettings { delete: true, sealed: SealedRule::Ready, ..WalSettings::default() },
    ] {
        assert_eq!(WalPlan::new(bad, 0, 0).unwrap_err().kind(), ErrorKind::Settings);
    }
}

#[test]
fn an_empty_folder_is_no_failure_and_no_exposure() {
    let mut plan = plan(WalSettings::default());
    look(&mut plan, vec![], vec![]);
    assert_eq!(actions(&mut plan), []);
    assert_eq!(*plan.outcome().unwrap().as_ref().unwrap(), WalSummary::default());
    assert_eq!(plan.exposure(5_000), Exposure::default());
}
