use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::action::*;
use super::*;
use crate::ErrorKind;

fn read_one(line: &str) -> LogAction {
    let mut actions = read_entry(3, line.as_bytes()).unwrap();
    assert_eq!(actions.len(), 1);
    actions.pop().unwrap()
}

#[test]
fn an_entry_of_spark_is_read() {
    let entry = concat!(
        r#"{"commitInfo":{"timestamp":1515491537026,"operation":"WRITE","x":[1]}}"#,
        "\r\n",
        r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["a"],"#,
        r#""writerFeatures":["a","b"]}}"#,
        "\n",
        r#"{"metaData":{"id":"af23","format":{"provider":"parquet","options":{}},"#,
        r#""schemaString":"{}","partitionColumns":["d"],"configuration":{"k":"v"},"new":1}}"#,
        "\n\n",
        r#"{"add":{"path":"d=1/a%20b.parquet","partitionValues":{"d":null},"size":841454,"#,
        r#""modificationTime":15,"dataChange":true,"baseRowId":4071,"stats":"{\"numRecords\":1}","#,
        r#""deletionVector":{"storageType":"u","pathOrInlineDv":"ab^","offset":4,"#,
        r#""sizeInBytes":40,"cardinality":6}}}"#,
        "\n",
        r#"{"remove":{"path":"c","deletionTimestamp":12,"dataChange":false,"size":7}}"#,
        "\n",
        r#"{"txn":{"appId":"app","version":364475}}"#,
        "\n",
        r#"{"domainMetadata":{"domain":"d","configuration":"","removed":false}}"#,
    );
    let actions = read_entry(0, entry.as_bytes()).unwrap();
    let LogAction::CommitInfo(info) = &actions[0] else { panic!("{:?}", actions[0]) };
    assert_eq!((info.timestamp_ms(), info.operation()), (Some(1_515_491_537_026), Some("WRITE")));
    let protocol = Protocol {
        reader_version: 3,
        writer_version: 7,
        reader_features: vec!["a".to_owned()],
        writer_features: vec!["a".to_owned(), "b".to_owned()],
    };
    assert_eq!(actions[1], LogAction::Protocol(protocol));
    let LogAction::Metadata(metadata) = &actions[2] else { panic!("{:?}", actions[2]) };
    assert_eq!(metadata.partition_columns, ["d"]);
    assert_eq!(metadata.configuration["k"], "v");
    let LogAction::Add(add) = &actions[3] else { panic!("{:?}", actions[3]) };
    assert_eq!((add.path.as_str(), add.bytes), ("d=1/a b.parquet", 841_454));
    assert_eq!(add.partition_values["d"], None);
    assert_eq!(add.deletion_vector.as_ref().unwrap().unique_id, "uab^@4");
    let LogAction::Remove(remove) = &actions[4] else { panic!("{:?}", actions[4]) };
    assert_eq!((remove.deleted_ms, remove.bytes, remove.data_change), (Some(12), Some(7), false));
    let txn = Transaction { app_id: "app".to_owned(), version: 364_475, updated_ms: None };
    assert_eq!(actions[5], LogAction::Transaction(txn));
    assert_eq!(actions[6], LogAction::Other("domainMetadata".to_owned()));
    assert_eq!(actions.len(), 7);
}

#[test]
fn a_line_may_name_its_other_actions_with_null() {
    let read = read_one(r#"{"add":null,"txn":{"appId":"a","version":1,"lastUpdated":null}}"#);
    assert!(matches!(read, LogAction::Transaction(_)), "{read:?}");
    assert_eq!(read_one("{}"), LogAction::Other(String::new()));
    let with_nulls = r#"{"add":{"path":"a","partitionValues":null,"size":1,"modificationTime":1,
        "dataChange":true,"stats":null,"tags":{"a":null,"b":"c"},"deletionVector":null}}"#;
    let LogAction::Add(add) = read_one(&with_nulls.replace('\n', "")) else { panic!() };
    assert_eq!(add.tags, [("b".to_owned(), "c".to_owned())].into());
}

