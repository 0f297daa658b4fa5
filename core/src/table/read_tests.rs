use proptest::prelude::*;

use super::super::action::{Add, CommitInfo, Metadata, Protocol, Remove};
use super::super::checkpoint::write_checkpoint;
use super::super::entry::write_entry;
use super::super::fake_log::{FakeLog, place};
use super::super::name::checkpoint_name;
use super::*;
use crate::ErrorKind;

/// A log of so many versions, without checkpoints. Each version adds the file of its number and
/// each third one removes the file of the version before.
fn log(versions: u64) -> FakeLog {
    let mut log = FakeLog::default();
    for version in 0..versions {
        log.objects.insert(entry_name(version), write_entry(&actions(version)).into());
    }
    log
}

fn actions(version: u64) -> Vec<LogAction> {
    let timestamp = [("timestamp".to_owned(), version.into())];
    let mut actions = vec![LogAction::CommitInfo(CommitInfo(timestamp.into_iter().collect()))];
    if version == 0 {
        actions.push(LogAction::Protocol(Protocol {
            reader_version: 1,
            writer_version: 2,
            reader_features: Vec::new(),
            writer_features: Vec::new(),
        }));
        actions.push(LogAction::Metadata(Box::new(Metadata {
            format_provider: "parquet".to_owned(),
            schema_string: "{}".to_owned(),
            ..Metadata::default()
        })));
    }
    let path = |version: u64| format!("f{version:05}");
    if version % 3 == 2 {
        let remove = Remove { path: path(version - 1), ..Remove::default() };
        actions.push(LogAction::Remove(Box::new(remove)));
    }
    let add = Add { path: path(version), bytes: version, ..Add::default() };
    actions.push(LogAction::Add(Box::new(add)));
    actions
}

/// What the log says of a version, by all its entries.
fn replayed(version: u64) -> Table {
    let mut table = Table::new(place());
    for version in 0..=version {
        table.apply(version, actions(version)).unwrap();
    }
    table
}

fn assert_is(table: &Table, version: u64) {
    let expected = replayed(version);
    assert_eq!(table.version(), Some(version));
    assert!(table.adds().eq(expected.adds()), "{table:?}");
    assert!(table.tombstones().map(|it| &it.path).eq(expected.tombstones().map(|it| &it.path)));
    assert_eq!(table.metadata(), expected.metadata());
    assert_eq!(table.protocol(), expected.protocol());
}

fn newest(log: &mut FakeLog) -> Result<Option<Arc<Table>>> {
    log.asked.clear();
    log.read(TableReader::new(place()))
}

fn at(log: &mut FakeLog, version: u64) -> Result<Arc<Table>> {
    Ok(log.read(TableReader::at(place(), version))?.unwrap())
}

/// Puts a checkpoint that no reader can use.
fn spoil(log: &mut FakeLog, version: u64) {
    log.objects.insert(checkpoint_name(version), Bytes::from_static(b"PAR1 no checkpoint"));
}

fn drop_entries(log: &mut FakeLog, versions: std::ops::Range<u64>) {
    versions.for_each(|version| drop(log.objects.remove(&entry_name(version))));
}

#[test]
fn a_folder_without_a_log_has_no_table() {
    let mut log = FakeLog::default();
    assert!(newest(&mut log).unwrap().is_none());
    assert_eq!(log.asked, ["_last_checkpoint", ">"]);
    log.objects.insert("00000000000000000000.crc".to_owned(), Bytes::new());
    assert!(newest(&mut log).unwrap().is_none());
}

#[test]
fn entries_are_read_in_order() {
    let mut log = log(8);
    let table = newest(&mut log).unwrap().unwrap();
    assert_is(&table, 7);
    assert_eq!(table.committed_ms(), Some(7));
    assert_is(&at(&mut log, 4).unwrap(), 4);
}

#[test]
fn a_checkpoint_saves_the_entries_before_it() {
    let mut log = log(12);
    log.write_checkpoint(9);
    drop_entries(&mut log, 0..9);
    let table = newest(&mut log).unwrap().unwrap();
    assert_is(&table, 11);
    let after = ">00000000000000000009";
    let names = ["_last_checkpoint", after, &checkpoint_name(9), &entry_name(10), &entry_name(11)];
    assert_eq!(log.asked, names);
    drop_entries(&mut log, 10..12);
    let table = newest(&mut log).unwrap().unwrap();
    assert_is(&table, 9);
    assert_eq!(table.committed_ms(), Some(9), "its own entry says when");
    log.objects.insert(entry_name(9), Bytes::from_static(b"damaged"));
    let table = newest(&mut log).unwrap().unwrap();
    assert_eq!(table.committed_ms(), Some(1_000), "the store's time of the entry");
    log.objects.remove(&entry_name(9));
    assert_eq!(newest(&mut log).unwrap().unwrap().committed_ms(), None);
}

