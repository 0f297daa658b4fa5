use std::sync::Arc;

use bytes::Bytes;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::content::{Action, Group};
use super::read::{read_checkpoint, read_within};
use super::shape::{Growing, SCHEMA};
use super::tests::{State, add, cases, map, partitions, protocol};
use crate::encode::LeafFile;
use crate::table::action::{
    Add, DeletionVector, LogAction, Metadata, Protocol, Remove, Transaction,
};
use crate::{Codec, Encodings, ErrorKind};

const DELTALAKE: &[u8] =
    include_bytes!("../../../../tests/data/delta-checkpoints/deltalake.checkpoint.parquet");
const SPARK: &[u8] =
    include_bytes!("../../../../tests/data/delta-checkpoints/spark.checkpoint.parquet");
const SPARK_V2_PAGES: &[u8] =
    include_bytes!("../../../../tests/data/delta-checkpoints/spark-v2-pages.checkpoint.parquet");

#[test]
fn a_checkpoint_of_deltalake_is_read() {
    let actions = read_checkpoint(Bytes::from_static(DELTALAKE)).unwrap();
    let adds: Vec<&Add> = actions
        .iter()
        .filter_map(|action| if let LogAction::Add(add) = action { Some(&**add) } else { None })
        .collect();
    assert_eq!((actions.len(), adds.len()), (8, 4));
    assert!(actions.contains(&LogAction::Protocol(protocol())));
    // The folder of the file has a percent sign, which the log encodes.
    let encoded = adds.iter().find(|add| add.path.starts_with("p=z%2F%C3%A9/part-")).unwrap();
    assert_eq!(encoded.partition_values, partitions(&[("p", Some("z/é"))]));
    assert_eq!((encoded.bytes, encoded.modified_ms > 1_796_066_107_000), (683, true));
    assert!(encoded.stats.as_ref().unwrap().contains(r#""id":"ü \" \n""#));
    let null = adds.iter().filter(|add| add.partition_values == partitions(&[("p", None)]));
    assert_eq!(null.count(), 2);
    let removes = actions.iter().filter(|action| match action {
        LogAction::Remove(it) => it.bytes == Some(724) && it.deleted_ms == Some(1_796_066_108_043),
        _ => false,
    });
    assert_eq!(removes.count(), 2);
    let metadata = actions
        .iter()
        .find_map(|action| if let LogAction::Metadata(it) = action { Some(it) } else { None });
    let metadata = metadata.unwrap();
    assert_eq!(metadata.name.as_deref(), Some("t"));
    assert_eq!(metadata.description.as_deref(), Some("what it is"));
    assert_eq!(metadata.partition_columns, ["p"]);
    let configuration =
        map(&[("delta.logRetentionDuration", "interval 30 days"), ("delta.appendOnly", "false")]);
    assert_eq!(metadata.configuration, configuration);
}

fn of_spark() -> Vec<LogAction> {
    let vector = |id: &str| Some(DeletionVector { unique_id: id.to_owned() });
    let features = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let schema =
        r#"{"type":"struct","fields":[{"name":"n","type":"long","nullable":true,"metadata":{}}]}"#;
    let (inline, at) =
        ("wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", "ab^-aqEH.-t@S}K{vb[*k^");
    vec![
        LogAction::Protocol(Protocol {
            reader_version: 3,
            writer_version: 7,
            reader_features: features(&["deletionVectors"]),
            writer_features: features(&["deletionVectors", "domainMetadata"]),
        }),
        LogAction::Metadata(Box::new(Metadata {
            id: "22ef18ba-191c-4c36-a606-3dad5cdf3830".to_owned(),
            format_provider: "parquet".to_owned(),
            schema_string: schema.to_owned(),
            partition_columns: features(&["p", "q"]),
            configuration: map(&[("delta.enableDeletionVectors", "true"), ("k", "v")]),
            created_ms: Some(1_564_524_294_376),
            ..Metadata::default()
        })),
        LogAction::Transaction(Transaction {
            app_id: "3ba13872-2d47-4e17-86a0-21afd2a22395".to_owned(),
            version: 364_475,
            updated_ms: None,
        }),
        LogAction::Add(Box::new(Add {
            path: "p=a b/part-00000.snappy.parquet".to_owned(),
            partition_values: partitions(&[("p", Some("a b")), ("q", None)]),
            bytes: 841_454,
            modified_ms: 1_512_909_768_000,
            data_change: true,
            stats: Some(r#"{"numRecords":1}"#.to_owned()),
            deletion_vector: vector(&format!("u{at}@4")),
            ..Add::default()
        })),
        LogAction::Add(Box::new(Add {
            path: "s3://other/x%20y.parquet".to_owned(),
            partition_values: partitions(&[("p", None), ("q", Some("1"))]),
            tags: map(&[("INSERTION_TIME", "1")]),
            ..Add::default()
        })),
        LogAction::Remove(Box::new(Remove {
            path: "part-00001.parquet".to_owned(),
            deleted_ms: Some(1_515_488_792_485),
            data_change: true,
            bytes: Some(7),
            ..Remove::default()
        })),
        LogAction::Remove(Box::new(Remove {
            path: "part-00002.parquet".to_owned(),
            deletion_vector: vector(&format!("i{inline}")),
            ..Remove::default()
        })),
    ]
}

#[test]
fn checkpoints_in_the_form_of_spark_are_read() {
    for bytes in [SPARK, SPARK_V2_PAGES] {
        assert_eq!(read_checkpoint(Bytes::from_static(bytes)).unwrap(), of_spark());
    }
}

/// A checkpoint whose columns have these names and types instead.
fn with_schema(state: &State, codec: Codec, changes: &[(&str, &str)]) -> Bytes {
    let mut schema = SCHEMA.to_owned();
    for (from, to) in changes {
        assert!(schema.contains(from), "{from}");
        schema = schema.replace(from, to);
    }
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut file = LeafFile::open(schema, codec, Encodings::Legacy).unwrap();
    let mut group = Group::new();
    group.push(Action::Protocol(&state.protocol)).unwrap();
    group.push(Action::Metadata(&state.metadata)).unwrap();
    state.adds.iter().for_each(|add| group.push(Action::Add(add)).unwrap());
    let rows = group.rows;
    file.write(group.end(), rows).unwrap();
    file.close().unwrap()
}

#[test]
fn names_below_lists_and_maps_and_codecs_do_not_matter() {
    let mut state = State::of(vec![add("a"), add("b")]);
    state.metadata.partition_columns = vec!["p".to_owned(), "q".to_owned()];
    state.adds[1].partition_values = partitions(&[("p", None), ("q", Some(""))]);
    // As Spark writes them with `spark.sql.parquet.writeLegacyFormat`.
    let legacy = [
        ("repeated group list", "repeated group bag"),
        ("element (STRING)", "array_element (STRING)"),
        ("repeated group key_value", "repeated group map (MAP_KEY_VALUE)"),
    ];
    for codec in [Codec::None, Codec::Snappy, Codec::Zstd(1), Codec::Lz4, Codec::Gzip(6)] {
        if matches!(codec, Codec::Gzip(_)) && !cfg!(feature = "decode-all") {
            continue;
        }
        let bytes = with_schema(&state, codec, &legacy);
        assert_eq!(read_checkpoint(bytes).unwrap(), state.actions(), "{codec:?}");
    }
}

/// The error of a checkpoint with these changes of its columns.
fn refused(changes: &[(&str, &str)]) -> (ErrorKind, String) {
    let bytes = with_schema(&State::of(vec![add("a")]), Codec::Snappy, changes);
    let error = read_checkpoint(bytes).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn a_missing_field_is_named() {
    for (field, from, to) in [
        (
            "add.path",
            "group add {\n            optional binary path",
            "group add {\n optional binary x",
        ),
        ("add.size", "int64 size;\n            optional int64 m", "int64 x;\n optional int64 m"),
        ("add.modificationTime", "modificationTime", "x"),
        ("metaData.id", "binary id ", "binary x "),
        ("metaData.schemaString", "schemaString", "x"),
        ("metaData.format.provider", "provider", "x"),
        ("protocol.minReaderVersion", "minReaderVersion", "x"),
        ("protocol.minWriterVersion", "minWriterVersion", "x"),
    ] {
        let (kind, message) = refused(&[(from, to)]);
        assert_eq!(kind, ErrorKind::Corrupt, "{message}");
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn columns_of_another_form_are_refused() {
    let one = |mut leaf: Growing| {
        leaf.text(0, Some("a"));
        leaf
    };
    let many = |mut leaf: Growing| {
        leaf.entries(0, Some(std::iter::once(Some("a"))));
        leaf
    };
    let mut number = Growing::int64(1);
    number.number(0, Some(1));
    let path = "optional binary path (STRING);";
    let list = "repeated group list { optional binary element (STRING); }";
    for (column, fields, leaves) in [
        ("add.path", "optional int64 path;".to_owned(), vec![number]),
        (
            "add.path.list.element",
            format!("optional group path (LIST) {{ {list} }}"),
            vec![many(Growing::nullable_entries(1))],
        ),
        (
            "add.tags",
            format!("{path} optional group tags {{ optional binary x (STRING); }}"),
            vec![one(Growing::texts(1)), one(Growing::texts(2))],
        ),
        (
            "add.stats.x",
            format!("{path} optional group stats {{ repeated group x {{ {list} }} }}"),
            vec![one(Growing::texts(1)), one(Growing::texts(1))],
        ),
    ] {
        let schema = format!("message m {{ optional group add {{ {fields} }} }}");
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let mut file = LeafFile::open(schema, Codec::None, Encodings::Legacy).unwrap();
        file.write(leaves.into_iter().map(|leaf| leaf.end(1)).collect(), 1).unwrap();
        let error = read_checkpoint(file.close().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(column), "{error}");
    }
}

#[test]
fn a_checkpoint_of_the_second_form_is_refused_by_its_name() {
    let v2 = ("group remove {", "group sidecar {");
    let bytes = with_schema(&State::of(vec![add("a")]), Codec::None, &[v2]);
    // The column alone is no matter, as in the checkpoints of deltalake.
    assert_eq!(read_checkpoint(bytes).unwrap().len(), 3);
    let schema = Arc::new(parse_message_type(&SCHEMA.replace(v2.0, v2.1)).unwrap());
    let mut file = LeafFile::open(schema, Codec::None, Encodings::Legacy).unwrap();
    let mut group = Group::new();
    let remove = Remove { path: "sidecar.parquet".to_owned(), ..Remove::default() };
    group.push(Action::Remove(&remove)).unwrap();
    file.write(group.end(), 1).unwrap();
    let error = read_checkpoint(file.close().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("v2Checkpoint"), "{error}");
}

#[test]
fn what_is_no_path_no_size_or_no_text_is_corrupt() {
    let of = |add: Add, changes: &[(&str, &str)]| {
        let error = read_checkpoint(with_schema(&State::of(vec![add]), Codec::None, changes));
        (error.as_ref().unwrap_err().kind(), error.unwrap_err().to_string())
    };
    // What one column holds is read as another.
    let sizes = [
        (
            "int64 size;\n            optional int64 modificationTime",
            "int64 x; optional int64 size",
        ),
        (
            "boolean dataChange;\n            optional binary stats",
            "boolean x; optional binary stats",
        ),
    ];
    let (kind, message) = of(Add { modified_ms: -1, ..add("a") }, &sizes);
    assert!(kind == ErrorKind::Corrupt && message.contains("negative add.size -1"), "{message}");
    let paths = [
        ("group add {\n            optional binary path", "group add { optional binary x"),
        ("binary stats", "binary path"),
    ];
    let (kind, message) = of(Add { stats: Some("pl%in".to_owned()), ..add("a") }, &paths);
    assert!(kind == ErrorKind::Corrupt && message.contains("wrong add.path"), "{message}");
    let mut bytes = SPARK.to_vec();
    let at = bytes.windows(10).position(|at| at == b"part-00001").unwrap();
    bytes[at] = 0xFF;
    let error = read_checkpoint(Bytes::from(bytes)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("remove.path has a text that is not UTF-8"), "{error}");
}

#[test]
fn no_cut_makes_it_panic() {
    for bytes in [DELTALAKE, SPARK, SPARK_V2_PAGES] {
        for end in 0..bytes.len() {
            let error = read_checkpoint(Bytes::copy_from_slice(&bytes[..end])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{end}");
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn changed_bytes_give_an_error_or_some_actions(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = [DELTALAKE, SPARK, SPARK_V2_PAGES][which].to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        // A footer may claim anything: the actions fit the budget, or there is an error.
        let _ = read_within(Bytes::from(bytes), 1 << 20);
    }
}
