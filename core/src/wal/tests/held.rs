//! Nothing behind an unfinished segment goes on.

use std::time::Duration;

use super::*;

fn aged(name: &str, age_ms: u64) -> LocalSegment {
    LocalSegment { age_ms, ..local(name, 1) }
}

fn pg(timeline: u32, number: u32) -> String {
    format!("{timeline:08X}00000000{number:08X}")
}

fn ready(timeline: u32, number: u32) -> LocalSegment {
    marked(&pg(timeline, number), ArchiveMark::Ready)
}

fn unmarked(timeline: u32, number: u32) -> LocalSegment {
    marked(&pg(timeline, number), ArchiveMark::None)
}

fn names(wanted: &[WalAction]) -> Vec<String> {
    puts(wanted).into_iter().map(|(_, name)| name).collect()
}

fn begun(sealed: SealedRule, here: &[LocalSegment], there: &[ArchivedSegment]) -> Vec<String> {
    let settings = WalSettings { sealed, parallel: 9, ..WalSettings::default() };
    names(&all_actions(&mut plan(settings), here, there))
}

const AGE: SealedRule = SealedRule::Age { age: Duration::from_millis(500) };

#[test]
fn a_younger_segment_holds_up_older_ones_behind_it() {
    let here = [aged("w-1", 900), aged("w-2", 499), aged("w-3", 900), aged("w-4", 900)];
    let settings = WalSettings { sealed: AGE, delete: true, ..WalSettings::default() };
    let mut plan = plan(settings);
    let wanted = all_actions(&mut plan, &here, &[]);
    assert_eq!(names(&wanted), ["w-1"]);
    assert_eq!(plan.sealed().map(|local| local.name.as_str()).collect::<Vec<_>>(), ["w-1"]);
    let held = plan.held_up();
    assert_eq!((held.len(), held[0].by.as_str(), held[0].first.as_str()), (1, "w-2", "w-3"));
    assert_eq!((held[0].segments, held[0].bytes), (1, 1), "the newest is not finished itself");
    assert_eq!(
        held[0].why,
        Unfinished::Young {
            age: Duration::from_millis(499),
            sealed: Duration::from_millis(500),
            ahead: Duration::ZERO,
        }
    );
    assert!(held[0].to_string().contains("w-2 is not finished and holds up segment w-3"));
    assert_eq!((plan.holder_of("w-3"), plan.holder_of("w-1")), (Some("w-2"), None));
    let exposure = plan.exposure(1_100);
    assert_eq!((exposure.segments, exposure.waiting, exposure.held), (4, 2, 1));
}

#[test]
fn a_segment_that_is_touched_holds_up_what_is_being_put() {
    let settings = WalSettings {
        sealed: AGE,
        poll: Some(Duration::from_millis(10)),
        ..WalSettings::default()
    };
    let mut plan = plan(settings);
    let old = |name| aged(name, 900);
    look(&mut plan, vec![old("w-1"), old("w-2"), old("w-3"), old("w-4")], vec![]);
    let wanted = actions(&mut plan);
    let [one, two, three] = &puts(&wanted)[..] else { panic!("{wanted:?}") };
    // The first comes to be seen, the second changes and is put in vain.
    plan.handle_stored(one.0, checksum(1), true, 1_000);
    let second = Error::new(ErrorKind::Unavailable, "it was written to while it was read");
    actions(&mut plan);
    plan.handle_failure(two.0, second, 1_000);
    assert_eq!(cancelled(&actions(&mut plan)), [three.0]);
    let touched = LocalSegment { modified_ms: 990, ..aged("w-2", 10) };
    let here = [old("w-1"), touched, old("w-3"), old("w-4")];
    let now_ms = 40_000;
    let mut begun = Vec::new();
    while let Some(action) = plan.poll(now_ms) {
        match action {
            WalAction::Scan { id } => plan.handle_scan(id, here.to_vec(), now_ms),
            WalAction::List { id } => plan.handle_listing(id, vec![there("w-1", 1)], now_ms),
            other => begun.push(other),
        }
    }
    assert_eq!(names(&begun), [""; 0]);
    assert_eq!(plan.held_up()[0].by, "w-2");
}

#[test]
fn what_becomes_unfinished_breaks_off_what_was_sent_behind_it() {
    let settings = WalSettings {
        sealed: SealedRule::Ready,
        parallel: 2,
        poll: Some(Duration::from_millis(10)),
        ..WalSettings::default()
    };
    let mut plan = plan(settings);
    let here = vec![ready(1, 1), ready(1, 2), ready(1, 3), unmarked(1, 4)];
    look(&mut plan, here, vec![]);
    let wanted = actions(&mut plan);
    let [one, two] = &puts(&wanted)[..] else { panic!("{wanted:?}") };
    // The first fails and is tried again later; then somebody takes its mark away.
    plan.handle_failure(one.0, Error::new(ErrorKind::Unavailable, "away"), 1_000);
    assert_eq!(cancelled(&actions(&mut plan)), [two.0]);
    let here = vec![unmarked(1, 1), ready(1, 2), ready(1, 3), unmarked(1, 4)];
    let Some(WalAction::Scan { id }) = plan.poll(1_010) else { panic!("no look") };
    plan.handle_scan(id, here.clone(), 1_010);
    assert_eq!(plan.held_up()[0].segments, 2);
    assert_eq!(names(&all_actions(&mut plan, &here, &[])), [""; 0]);
}

