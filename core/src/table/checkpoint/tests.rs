use std::collections::BTreeMap;

use proptest::prelude::*;

use super::read::{read_checkpoint, read_within};
use super::write::{Checkpoint, Content, write, write_checkpoint};
use crate::table::action::{
    Add, DeletionVector, LogAction, Metadata, Protocol, Remove, Transaction,
};
use crate::table::{Table, TablePlace};
use crate::{ErrorKind, KeyPrefix};

pub(super) fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn partitions(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    let owned = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)));
    owned.collect()
}

pub(super) fn protocol() -> Protocol {
    let (reader_features, writer_features) = (Vec::new(), Vec::new());
    Protocol { reader_version: 1, writer_version: 2, reader_features, writer_features }
}

fn metadata() -> Metadata {
    Metadata {
        id: "8b8b02f0-ba8c-43c5-88a9-dc474301e167".to_owned(),
        format_provider: "parquet".to_owned(),
        schema_string: r#"{"type":"struct","fields":[]}"#.to_owned(),
        configuration: map(&[("delta.appendOnly", "false"), ("coldpress.id", "[\"id\"]")]),
        ..Metadata::default()
    }
}

pub(super) fn add(path: &str) -> Add {
    Add {
        path: path.to_owned(),
        bytes: 4_096,
        modified_ms: 1_796_066_107_998,
        stats: Some(r#"{"numRecords":1}"#.to_owned()),
        tags: map(&[("coldpress.lsns", "0-9")]),
        ..Add::default()
    }
}

/// The actions of a table, as a checkpoint of it has them.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) protocol: Protocol,
    pub(super) metadata: Metadata,
    pub(super) transactions: Vec<Transaction>,
    pub(super) adds: Vec<Add>,
    pub(super) removes: Vec<Remove>,
}

impl State {
    pub(super) fn of(adds: Vec<Add>) -> Self {
        let (transactions, removes) = (Vec::new(), Vec::new());
        State { protocol: protocol(), metadata: metadata(), transactions, adds, removes }
    }

    fn write(&self, keep_removed_since_ms: i64) -> crate::Result<Checkpoint> {
        let content = Content {
            version: 7,
            protocol: &self.protocol,
            metadata: &self.metadata,
            transactions: self.transactions.iter(),
            adds: self.adds.iter(),
            tombstones: self.removes.iter(),
        };
        write(content, keep_removed_since_ms)
    }

    pub(super) fn actions(&self) -> Vec<LogAction> {
        let mut actions = vec![
            LogAction::Protocol(self.protocol.clone()),
            LogAction::Metadata(Box::new(self.metadata.clone())),
        ];
        actions.extend(self.transactions.iter().cloned().map(LogAction::Transaction));
        actions.extend(self.adds.iter().cloned().map(|it| LogAction::Add(Box::new(it))));
        actions.extend(self.removes.iter().cloned().map(|it| LogAction::Remove(Box::new(it))));
        actions
    }
}

/// Any text, also one with other alphabets, controls, quotes, and nothing.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z]{1,4}", any::<String>()]
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    prop::collection::btree_map(text(), text(), 0..4)
}

prop_compose! {
    fn any_add()(
        path in "[a-zé %?#]{1,20}",
        partition_values in prop::collection::btree_map(text(), prop::option::of(text()), 0..3),
        bytes in 0..=i64::MAX as u64,
        modified_ms in any::<i64>(),
        stats in prop::option::of(text()),
        tags in texts(),
    ) -> Add {
        let (data_change, deletion_vector) = (false, None);
        Add { path, partition_values, bytes, modified_ms, data_change, stats, tags, deletion_vector }
    }
}

prop_compose! {
    fn any_remove()(
        path in "[a-zé %?#]{1,20}",
        deleted_ms in prop::option::of(any::<i64>()),
        bytes in prop::option::of(0..=i64::MAX as u64),
        tags in texts(),
    ) -> Remove {
        Remove { path, deleted_ms, data_change: false, bytes, tags, deletion_vector: None }
    }
}

prop_compose! {
    fn any_transaction()(
        app_id in text(),
        version in any::<i64>(),
        updated_ms in prop::option::of(any::<i64>()),
    ) -> Transaction {
        Transaction { app_id, version, updated_ms }
    }
}

prop_compose! {
    fn any_state()(
        features in prop::option::of((prop::collection::vec(text(), 0..3), prop::collection::vec(text(), 0..3))),
        (id, name, description) in (text(), prop::option::of(text()), prop::option::of(text())),
        (schema_string, configuration) in (text(), texts()),
        partition_columns in prop::collection::vec(text(), 0..3),
        created_ms in prop::option::of(any::<i64>()),
        transactions in prop::collection::vec(any_transaction(), 0..4),
        adds in prop::collection::vec(any_add(), 0..12),
        removes in prop::collection::vec(any_remove(), 0..6),
    ) -> State {
        let protocol = match features {
            None => protocol(),
            Some((reader_features, writer_features)) => {
                Protocol { reader_version: 3, writer_version: 7, reader_features, writer_features }
            }
        };
        let format_provider = "parquet".to_owned();
        let metadata = Metadata {
            id, name, description, format_provider, schema_string, partition_columns, configuration,
            created_ms,
        };
        State { protocol, metadata, transactions, adds, removes }
    }
}

