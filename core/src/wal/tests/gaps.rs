//! What is missing in a log, or seems to be.

use std::time::Duration;

use super::*;

#[test]
fn a_gap_stops_before_what_is_behind_it_and_is_named() {
    let here = ["w-1", "w-2", "w-4", "w-5"].map(|name| local(name, 1));
    let mut plan_ = plan(WalSettings::default());
    let begun = puts(&all_actions(&mut plan_, &here, &[]));
    assert_eq!(begun.iter().map(|(_, name)| name).collect::<Vec<_>>(), ["w-1", "w-2"]);
    for (id, _) in &begun {
        plan_.handle_stored(*id, checksum(1), true, 1_000);
    }
    assert_eq!(archived(&actions(&mut plan_)), ["w-1", "w-2"]);
    let error = plan_.outcome().unwrap().as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Missing);
    assert!(error.to_string().contains("segment w-3 is missing"), "{error}");
    assert_eq!(plan_.gaps().len(), 1);

    let puts_with = |settings: WalSettings, there: &[ArchivedSegment]| {
        puts(&all_actions(&mut plan(settings), &here, there)).len()
    };
    // In the archive it is as good as here; a record alone is no segment.
    assert_eq!(puts_with(WalSettings::default(), &[there("w-3", 1)]), 3);
    let only_record = ArchivedSegment { bytes: None, ..there("w-3", 1) };
    assert_eq!(puts_with(WalSettings::default(), &[only_record]), 2);
    assert_eq!(puts_with(WalSettings { past_gap: true, ..WalSettings::default() }, &[]), 3);
}

#[test]
fn a_gap_is_found_wherever_it_is_but_stops_nothing_before_all_that_is_here() {
    let ends = |settings: WalSettings, here: &[&str], archived: &[ArchivedSegment]| {
        let here: Vec<LocalSegment> = here.iter().map(|name| local(name, 1)).collect();
        let mut plan = plan(settings);
        let wanted = all_actions(&mut plan, &here, archived);
        let error = plan.outcome().and_then(|outcome| outcome.as_ref().err().cloned());
        (puts(&wanted).len(), error.map(|error| error.to_string()).unwrap_or_default())
    };
    // What is behind it may have come into the archive before it went missing.
    let (wanted, error) =
        ends(WalSettings::default(), &["w-4", "w-5"], &[there("w-1", 1), there("w-4", 1)]);
    assert!(wanted == 0 && error.contains("first is w-2"), "{wanted} {error}");
    // Before the one that is being written.
    let (wanted, error) = ends(WalSettings::default(), &["w-4"], &[there("w-1", 1)]);
    assert!(wanted == 0 && error.contains("first is w-2"), "{wanted} {error}");
    // A record tells that there was a segment, even where names do not.
    let any = || WalSettings { names: Some(SegmentNames::Any), ..WalSettings::default() };
    let begun = ArchivedSegment { bytes: None, ..there("b", 1) };
    let (wanted, error) = ends(any(), &["c", "d"], &[begun]);
    assert!(wanted == 0 && error.contains("segment b is missing"), "{wanted} {error}");
    let (wanted, error) =
        ends(WalSettings::default(), &["w-4", "w-5"], &[there("w-1", 1), there("w-3", 1)]);
    assert_eq!((wanted, error.as_str()), (1, ""));
}

#[test]
fn what_another_archiver_deleted_is_no_gap() {
    let mut plan =
        plan(WalSettings { poll: Some(Duration::from_millis(10)), ..WalSettings::default() });
    look(&mut plan, vec![local("w-1", 1), local("w-2", 1)], vec![]);
    let begun = puts(&actions(&mut plan));
    plan.handle_vanished(begun[0].0, 1_000);
    let [WalAction::Scan { id }] = &actions(&mut plan)[..] else { panic!() };
    plan.handle_scan(*id, vec![local("w-4", 1), local("w-5", 1)], 1_000);
    let [WalAction::List { id }] = &actions(&mut plan)[..] else { panic!() };
    plan.handle_listing(*id, (1..=3).map(|n| there(&format!("w-{n}"), 1)).collect(), 1_000);
    assert_eq!(puts(&actions(&mut plan))[0].1, "w-4");
}

#[test]
fn a_gap_by_an_old_listing_is_looked_at_again() {
    let mut plan =
        plan(WalSettings { poll: Some(Duration::from_millis(10)), ..WalSettings::default() });
    look(&mut plan, vec![local("w-2", 1)], vec![there("w-1", 1)]);
    assert_eq!(actions(&mut plan), []);
    assert_eq!(plan.next_timeout(), Some(1_010));
    let here = || vec![local("w-3", 1), local("w-4", 1)];
    for look in 0..2 {
        let Some(WalAction::Scan { id }) = plan.poll(1_010) else { panic!("look {look}") };
        plan.handle_scan(id, here(), 1_010);
        assert!(plan.outcome().is_none());
    }
    let Some(WalAction::List { id }) = plan.poll(1_010) else { panic!("not believed at once") };
    plan.handle_listing(id, vec![there("w-1", 1)], 1_010);
    assert_eq!(plan.poll(1_010), None);
    let error = plan.outcome().unwrap().as_ref().unwrap_err();
    assert!(error.to_string().contains("w-2"), "{error}");
}

#[test]
fn a_segment_that_goes_away_unarchived_is_named() {
    for by_scan in [true, false] {
        let mut plan = plan(WalSettings::default());
        look(&mut plan, vec![local("w-1", 1), local("w-2", 1)], vec![]);
        let begun = puts(&actions(&mut plan));
        plan.handle_vanished(begun[0].0, 1_000);
        let [WalAction::Scan { id }] = &actions(&mut plan)[..] else { panic!() };
        let newest = local("w-2", 1);
        let here = if by_scan { vec![newest] } else { vec![local("w-1", 1), newest] };
        plan.handle_scan(*id, here, 1_000);
        let [WalAction::List { id }] = &actions(&mut plan)[..] else { panic!() };
        plan.handle_listing(*id, vec![], 1_000);
        let then = actions(&mut plan);
        if by_scan {
            let error = plan.outcome().unwrap().as_ref().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Missing);
            assert!(error.to_string().contains("w-1"), "{error}");
        } else {
            assert_eq!(puts(&then)[0].1, "w-1", "it is there after all");
        }
    }
}