#[test]
fn an_unmarked_segment_holds_up_the_marked_ones_behind_it() {
    let here = [ready(1, 1), unmarked(1, 2), ready(1, 3), unmarked(1, 4), unmarked(1, 5)];
    assert_eq!(begun(SealedRule::Ready, &here, &[]), [pg(1, 1)]);
    // What the archive holds under its name may be of another log.
    assert_eq!(begun(SealedRule::Ready, &here, &[there(&pg(1, 2), 16)]), [pg(1, 1)]);
    let mut plan = plan(WalSettings { sealed: SealedRule::Ready, ..WalSettings::default() });
    look(&mut plan, here.to_vec(), vec![]);
    assert_eq!(plan.held_up()[0].why, Unfinished::Unmarked);
    assert!(plan.held_up()[0].to_string().contains("checkpoint"));
    // The first, the one that holds up, the one behind it, the current one; not the old file under
    // a later name.
    let exposure = plan.exposure(1_100);
    assert_eq!((exposure.segments, exposure.waiting, exposure.held), (4, 2, 1));
    // What stands in no sequence is held up by nothing.
    let history = marked("00000002.history", ArchiveMark::Ready);
    let here = [unmarked(1, 1), ready(1, 2), history];
    assert_eq!(begun(SealedRule::Ready, &here, &[]), ["00000002.history"]);
}

#[test]
fn a_new_timeline_waits_for_what_leads_to_it_and_for_nothing_else() {
    let ready_ones =
        |here: &[LocalSegment], there: &[ArchivedSegment]| begun(SealedRule::Ready, here, there);
    // The old timeline's files under names to come, and the segment that the new one took over.
    let here = [ready(1, 4), unmarked(1, 5), unmarked(1, 9), ready(2, 5), ready(2, 6)];
    assert_eq!(ready_ones(&here, &[]), [pg(1, 4), pg(2, 5), pg(2, 6)]);
    // An unmarked segment from before the new one began.
    let here = [ready(1, 3), unmarked(1, 4), ready(2, 5), ready(2, 6)];
    assert_eq!(ready_ones(&here, &[]), [pg(1, 3)]);
    // The archive tells that the new one began before it.
    let here = [unmarked(1, 6), ready(2, 7)];
    assert_eq!(ready_ones(&here, &[there(&pg(2, 6), 16)]), [pg(2, 7)]);
    assert_eq!(ready_ones(&here, &[]), [""; 0]);
    // Through a timeline of which nothing is left here.
    let here = [unmarked(1, 4), unmarked(2, 9), ready(3, 6), ready(3, 7)];
    assert_eq!(ready_ones(&here, &[]), [""; 0]);
}

#[test]
fn an_old_file_of_another_timeline_hides_no_gap() {
    let here = [marked(&pg(1, 5), ArchiveMark::Done), unmarked(1, 9), ready(2, 7), unmarked(2, 8)];
    let mut plan = plan(WalSettings { sealed: SealedRule::Ready, ..WalSettings::default() });
    let wanted = all_actions(&mut plan, &here, &[there(&pg(1, 5), 16)]);
    assert_eq!(names(&wanted), [""; 0]);
    let error = plan.outcome().unwrap().as_ref().unwrap_err();
    assert!(error.to_string().contains(&pg(1, 6)), "{error}");
}

#[test]
fn what_waits_behind_one_and_goes_away_is_named() {
    let settings = WalSettings {
        sealed: AGE,
        poll: Some(Duration::from_millis(10)),
        ..WalSettings::default()
    };
    let any = WalSettings { names: Some(SegmentNames::Any), ..settings };
    let mut plan = plan(any);
    let here = vec![aged("a", 10), aged("b", 900), aged("c", 900)];
    look(&mut plan, here, vec![]);
    assert_eq!(actions(&mut plan), []);
    let Some(WalAction::Scan { id }) = plan.poll(1_010) else { panic!("no look") };
    plan.handle_scan(id, vec![aged("a", 20), aged("c", 910)], 1_010);
    let Some(WalAction::List { id }) = plan.poll(1_010) else { panic!("no listing") };
    plan.handle_listing(id, vec![], 1_010);
    assert_eq!(plan.poll(1_010), None);
    let error = plan.outcome().unwrap().as_ref().unwrap_err();
    assert!(error.to_string().contains("segment b was removed"), "{error}");
}
