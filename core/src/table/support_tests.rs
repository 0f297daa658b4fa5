use super::super::action::{Add, DeletionVector, LogAction};
use super::super::place::TablePlace;
use super::*;
use crate::KeyPrefix;

/// A table of this protocol, after `change` to its metadata.
fn table(
    (reader_version, reader_features): (u32, &[&str]),
    (writer_version, writer_features): (u32, &[&str]),
    change: impl FnOnce(&mut Metadata),
) -> Table {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let protocol = Protocol {
        reader_version,
        writer_version,
        reader_features: owned(reader_features),
        writer_features: owned(writer_features),
    };
    let mut metadata = Metadata { format_provider: "parquet".to_owned(), ..Metadata::default() };
    change(&mut metadata);
    let mut table = Table::new(TablePlace::new(&KeyPrefix::new("").unwrap(), 7, "c").unwrap());
    let actions = vec![LogAction::Protocol(protocol), LogAction::Metadata(Box::new(metadata))];
    table.apply(0, actions).unwrap();
    table
}

fn property(name: &str, value: &str) -> impl FnOnce(&mut Metadata) {
    let pair = (name.to_owned(), value.to_owned());
    |metadata| metadata.configuration.extend([pair])
}

fn nothing(_: &mut Metadata) {}

#[test]
fn a_table_of_ours_is_read_and_written() {
    for table in [
        table((1, &[]), (2, &[]), nothing),
        table((1, &[]), (1, &[]), nothing),
        table((2, &[]), (2, &[]), property("delta.columnMapping.mode", "none")),
        table((1, &[]), (7, &["appendOnly", "invariants"]), nothing),
        table((3, &[]), (7, &[]), nothing),
    ] {
        table.check_writable().unwrap();
    }
}

#[test]
fn a_table_with_a_feature_of_another_engine_is_refused_by_name() {
    let partitioned = |metadata: &mut Metadata| metadata.partition_columns = vec!["day".to_owned()];
    for (table, name) in [
        (table((3, &["typeWidening"]), (7, &["typeWidening"]), nothing), "typeWidening"),
        (table((4, &[]), (8, &[]), nothing), "reader version 4"),
        (table((2, &[]), (5, &[]), property("delta.columnMapping.mode", "name")), "column mapping"),
        (table((1, &[]), (2, &[]), |it| it.format_provider = "orc".to_owned()), "orc"),
        (table((1, &[]), (2, &[]), partitioned), "day"),
    ] {
        let error = table.check_readable().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings);
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(table.check_writable().unwrap_err().to_string(), error.to_string());
    }
}

#[test]
fn what_is_only_read_is_not_written() {
    let invariant = |it: &mut Metadata| {
        it.schema_string = r#"{"metadata":{"delta.invariants":"x > 3"}}"#.to_owned();
    };
    for (table, name) in [
        (table((1, &[]), (3, &[]), nothing), "writer version 3"),
        (table((1, &[]), (7, &["changeDataFeed"]), nothing), "changeDataFeed"),
        (table((3, &["v2Checkpoint"]), (7, &["v2Checkpoint"]), nothing), "v2Checkpoint"),
        (table((1, &[]), (2, &[]), invariant), "delta.invariants"),
    ] {
        table.check_readable().unwrap();
        let error = table.check_writable().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn deletion_vectors_are_refused_when_a_file_has_one() {
    let features = ["deletionVectors"];
    let mut table = table((3, &features), (7, &features), nothing);
    let mut add = Add { path: "a".to_owned(), ..Add::default() };
    table.apply(1, vec![LogAction::Add(Box::new(add.clone()))]).unwrap();
    table.check_readable().unwrap();
    add.path = "b".to_owned();
    add.deletion_vector = Some(DeletionVector::default());
    table.apply(2, vec![LogAction::Add(Box::new(add))]).unwrap();
    let error = table.check_readable().unwrap_err().to_string();
    for part in ["\"b\"", "deletionVectors", "REORG TABLE"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_append_only_table_keeps_its_rows() {
    table((1, &[]), (2, &[]), nothing).check_rows_removable().unwrap();
    let table = table((1, &[]), (2, &[]), property("delta.appendOnly", "true"));
    table.check_writable().unwrap();
    assert!(table.check_rows_removable().unwrap_err().to_string().contains("delta.appendOnly"));
}