pub(super) fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_checkpoint_gives_back_the_actions_that_were_written(state in any_state()) {
        let checkpoint = state.write(i64::MIN).unwrap();
        let actions = state.actions();
        prop_assert_eq!(checkpoint.actions, actions.len() as u64);
        prop_assert_eq!(checkpoint.adds, state.adds.len() as u64);
        prop_assert_eq!(read_checkpoint(checkpoint.bytes).unwrap(), actions);
    }
}

#[test]
fn a_checkpoint_of_many_row_groups_and_batches_is_read_whole() {
    let mut state =
        State::of((0..140_000).map(|at| add(&format!("lsn-{at}-{at}.parquet"))).collect());
    // Every third has no tags, every seventh no statistics.
    state.adds.iter_mut().step_by(3).for_each(|add| add.tags.clear());
    state.adds.iter_mut().step_by(7).for_each(|add| add.stats = None);
    let checkpoint = state.write(0).unwrap();
    assert!(checkpoint.bytes.len() < 2 << 20, "{}", checkpoint.bytes.len());
    assert_eq!(checkpoint.actions, 140_002);
    assert_eq!(read_checkpoint(checkpoint.bytes).unwrap(), state.actions());
}

#[test]
fn tombstones_are_left_out_only_as_the_caller_says() {
    let remove =
        |path: &str, deleted_ms| Remove { path: path.to_owned(), deleted_ms, ..Remove::default() };
    let removes = [remove("a", None), remove("b", Some(9)), remove("c", Some(10))];
    let state = State { removes: removes.to_vec(), ..State::of(Vec::new()) };
    let kept = |since_ms| {
        let actions = read_checkpoint(state.write(since_ms).unwrap().bytes).unwrap();
        let paths = actions.into_iter().filter_map(|action| match action {
            LogAction::Remove(remove) => Some(remove.path),
            _ => None,
        });
        paths.collect::<Vec<_>>()
    };
    assert_eq!(kept(i64::MIN), ["a", "b", "c"]);
    assert_eq!(kept(0), ["a", "b", "c"]);
    assert_eq!(kept(10), ["c"]);
    assert_eq!(kept(11), [""; 0]);
}

#[test]
fn a_long_text_that_many_rows_share_counts_in_each() {
    let long = "x".repeat(100_000);
    let adds = (0..1_000).map(|at| Add { stats: Some(long.clone()), ..add(&format!("{at}")) });
    let bytes = State::of(adds.collect()).write(0).unwrap().bytes;
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let error = read_within(bytes.clone(), 50_000_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert_eq!(read_within(bytes, 150_000_000).unwrap().len(), 1_002);
}

#[test]
fn what_no_checkpoint_of_ours_holds_is_misuse() {
    let vector = Some(DeletionVector { unique_id: "u1".to_owned() });
    let state = State::of(vec![Add { deletion_vector: vector, ..add("a") }]);
    assert_eq!(state.write(0).unwrap_err().kind(), ErrorKind::Misuse);
    let state = State::of(vec![Add { bytes: u64::MAX, ..add("a") }]);
    assert_eq!(state.write(0).unwrap_err().kind(), ErrorKind::Misuse);
}

#[test]
fn a_table_that_begins_with_our_checkpoint_is_the_same_table() {
    let place = TablePlace::new(&KeyPrefix::new("").unwrap(), 7, "people").unwrap();
    let mut table = Table::new(place.clone());
    assert_eq!(write_checkpoint(&table, 0).unwrap_err().kind(), ErrorKind::Misuse);
    let [a, b] =
        ["lsn-0-9.parquet", "lsn-10-19.parquet"].map(|path| LogAction::Add(Box::new(add(path))));
    let transaction = Transaction { app_id: "x".to_owned(), version: 3, updated_ms: None };
    let first = [LogAction::Protocol(protocol()), LogAction::Metadata(Box::new(metadata())), a, b];
    table.apply(0, first.to_vec()).unwrap();
    let remove = Remove {
        path: "lsn-0-9.parquet".to_owned(),
        deleted_ms: Some(5),
        bytes: Some(4_096),
        ..Remove::default()
    };
    let second = vec![LogAction::Remove(Box::new(remove)), LogAction::Transaction(transaction)];
    table.apply(1, second).unwrap();
    let checkpoint = write_checkpoint(&table, i64::MIN).unwrap();
    let hint = checkpoint.hint();
    assert_eq!((hint.version, hint.actions, hint.adds, hint.parts), (1, 5, Some(1), None));
    assert_eq!(hint.bytes, Some(checkpoint.bytes.len() as u64));
    let mut again = Table::new(place);
    again.apply_checkpoint(1, read_checkpoint(checkpoint.bytes).unwrap()).unwrap();
    assert_eq!(again.version(), table.version());
    assert_eq!(again.protocol(), table.protocol());
    assert_eq!(again.metadata(), table.metadata());
    assert!(again.adds().eq(table.adds()));
    assert!(again.tombstones().eq(table.tombstones()));
    assert!(again.transactions().eq(table.transactions()));
}
