use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::action::{CommitInfo, DeletionVector};
use super::*;
use crate::{ErrorKind, KeyPrefix};

fn table() -> Table {
    Table::new(TablePlace::new(&KeyPrefix::new("").unwrap(), 7, "c").unwrap())
}

fn begun() -> Table {
    let mut table = table();
    table.apply(0, begin()).unwrap();
    table
}

fn begin() -> Vec<LogAction> {
    let protocol = Protocol {
        reader_version: 1,
        writer_version: 2,
        reader_features: Vec::new(),
        writer_features: Vec::new(),
    };
    vec![LogAction::Protocol(protocol), LogAction::Metadata(Box::default())]
}

fn add(path: &str, bytes: u64) -> LogAction {
    LogAction::Add(Box::new(Add { path: path.to_owned(), bytes, ..Add::default() }))
}

fn remove(path: &str) -> LogAction {
    LogAction::Remove(Box::new(Remove { path: path.to_owned(), ..Remove::default() }))
}

fn vector(id: &str) -> Option<DeletionVector> {
    Some(DeletionVector { unique_id: id.to_owned() })
}

fn live(table: &Table) -> Vec<(&str, u64)> {
    table.adds().map(|add| (add.path.as_str(), add.bytes)).collect()
}

fn gone(table: &Table) -> Vec<&str> {
    table.tombstones().map(|remove| remove.path.as_str()).collect()
}

#[test]
fn the_newest_action_of_a_path_counts() {
    let mut table = begun();
    table.apply(1, vec![add("b", 1), add("a", 1)]).unwrap();
    assert_eq!(live(&table), [("a", 1), ("b", 1)]);
    table.apply(2, vec![remove("a"), add("b", 2), remove("never")]).unwrap();
    assert_eq!((live(&table), gone(&table)), (vec![("b", 2)], vec!["a", "never"]));
    assert_eq!(table.removal("a").unwrap().version, Some(2));
    assert_eq!(table.removal("b"), None);
    table.apply(3, vec![add("a", 3)]).unwrap();
    assert_eq!((live(&table), gone(&table)), (vec![("a", 3), ("b", 2)], vec!["never"]));
    assert_eq!(table.add("a").unwrap().bytes, 3);
    assert_eq!((table.add("x"), table.version()), (None, Some(3)));
}

#[test]
fn a_file_with_another_deletion_vector_is_another_file() {
    let mut table = begun();
    table.apply(1, vec![add("a", 1)]).unwrap();
    let with = |id: &str| {
        let (path, deletion_vector) = ("a".to_owned(), vector(id));
        LogAction::Add(Box::new(Add { path, deletion_vector, bytes: 1, ..Add::default() }))
    };
    // In whatever order the two stand.
    table.apply(2, vec![with("u1"), remove("a")]).unwrap();
    assert_eq!(table.add("a").unwrap().deletion_vector, vector("u1"));
    assert_eq!(table.removal("a").unwrap().remove.deletion_vector, None);
    table.apply(3, vec![remove("a")]).unwrap();
    assert!(table.add("a").is_some(), "the removed one is not the one that is there");
    let other = Remove { path: "a".to_owned(), deletion_vector: vector("u1"), ..Remove::default() };
    table.apply(4, vec![LogAction::Remove(Box::new(other))]).unwrap();
    assert_eq!((live(&table), gone(&table)), (Vec::new(), vec!["a", "a"]));
}

#[test]
fn the_newest_protocol_metadata_and_transactions_count() {
    let mut table = begun();
    let txn = |version| {
        let app_id = "a".to_owned();
        LogAction::Transaction(Transaction { app_id, version, updated_ms: None })
    };
    table.apply(1, vec![txn(1)]).unwrap();
    let metadata = Metadata { id: "new".to_owned(), ..Metadata::default() };
    let info = BTreeMap::from([("timestamp".to_owned(), 17.into())]);
    let info = LogAction::CommitInfo(CommitInfo(info.into_iter().collect()));
    table.apply(2, vec![info, txn(2), LogAction::Metadata(Box::new(metadata))]).unwrap();
    assert_eq!(table.metadata().unwrap().id, "new");
    assert_eq!(table.protocol().unwrap().writer_version, 2);
    assert_eq!(table.transactions().map(|txn| txn.version).collect::<Vec<_>>(), [2]);
    assert_eq!(table.committed_ms(), Some(17));
    table.apply(3, vec![]).unwrap();
    assert_eq!(table.committed_ms(), None);
}

