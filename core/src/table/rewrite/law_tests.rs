//! Rows of any kind come back as they were.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::settings::RewriteSettings;
use super::tests::{merged, plain, rows, rows_of_all, small};
use crate::{Footer, NewFields, Settings};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        (-9_i64..9).prop_map(|value| json!(value)),
        Just(json!(2.5)),
        "[a-c]{0,3}".prop_map(|value| json!(value)),
        Just(json!("2026-01-02")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-cA]", inner, 0..3).prop_map(|fields| json!(fields)),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    let id = prop_oneof![
        3 => Just(None),
        3 => "[a-z]{1,2}".prop_map(|id| Some(json!(id))),
        1 => (0_u64..9).prop_map(|id| Some(json!(id))),
    ];
    (id, prop::collection::btree_map("[a-cA]", value(), 0..4)).prop_map(|(id, fields)| {
        let mut document = json!(fields);
        if let Some(id) = id {
            document["_id"] = id;
        }
        document
    })
}

proptest! {
    #[test]
    fn every_row_comes_back_as_it_was(
        files in prop::collection::vec(prop::collection::vec(document(), 1..12), 1..4),
        keeps_columns in any::<bool>(), group_bytes in 1_usize..600,
    ) {
        let mut next = 0;
        let files: Vec<Bytes> = files.iter().map(|documents| {
            let lsns = (next, next + documents.len() as u64 - 1);
            next = lsns.1 + 1;
            plain(lsns, documents)
        }).collect();
        let schema = Footer::read(&files[0], files[0].len() as u64).unwrap().schema().clone();
        let encode = Settings {
            schema: keeps_columns.then_some(schema),
            new_fields: if keeps_columns { NewFields::Column } else { NewFields::Rescue },
            ..Settings::default()
        };
        let settings = RewriteSettings { encode, row_group_bytes_max: group_bytes, ..small() };
        let file = merged(&files, &format!("lsn-0-{}.1.parquet", next - 1), &settings);
        prop_assert_eq!(rows(&file), rows_of_all(&files));
    }
}