#[test]
fn a_line_that_is_no_action_is_named() {
    let add = |path: &str, size: &str| {
        format!(
            r#"{{"add":{{"path":"{path}","size":{size},"modificationTime":1,"dataChange":true}}}}"#
        )
    };
    for (line, why) in [
        ("[]".to_owned(), "a JSON object"),
        ("7".to_owned(), "a JSON object"),
        ("{".to_owned(), "EOF"),
        (r#"{"txn":{"appId":"a","version":1}} x"#.to_owned(), "trailing"),
        (r#"{"add":{"path":"a"}}"#.to_owned(), "add: missing field `size`"),
        (add("a", "-1"), "below 0"),
        (add("a", "1.5"), "invalid type"),
        (add("a", "9223372036854775808"), "invalid value"),
        (add("a%2", "1"), "percent-encoded"),
        (add("", "1"), "empty"),
        (r#"{"txn":{"appId":"a","version":1},"commitInfo":{}}"#.to_owned(), "two actions"),
        (r#"{"commitInfo":7}"#.to_owned(), "commitInfo"),
        (format!(r#"{{"x":{}"#, "[".repeat(100_000)), "EOF"),
        (r#"{"txn":{"appId":"a","appId":"b","version":1}}"#.to_owned(), "duplicate"),
    ] {
        let error = read_entry(9, format!("{{}}\n{line}\n").as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{line:.100}");
        let text = error.to_string();
        assert!(text.starts_with("line 2 of the log entry 00000000000000000009.json"), "{text}");
        assert!(text.contains(why), "{text}");
        assert!(text.len() < 600, "{text}");
    }
    let not_utf8 = read_entry(9, b"{\"txn\":{\"appId\":\"\xff\",\"version\":1}}").unwrap_err();
    assert_eq!(not_utf8.kind(), ErrorKind::Corrupt);
}

#[test]
fn an_action_is_written_as_other_writers_write_it() {
    let add = Add {
        path: "a b.parquet".to_owned(),
        bytes: 7,
        modified_ms: 8,
        data_change: true,
        stats: Some("{\"numRecords\":1}".to_owned()),
        tags: [("k".to_owned(), "v".to_owned())].into(),
        ..Add::default()
    };
    assert_eq!(
        String::from_utf8(write_entry(&[LogAction::Add(Box::new(add))])).unwrap(),
        "{\"add\":{\"path\":\"a%20b.parquet\",\"partitionValues\":{},\"size\":7,\
         \"modificationTime\":8,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":1}\",\
         \"tags\":{\"k\":\"v\"}}}\n"
    );
    let remove = Remove { path: "x".to_owned(), bytes: Some(7), ..Remove::default() };
    assert_eq!(
        String::from_utf8(write_entry(&[LogAction::Remove(Box::new(remove))])).unwrap(),
        "{\"remove\":{\"path\":\"x\",\"dataChange\":false,\"extendedFileMetadata\":true,\
         \"partitionValues\":{},\"size\":7}}\n"
    );
    let protocol = Protocol {
        reader_version: 1,
        writer_version: 2,
        reader_features: Vec::new(),
        writer_features: Vec::new(),
    };
    assert_eq!(
        write_entry(&[LogAction::Protocol(protocol)]),
        b"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
    );
    let metadata = Metadata { format_provider: "parquet".to_owned(), ..Metadata::default() };
    assert_eq!(
        String::from_utf8(write_entry(&[LogAction::Metadata(Box::new(metadata))])).unwrap(),
        "{\"metaData\":{\"id\":\"\",\"format\":{\"provider\":\"parquet\",\"options\":{}},\
         \"schemaString\":\"\",\"partitionColumns\":[],\"configuration\":{}}}\n"
    );
    assert!(write_entry(&[LogAction::Other("x".to_owned())]).is_empty());
}

#[test]
fn a_value_is_read_as_a_line_is() {
    let value = json!({"txn": {"appId": "a", "version": 1}});
    assert!(matches!(action_from_json(value), Ok(LogAction::Transaction(_))));
    assert!(action_from_json(json!([])).unwrap_err().contains("a JSON object"));
}

prop_compose! {
    fn an_add()(
        path in ".{1,12}", partition_values in btree_map(".{0,5}", option::of(".{0,5}"), 0..3),
        bytes in 0..=i64::MAX as u64, modified_ms in any::<i64>(), data_change in any::<bool>(),
        stats in option::of(".{0,20}"), tags in btree_map(".{0,5}", ".{0,5}", 0..3),
    ) -> Add {
        Add {
            path, partition_values, bytes, modified_ms, data_change, stats, tags,
            deletion_vector: None,
        }
    }
}

prop_compose! {
    fn a_remove()(
        path in ".{1,12}", deleted_ms in option::of(any::<i64>()), data_change in any::<bool>(),
        bytes in option::of(0..=i64::MAX as u64), tags in btree_map(".{0,5}", ".{0,5}", 0..3),
    ) -> Remove {
        Remove { path, deleted_ms, data_change, bytes, tags, deletion_vector: None }
    }
}

prop_compose! {
    fn a_metadata()(
        id in ".{0,5}", name in option::of(".{0,5}"), description in option::of(".{0,5}"),
        format_provider in ".{0,5}", schema_string in ".{0,5}",
        partition_columns in vec(".{0,5}", 0..3),
        configuration in btree_map(".{0,5}", ".{0,5}", 0..3),
        created_ms in option::of(any::<i64>()),
    ) -> Metadata {
        Metadata {
            id, name, description, format_provider, schema_string, partition_columns, configuration,
            created_ms,
        }
    }
}

fn an_action() -> impl Strategy<Value = LogAction> {
    let features = || vec("[a-z]{0,5}", 0..3);
    let protocol = (any::<u32>(), any::<u32>(), features(), features()).prop_map(
        |(reader_version, writer_version, reader_features, writer_features)| Protocol {
            reader_version,
            writer_version,
            reader_features,
            writer_features,
        },
    );
    let txn = (".{0,5}", any::<i64>(), option::of(any::<i64>()))
        .prop_map(|(app_id, version, updated_ms)| Transaction { app_id, version, updated_ms });
    let info = btree_map(".{0,5}", ".{0,5}", 0..3)
        .prop_map(|map| CommitInfo(map.into_iter().map(|(k, v)| (k, Value::from(v))).collect()));
    prop_oneof![
        protocol.prop_map(LogAction::Protocol),
        a_metadata().prop_map(|it| LogAction::Metadata(Box::new(it))),
        an_add().prop_map(|it| LogAction::Add(Box::new(it))),
        a_remove().prop_map(|it| LogAction::Remove(Box::new(it))),
        txn.prop_map(LogAction::Transaction),
        info.prop_map(LogAction::CommitInfo),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(actions in vec(an_action(), 0..6)) {
        prop_assert_eq!(read_entry(1, &write_entry(&actions)).unwrap(), actions);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..60), at in 0_usize..400, to: u8) {
        drop(read_entry(1, &bytes));
        let mut entry = concat!(
            r#"{"add":{"path":"a%20","partitionValues":{"a":null},"size":1,"#,
            r#""modificationTime":1,"dataChange":true,"tags":{}}}"#,
        ).as_bytes().to_vec();
        let at = at % entry.len();
        entry[at] = to;
        drop(read_entry(1, &entry));
    }
}
