//! Commits whose answers are lost, and several writers at once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::fake_log::{FakeLog, append, begin, new_file, path};
use super::*;
use crate::ErrorKind;

#[test]
fn a_lost_answer_is_looked_after() {
    for is_stored in [true, false] {
        let mut log = FakeLog::default();
        let mut commit = begin(vec![append(0)], 7);
        while !log.step(&mut commit, None).unwrap() {
            if matches!(commit.poll(), CommitStep::Put { .. }) && log.objects.is_empty() {
                log.step(&mut commit, Some(is_stored)).unwrap();
                break;
            }
        }
        assert!(matches!(commit.poll(), CommitStep::Get { .. }));
        log.step(&mut commit, None).unwrap();
        assert_eq!(matches!(commit.poll(), CommitStep::Done), is_stored);
        while !log.step(&mut commit, None).unwrap() {}
        assert_eq!(commit.committed().unwrap().version, Some(0));
        assert_eq!(log.objects.len(), 1);
    }
}

#[test]
fn a_store_that_never_answers_ends_the_commit() {
    let mut log = FakeLog::default();
    let mut commit = begin(vec![append(0)], 7);
    let error = loop {
        if let Err(error) = log.step(&mut commit, Some(false)) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&entry_name(0)), "{error}");
    assert!(commit.committed().is_none() && log.objects.is_empty());
}

#[test]
fn the_loser_of_a_race_goes_on_after_the_winner() {
    let mut log = FakeLog::default();
    let mut loser = begin(vec![append(0)], 1);
    while !matches!(loser.poll(), CommitStep::Put { .. }) {
        log.step(&mut loser, None).unwrap();
    }
    for min in [10, 20, 30] {
        log.commit(vec![append(min)]);
    }
    while !log.step(&mut loser, None).unwrap() {}
    let committed = loser.committed().unwrap();
    assert_eq!(committed.version, Some(3));
    assert_ne!(log.newest().metadata().unwrap().id, "table-1", "the winner made the table");
    assert_eq!(log.newest().adds().len(), 4);
}

#[test]
fn the_loser_of_a_race_is_checked_against_the_winner() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    let mut loser = begin(vec![TableChange::append(vec![new_file(8, "{\"b\":1}\n")])], 1);
    while !matches!(loser.poll(), CommitStep::Put { .. }) {
        log.step(&mut loser, None).unwrap();
    }
    log.commit(vec![TableChange::append(vec![new_file(9, "{\"b\":\"x\"}\n")])]);
    while !log.step(&mut loser, None).unwrap() {}
    let committed = loser.committed().unwrap();
    let error = committed.outcomes[0].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!((committed.version, log.objects.len()), (None, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    /// Several writers in any order, with lost answers: each file is in the log once, no version is
    /// missing, and each writer learns the truth.
    #[test]
    fn writers_at_once_commit_each_file_once(
        writers in prop::collection::vec(prop::collection::vec(0_u64..6, 1..4), 2..5),
        schedule in prop::collection::vec(
            (0_usize..5, prop::option::weighted(0.2, any::<bool>())), 0..80,
        ),
    ) {
        let mut log = FakeLog::default();
        let mut commits: Vec<_> = writers
            .iter()
            .enumerate()
            .map(|(writer, mins)| {
                begin(mins.iter().map(|min| append(3 * min)).collect(), writer as u64)
            })
            .collect();
        for (writer, lost) in schedule {
            if let Some(commit) = commits.get_mut(writer) {
                log.step(commit, lost).unwrap();
            }
        }
        let mut landed: BTreeMap<String, u64> = BTreeMap::new();
        for commit in &mut commits {
            while !log.step(commit, None).unwrap() {}
        }
        for commit in commits {
            for outcome in commit.committed().unwrap().outcomes {
                let outcome = outcome.unwrap();
                for path in &outcome.added {
                    prop_assert_eq!(landed.insert(path.clone(), outcome.version.unwrap()), None);
                }
            }
        }
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for (version, bytes) in (0..).zip(log.objects.values()) {
            prop_assert!(log.objects.contains_key(&entry_name(version)));
            for action in read_entry(version, bytes).unwrap() {
                if let LogAction::Add(add) = action {
                    prop_assert_eq!(found.insert(add.path, version), None);
                }
            }
        }
        prop_assert_eq!(&found, &landed);
        let wanted: BTreeSet<_> =
            writers.iter().flatten().map(|min| path(3 * min)).collect();
        prop_assert!(found.keys().eq(wanted.iter()));
    }
}