#[test]
fn the_hint_is_only_a_hint() {
    let mut log = log(12);
    log.write_checkpoint(6);
    log.write_checkpoint(9);
    for hint in [
        None,
        Some("damaged"),
        Some(r#"{"version":6,"size":1}"#),
        Some(r#"{"version":7,"size":1}"#),
        Some(r#"{"version":700,"size":1}"#),
        Some(r#"{"version":18446744073709551615,"size":1}"#),
    ] {
        match hint {
            None => log.objects.remove(LAST_CHECKPOINT),
            Some(hint) => log.objects.insert(LAST_CHECKPOINT.to_owned(), hint.into()),
        };
        assert_is(&newest(&mut log).unwrap().unwrap(), 11);
        assert!(log.asked.contains(&checkpoint_name(9)), "{hint:?}: {:?}", log.asked);
        assert_is(&at(&mut log, 8).unwrap(), 8);
    }
    log.objects.insert(LAST_CHECKPOINT.to_owned(), r#"{"version":9,"size":1}"#.into());
    log.objects.remove(&checkpoint_name(9));
    assert_is(&newest(&mut log).unwrap().unwrap(), 11);
    assert!(log.asked.contains(&checkpoint_name(6)));
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let mut log = log(12);
    log.write_checkpoint(6);
    log.write_checkpoint(9);
    spoil(&mut log, 9);
    assert_is(&newest(&mut log).unwrap().unwrap(), 11);
    spoil(&mut log, 6);
    assert_is(&newest(&mut log).unwrap().unwrap(), 11);
    drop_entries(&mut log, 0..1);
    let error = newest(&mut log).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("checkpoint of version 9"), "{error}");
}

#[test]
fn a_checkpoint_in_parts_counts_when_all_are_there() {
    let mut log = log(6);
    let whole = replayed(4);
    let part = |part: u64| format!("{:020}.checkpoint.{part:010}.0000000002.parquet", 4);
    // Two halves of the files; the protocol and the columns stand in both.
    for (number, is_mine) in [(1, 0), (2, 1)] {
        let mut half = Table::new(place());
        let mut actions = actions(0);
        actions.pop();
        let adds = whole.adds().enumerate().filter(|(at, _)| at % 2 == is_mine);
        actions.extend(adds.map(|(_, add)| LogAction::Add(Box::new(add.clone()))));
        let removes = whole.tombstones().enumerate().filter(|(at, _)| at % 2 == is_mine);
        actions.extend(removes.map(|(_, it)| LogAction::Remove(Box::new(it.clone()))));
        half.apply_checkpoint(4, actions).unwrap();
        log.objects.insert(part(number), write_checkpoint(&half, i64::MIN).unwrap().bytes);
    }
    drop_entries(&mut log, 0..4);
    assert_is(&newest(&mut log).unwrap().unwrap(), 5);
    log.objects.remove(&part(1));
    assert_eq!(newest(&mut log).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_hole_in_the_log_is_named() {
    let mut log = log(8);
    drop_entries(&mut log, 5..6);
    let error = newest(&mut log).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(&entry_name(5)), "{error}");
    assert_is(&at(&mut log, 4).unwrap(), 4);
    drop_entries(&mut log, 0..1);
    let error = newest(&mut log).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(&entry_name(1)), "{error}");
    log.objects.insert(entry_name(i64::MAX as u64), Bytes::new());
    assert_eq!(newest(&mut log).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn an_unread_checkpoint_is_named_where_it_is_needed() {
    let mut log = log(8);
    let uuid = "80a083e8-7026-4e79-81be-64bd76c43a11";
    log.objects.insert(format!("{:020}.checkpoint.{uuid}.json", 6), Bytes::new());
    assert_is(&newest(&mut log).unwrap().unwrap(), 7);
    drop_entries(&mut log, 0..6);
    let error = newest(&mut log).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("v2"), "{error}");
    drop_entries(&mut log, 0..8);
    assert_eq!(newest(&mut log).unwrap_err().kind(), ErrorKind::Settings);
}

#[test]
fn an_old_or_a_future_version_is_missing() {
    let mut log = log(12);
    log.write_checkpoint(9);
    drop_entries(&mut log, 0..9);
    for (version, part) in [(8, "does not reach back"), (0, "does not reach back"), (12, "is 11")] {
        let error = at(&mut log, version).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Missing, "{version}");
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_is(&at(&mut log, 9).unwrap(), 9);
}

#[test]
fn a_refresh_asks_once_when_nothing_is_new() {
    let mut log = log(8);
    let table = newest(&mut log).unwrap().unwrap();
    log.asked.clear();
    let same = log.read(TableReader::refresh(Arc::clone(&table))).unwrap().unwrap();
    assert!(Arc::ptr_eq(&same, &table));
    assert_eq!(log.asked, [entry_name(8)]);
    log.objects.insert(entry_name(8), write_entry(&actions(8)).into());
    assert_is(&log.read(TableReader::refresh(Arc::clone(&table))).unwrap().unwrap(), 8);
    assert_is(&table, 7);
}

#[test]
fn a_refresh_that_is_far_behind_takes_a_checkpoint() {
    let mut log = log(400);
    let table = Arc::new(replayed(3));
    log.write_checkpoint(390);
    log.asked.clear();
    assert_is(&log.read(TableReader::refresh(table)).unwrap().unwrap(), 399);
    assert!(log.asked.len() < 120, "{}", log.asked.len());
}

#[test]
fn an_object_that_goes_away_while_it_is_read_makes_it_list_again() {
    let mut log = log(12);
    log.write_checkpoint(6);
    let mut reader = TableReader::new(place());
    reader.got(log.get(LAST_CHECKPOINT)).unwrap();
    reader.listed(&log.list(">00000000000000000006")).unwrap();
    // Another process writes a newer checkpoint and cleans up.
    log.write_checkpoint(10);
    drop_entries(&mut log, 0..10);
    log.objects.remove(&checkpoint_name(6));
    assert_is(&log.read(reader).unwrap().unwrap(), 11);

    let mut reader = TableReader::new(place());
    let error = loop {
        let result = match reader.poll().clone() {
            LogStep::Get { .. } => reader.got(None),
            LogStep::List { after } => reader.listed(&log.list(&after)),
            LogStep::Done => panic!("it cannot be done"),
        };
        if let Err(error) = result {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn what_comes_next_is_told() {
    let mut log = log(5);
    let mut reader = TableReader::new(place());
    assert!(reader.upcoming(9).is_empty());
    reader.got(None).unwrap();
    reader.listed(&log.list("")).unwrap();
    assert_eq!(reader.upcoming(2), [entry_name(1), entry_name(2)]);
    assert_eq!(reader.upcoming(9).len(), 4);
}

#[test]
fn answers_out_of_turn_are_misuse() {
    let mut reader = TableReader::new(place());
    assert_eq!(reader.listed(&[]).unwrap_err().kind(), ErrorKind::Misuse);
    let mut reader = TableReader::new(place());
    reader.got(None).unwrap();
    assert_eq!(reader.got(None).unwrap_err().kind(), ErrorKind::Misuse);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever checkpoints there are, and whatever is gone or damaged: a version is read right, or
    /// there is an error.
    #[test]
    fn a_version_is_read_right_or_not_at_all(
        checkpoints in prop::collection::btree_set(0_u64..16, 0..4),
        spoiled in prop::collection::btree_set(0_u64..16, 0..2),
        gone in prop::collection::btree_set(0_u64..16, 0..3),
        cleaned in 0_u64..16,
        wanted in prop::option::of(0_u64..18),
    ) {
        let mut log = log(16);
        for version in &checkpoints {
            log.write_checkpoint(*version);
        }
        for version in &spoiled {
            spoil(&mut log, *version);
        }
        drop_entries(&mut log, 0..cleaned);
        for version in &gone {
            drop_entries(&mut log, *version..*version + 1);
        }
        let there = |version: u64| log.objects.contains_key(&entry_name(version));
        let is_known = |version: &u64| {
            there(*version) || log.objects.contains_key(&checkpoint_name(*version))
        };
        let last = (0..16).rev().find(is_known);
        let usable: Vec<u64> = checkpoints.difference(&spoiled).copied().collect();
        let from = |most: u64| usable.iter().rev().find(|it| **it <= most).copied();
        let can_read = |version: u64| {
            let first = from(version).map_or(0, |it| it + 1);
            (first..=version).all(there)
        };
        let result = match wanted {
            Some(version) => at(&mut log.clone(), version).map(Some),
            None => newest(&mut log.clone()),
        };
        match (result, wanted) {
            (Ok(Some(table)), Some(version)) => {
                prop_assert!(can_read(version));
                assert_is(&table, version);
            }
            (Ok(Some(table)), None) => assert_is(&table, last.unwrap()),
            (Ok(None), _) => prop_assert!(last.is_none()),
            (Err(error), Some(version)) => prop_assert!(!can_read(version), "{}", error),
            (Err(error), None) => {
                prop_assert!(!last.is_some_and(can_read), "{}", error);
            }
        }
    }
}
