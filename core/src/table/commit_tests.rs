use super::super::action::{Metadata, Remove};
use super::super::columns::TableColumns;
use super::super::entry::write_entry;
use super::super::fake_log::{FakeLog, append, begin, new_file, path, place};
use super::super::file::NewFile;
use super::*;
use crate::ErrorKind;

fn paths(table: &Table) -> Vec<&str> {
    table.adds().map(|add| add.path.as_str()).collect()
}

fn outcome(committed: &Committed, number: usize) -> &ChangeOutcome {
    committed.outcomes[number].as_ref().unwrap()
}

fn error(committed: &Committed, number: usize) -> &Error {
    committed.outcomes[number].as_ref().unwrap_err()
}

fn conflict(log: &mut FakeLog, change: TableChange) -> String {
    let before = log.objects.len();
    let committed = log.commit(vec![change]);
    assert_eq!(error(&committed, 0).kind(), ErrorKind::Conflict);
    assert_eq!((committed.version, log.objects.len()), (None, before));
    error(&committed, 0).to_string()
}

#[test]
fn the_first_commit_makes_the_table() {
    let mut log = FakeLog::default();
    let committed = log.commit(vec![append(0)]);
    assert_eq!((committed.version, committed.checkpoint_due), (Some(0), false));
    assert_eq!(outcome(&committed, 0).added, [path(0)]);
    assert_eq!(outcome(&committed, 0).version, Some(0));
    let entry = log.objects[&entry_name(0)].clone();
    let names: Vec<String> = std::str::from_utf8(&entry)
        .unwrap()
        .lines()
        .map(|line| line.split('"').nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(names, ["commitInfo", "protocol", "metaData", "add"]);
    let table = log.newest();
    table.check_writable().unwrap();
    assert_eq!(table.metadata().unwrap().id, "table-0");
    assert_eq!(table.add(&path(0)).unwrap().tags["coldpress.lsns"], "0-1");
    assert!(table.adds().eq(committed.table.unwrap().adds()));

    let committed = log.commit(vec![append(2)]);
    assert_eq!(committed.version, Some(1));
    assert_eq!(read_entry(1, &log.objects[&entry_name(1)]).unwrap().len(), 2);
    assert_eq!(paths(&log.newest()), [path(0), path(2)]);
}

#[test]
fn other_engines_find_texts_where_they_expect_them() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    let actions = read_entry(0, &log.objects[&entry_name(0)]).unwrap();
    let LogAction::CommitInfo(info) = &actions[0] else { panic!("{actions:?}") };
    assert_eq!((info.operation(), info.timestamp_ms()), (Some("WRITE"), Some(1_000)));
    assert_eq!(info.0["operationParameters"], serde_json::json!({"mode": "Append"}));
    assert_eq!(info.0["operationMetrics"]["numOutputRows"], "2");
    assert_eq!(info.0["isBlindAppend"], true);
    assert!(info.0["engineInfo"].as_str().unwrap().starts_with("coldpress/"));
}

#[test]
fn committing_again_is_success_and_puts_nothing() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    for again in [append(0), TableChange::adopt(vec![new_file(0, "{\"a\":1}\n{\"a\":2}\n")])] {
        let committed = log.commit(vec![again]);
        assert_eq!((committed.version, log.objects.len()), (None, 1));
        assert_eq!(outcome(&committed, 0).known, [path(0)]);
        assert_eq!(committed.table.unwrap().version(), Some(0));
    }
}

#[test]
fn a_file_that_does_not_fit_is_a_conflict() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    let other = new_file(0, "{\"a\":1}\n{\"a\":2222222,\"b\":\"longer\"}\n");
    let text = conflict(&mut log, TableChange::append(vec![other]));
    assert!(text.contains("bytes") && text.contains(&path(0)), "{text}");
    let text = conflict(&mut log, append(1));
    assert!(text.contains(&path(0)) && text.contains(&path(1)), "{text}");
    let text = conflict(&mut log, TableChange::append(vec![new_file(2, "{\"a\":\"x\"}\n")]));
    assert!(text.contains('a'), "{text}");
    let twice = TableChange::append(vec![new_file(4, "{}\n{}\n"), new_file(5, "{}\n{}\n")]);
    let text = conflict(&mut log, twice);
    assert!(text.contains(&path(4)) && text.contains(&path(5)), "{text}");
    log.commit(vec![TableChange::remove(vec![path(0)])]);
    let text = conflict(&mut log, append(0));
    assert!(text.contains("removed by version 1"), "{text}");
}