#[test]
fn a_version_follows_the_one_before() {
    let mut table = table();
    assert_eq!(table.apply(1, begin()).unwrap_err().kind(), ErrorKind::Misuse);
    table.apply(0, begin()).unwrap();
    for wrong in [0, 2, u64::MAX] {
        assert_eq!(table.apply(wrong, vec![]).unwrap_err().kind(), ErrorKind::Misuse);
    }
    assert_eq!(table.apply_checkpoint(1, begin()).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(table.version(), Some(0));
}

#[test]
fn a_table_begins_with_its_protocol_and_columns() {
    for missing in ["protocol", "metaData"] {
        let mut actions = begin();
        actions.remove(usize::from(missing == "metaData"));
        let error = table().apply(0, actions.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(missing), "{error}");
        assert!(table().apply_checkpoint(5, actions).is_err());
    }
}

#[test]
fn an_entry_that_contradicts_itself_changes_nothing() {
    let metadata = Metadata { id: "x".to_owned(), ..Metadata::default() };
    for actions in [
        vec![add("a", 1), remove("a")],
        vec![remove("a"), add("a", 1)],
        vec![add("a", 1), add("a", 2)],
        vec![remove("a"), remove("a")],
        vec![LogAction::Metadata(Box::default()), LogAction::Metadata(Box::new(metadata))],
    ] {
        let mut table = begun();
        let error = table.apply(1, [vec![add("b", 1)], actions].concat()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("version 1"), "{error}");
        assert_eq!((table.version(), live(&table)), (Some(0), vec![]));
    }
    begun().apply(1, vec![add("a", 1), add("a", 1)]).unwrap();
}

#[test]
fn a_checkpoint_stands_for_the_versions_up_to_it() {
    let mut table = table();
    table.apply_checkpoint(9, [begin(), vec![add("a", 1), remove("b")]].concat()).unwrap();
    assert_eq!((live(&table), gone(&table)), (vec![("a", 1)], vec!["b"]));
    assert_eq!((table.version(), table.removal("b").unwrap().version), (Some(9), None));
    table.apply(10, vec![remove("a")]).unwrap();
    assert_eq!(live(&table), []);
}

proptest! {
    /// Against a plain map of the newest action of each path.
    #[test]
    fn a_replay_keeps_the_newest_of_each_path(
        entries in prop::collection::vec(
            prop::collection::btree_map(0_u8..6, any::<Option<u8>>(), 0..5), 0..12,
        ),
        checkpoint_at in 0_usize..12,
    ) {
        let mut expected: BTreeMap<u8, Option<u8>> = BTreeMap::new();
        let mut table = begun();
        for (at, entry) in entries.iter().enumerate() {
            expected.extend(entry);
            let actions = entry.iter().map(|(path, bytes)| match bytes {
                Some(bytes) => add(&path.to_string(), u64::from(*bytes)),
                None => remove(&path.to_string()),
            });
            let version = at as u64 + 1;
            table.apply(version, actions.collect()).unwrap();
            if at == checkpoint_at {
                let mut actions = begin();
                actions.extend(table.adds().map(|add| LogAction::Add(Box::new(add.clone()))));
                let removes = table.tombstones().cloned();
                actions.extend(removes.map(|remove| LogAction::Remove(Box::new(remove))));
                table = self::table();
                table.apply_checkpoint(version, actions).unwrap();
            }
            for (path, bytes) in &expected {
                let path = path.to_string();
                let found = table.add(&path).map(|add| add.bytes);
                prop_assert_eq!(found, bytes.map(u64::from));
                prop_assert_eq!(table.removal(&path).is_some(), bytes.is_none());
            }
            prop_assert_eq!(table.adds().len() + table.tombstones().len(), expected.len());
        }
    }
}