#[test]
fn the_conflict_of_one_change_does_not_keep_others_out() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    let committed = log.commit(vec![append(1), append(4), append(0), append(6)]);
    assert_eq!(error(&committed, 0).kind(), ErrorKind::Conflict);
    assert_eq!(outcome(&committed, 1).version, Some(1));
    assert_eq!(outcome(&committed, 2).version, None);
    assert_eq!(outcome(&committed, 3).version, Some(1));
    assert_eq!(paths(&log.newest()), [path(0), path(4), path(6)]);
}

#[test]
fn adoption_passes_over_what_does_not_fit() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0), append(2)]);
    log.commit(vec![TableChange::remove(vec![path(0)])]);
    let files = vec![
        new_file(0, "{\"a\":1}\n{\"a\":2}\n"),
        new_file(3, "{\"a\":1}\n"),
        new_file(5, "{\"a\":\"x\"}\n"),
        new_file(6, "{\"a\":7}\n"),
    ];
    let committed = log.commit(vec![TableChange::adopt(files)]);
    let outcome = outcome(&committed, 0);
    assert_eq!(outcome.added, ["lsn-6-6.parquet"]);
    let passed: Vec<&str> = outcome.passed_over.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(passed, [path(0).as_str(), "lsn-3-3.parquet", "lsn-5-5.parquet"]);
    assert!(outcome.passed_over[0].why.contains("removed"), "{outcome:?}");
    assert_eq!(paths(&log.newest()), [path(2).as_str(), "lsn-6-6.parquet"]);
}

#[test]
fn new_columns_keep_what_the_table_is() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    let before = log.newest().metadata().unwrap().clone();
    let file = new_file(2, "{\"b\":\"x\",\"c\":{\"d\":true}}\n");
    let committed = log.commit(vec![TableChange::append(vec![file]), append(4)]);
    assert_eq!(committed.version, Some(1));
    let table = log.newest();
    let after = table.metadata().unwrap();
    assert_eq!((&after.id, after.created_ms), (&before.id, before.created_ms));
    let columns = TableColumns::from_metadata(after).unwrap();
    let names: Vec<&str> = columns.schema().columns().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(before.schema_string.len() < after.schema_string.len());
}

#[test]
fn files_are_removed_once() {
    let mut log = FakeLog::default();
    let remove = || TableChange::remove(vec![path(0), path(8)]);
    assert_eq!(error(&log.commit(vec![remove()]), 0).kind(), ErrorKind::Missing);
    log.commit(vec![append(0), append(2)]);
    let committed = log.commit(vec![remove()]);
    assert_eq!(outcome(&committed, 0).removed, [path(0)]);
    assert_eq!(outcome(&committed, 0).passed_over[0].path, path(8));
    let table = log.newest();
    assert_eq!(paths(&table), [path(2)]);
    let Remove { deleted_ms, bytes, data_change, .. } = &table.removal(&path(0)).unwrap().remove;
    assert!(*deleted_ms > Some(0) && bytes.is_some() && *data_change);
    let committed = log.commit(vec![remove()]);
    assert_eq!((committed.version, outcome(&committed, 0).passed_over.len()), (None, 2));
}

#[test]
fn an_append_only_table_only_grows() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    let mut metadata: Metadata = log.newest().metadata().unwrap().clone();
    metadata.configuration.insert("delta.appendOnly".to_owned(), "true".to_owned());
    let entry = write_entry(&[LogAction::Metadata(Box::new(metadata))]);
    log.objects.insert(entry_name(1), entry.into());
    let committed = log.commit(vec![TableChange::remove(vec![path(0)]), append(2)]);
    assert!(error(&committed, 0).to_string().contains("delta.appendOnly"));
    assert_eq!(outcome(&committed, 1).version, Some(2));
}

/// The file that a compaction writes of the files of `append(min)` and `append(min + 2)`.
fn compacted(min: u64) -> NewFile {
    new_file(min, "{\"a\":1}\n{\"a\":2}\n{\"a\":1}\n{\"a\":2}\n")
}

#[test]
fn a_rewrite_replaces_what_it_has_read() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0), append(2), append(4)]);
    let table = log.newest();
    let replaced = [path(0), path(2)].map(|path| table.add(&path).unwrap().clone());
    let rewrite = TableChange::compact(&replaced, vec![compacted(0)]);
    let committed = log.commit(vec![rewrite.clone()]);
    assert_eq!(outcome(&committed, 0).removed, [path(0), path(2)]);
    let table = log.newest();
    assert_eq!(paths(&table), ["lsn-0-3.parquet", path(4).as_str()]);
    assert!(!table.add("lsn-0-3.parquet").unwrap().data_change);
    assert!(table.tombstones().all(|remove| !remove.data_change));
    // Again: it is done already. So is an append whose rows the compaction has moved.
    for again in [rewrite, append(0), TableChange::adopt(vec![new_file(2, "{}\n{}\n")])] {
        let committed = log.commit(vec![again]);
        assert_eq!((committed.version, outcome(&committed, 0).known.len()), (None, 1));
    }

    let text = conflict(&mut log, TableChange::compact(&replaced, vec![compacted(2)]));
    assert!(text.contains("meanwhile"), "{text}");
}

#[test]
fn a_rewrite_keeps_the_lsns() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0), append(2), append(10)]);
    let table = log.newest();
    let of = |mins: &[u64]| -> Vec<_> {
        mins.iter().map(|min| table.add(&path(*min)).unwrap().clone()).collect()
    };
    for (replaced, files) in [
        (of(&[0]), vec![compacted(0)]),
        (of(&[0, 2, 10]), vec![compacted(0)]),
        (of(&[0, 2]), vec![]),
        (vec![], vec![compacted(20)]),
    ] {
        let committed = log.commit(vec![TableChange::compact(&replaced, files)]);
        assert_eq!(error(&committed, 0).kind(), ErrorKind::Misuse);
    }
    // An erase may leave rows out, and their LSNs.
    let erase = TableChange::erase(&of(&[0, 2, 10]), vec![compacted(0)]);
    let committed = log.commit(vec![erase]);
    assert_eq!(outcome(&committed, 0).removed.len(), 3);
    let table = log.newest();
    assert_eq!(paths(&table), ["lsn-0-3.parquet"]);
    assert!(table.add("lsn-0-3.parquet").unwrap().data_change);
}

#[test]
fn changes_that_touch_each_other_go_into_entries_of_their_own() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    let committed = log.commit(vec![append(2), TableChange::remove(vec![path(2)]), append(3)]);
    assert_eq!(outcome(&committed, 0).version, Some(1));
    assert_eq!(outcome(&committed, 1).removed, [path(2)]);
    assert_eq!(outcome(&committed, 1).version, Some(2));
    // What was taken when its turn came is free by now; no change waits for another for ever.
    assert!(committed.outcomes[2].is_ok() || error(&committed, 2).kind() == ErrorKind::Conflict);
    assert_eq!(log.newest().version(), committed.version);
}

#[test]
fn the_times_of_a_log_climb() {
    let mut log = FakeLog::default();
    log.commit(vec![append(0)]);
    let info = [("timestamp".to_owned(), 50_000.into())].into_iter().collect();
    let entry = write_entry(&[LogAction::CommitInfo(super::super::action::CommitInfo(info))]);
    log.objects.insert(entry_name(1), entry.into());
    let committed = log.commit(vec![append(2)]);
    assert_eq!(committed.table.unwrap().committed_ms(), Some(50_001));
}

#[test]
fn a_checkpoint_is_due_after_an_interval() {
    let mut log = FakeLog::default();
    let due = (0..=101).map(|n| log.commit(vec![append(2 * n)]).checkpoint_due);
    let due: Vec<u64> = (0..).zip(due).filter(|(_, due)| *due).map(|(at, _)| at).collect();
    assert_eq!(due, [100]);
}

#[test]
fn a_mark_has_its_form() {
    for (own_id, table_id) in [("", "t"), (&"x".repeat(32), "t"), (&"A".repeat(32), "t")] {
        let mark = CommitMark { own_id: own_id.to_owned(), table_id: table_id.to_owned() };
        let commit = TableCommit::new(place(), None, Vec::new(), mark, Random::new(0), 0);
        assert_eq!(commit.unwrap_err().kind(), ErrorKind::Misuse);
    }
}

#[test]
fn answers_out_of_turn_are_misuse() {
    let mut commit = begin(vec![append(0)], 0);
    assert_eq!(commit.put(PutAnswer::Created, 0).unwrap_err().kind(), ErrorKind::Misuse);
    let mut commit = begin(vec![append(0)], 0);
    assert_eq!(commit.waited(0).unwrap_err().kind(), ErrorKind::Misuse);
    let mut commit = begin(vec![append(0)], 0);
    assert_eq!(commit.listed(&[]).unwrap_err().kind(), ErrorKind::Misuse);
    assert!(commit.committed().is_none());
}

#[test]
fn nothing_to_do_is_done() {
    let committed = FakeLog::default().commit(Vec::new());
    assert!(committed.version.is_none() && committed.table.is_none());
}
